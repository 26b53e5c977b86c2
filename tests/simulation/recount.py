"""A second count of every figure of a run, from its commands and events alone.

It follows the definitions of router/simulation/results.py and DESIGN.md, not the C++: it keeps the whole story of every
call and agent and counts at the end, in no hurry. `recount` is to equal what the run says: exactly, but for percentiles
(0.1 %) and for what is no whole number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from router.engine.commands import Enqueue, RecordOutcome
from router.simulation.results import AgentFigures, Balance, Happening, QueueFigures, Replication, Series
from router.simulation.scenario.model import Scenario
from tests.simulation.recount_agents import AgentStories
from tests.simulation.recount_calls import CallStories, CallStory, call_figures, discrimination


def recount(scenario: Scenario, happenings: Sequence[Happening], replication: Replication) -> Replication:
    """Count again what a run with these commands and events found; its event hash and sums of slices are taken over."""
    begun_us = happenings[0].time_us
    start_us = begun_us + scenario.warm_up_us
    window = (start_us, start_us + scenario.length_us)
    calls, agents = follow(scenario, happenings, window)
    end_us = max(happenings[-1].time_us, window[1])
    measured = [call for call in calls.all if call.measured]
    return Replication(
        number=replication.number,
        length_us=scenario.length_us,
        calls=call_figures(measured, end_us),
        callers={
            one.name: call_figures([c for c in measured if c.callers == one.name], end_us) for one in scenario.callers
        },
        queues={
            name: queue_figures(name, calls.all, [c for c in measured if c.first_queue == name], window, end_us)
            for name in scenario.settings.queues
        },
        agents=agent_figures(scenario, agents, window),
        balance=balance(calls.all, window, end_us),
        discrimination=discrimination(calls.flow, window),
        series=replication.series and series(scenario, replication.series, calls, measured, agents, window, end_us),
        commands=len(happenings),
        events=sum(len(happening.events) for happening in happenings),
        customers=len(calls.all),
        event_hash=replication.event_hash,
    )


def follow(
    scenario: Scenario, happenings: Iterable[Happening], window: tuple[int, int]
) -> tuple[CallStories, AgentStories]:
    """Write down the story of each call and agent."""
    calls = CallStories(scenario, window)
    agents = AgentStories(scenario.settings.channels)
    for happening in happenings:
        if isinstance(happening.command, Enqueue):
            calls.expect(happening.command)
        if isinstance(happening.command, RecordOutcome):
            calls.note_outcome(happening.command)
        for event in happening.events:
            calls.take(event)
            agents.take(event, happening.command, calls.channel_of)
    return calls, agents


def agent_figures(scenario: Scenario, agents: AgentStories, window: tuple[int, int]) -> tuple[AgentFigures, ...]:
    return tuple(agents.figures(name, group.name, window) for group in scenario.agents for name in group.agent_names())


def overlap(from_us: int, until_us: int, window: tuple[int, int]) -> int:
    return max(0, min(until_us, window[1]) - max(from_us, window[0]))


def waits_in(queue: str | None, calls: Iterable[CallStory], end_us: int) -> list[tuple[int, int]]:
    """All spells of waiting, in one queue or (None) all of them."""
    return [
        (spell.from_us, end_us if spell.until_us is None else spell.until_us)
        for call in calls
        for spell in call.waits
        if queue is None or spell.queue == queue
    ]


def queue_figures(
    name: str, everybody: Sequence[CallStory], calls: Sequence[CallStory], window: tuple[int, int], end_us: int
) -> QueueFigures:
    spells = waits_in(name, everybody, end_us)
    return QueueFigures(
        calls=call_figures(calls, end_us),
        length_integral_us=sum(overlap(*spell, window) for spell in spells),
        length_max=max((number for _, number in lengths(spells, window)), default=0),
    )


def lengths(spells: Iterable[tuple[int, int]], window: tuple[int, int]) -> list[tuple[int, int]]:
    """How many spells there are at a time within the window: (duration, number) for each time between two changes."""
    changes: dict[int, int] = {window[0]: 0, window[1]: 0}
    for from_us, until_us in spells:
        if overlap(from_us, until_us, window) > 0:
            first, last = max(from_us, window[0]), min(until_us, window[1])
            changes[first] = changes.get(first, 0) + 1
            changes[last] = changes.get(last, 0) - 1
    times = sorted(changes)
    number = 0
    found = []
    for time_us, next_us in pairwise(times):
        number += changes[time_us]
        found.append((next_us - time_us, number))
    return found


def balance(calls: Sequence[CallStory], window: tuple[int, int], end_us: int) -> Balance:
    """Count who comes and goes by the clock; a call that comes and goes at one instant does both."""
    spells = [stay for call in calls for stay in call.stays()]

    def at(time_us: int) -> int:
        return sum(start < time_us and (end is None or end >= time_us) for start, end in spells)

    return Balance(
        waiting_at_start=at(window[0]),
        entered=sum(window[0] <= start < window[1] for start, _ in spells),
        left=sum(end is not None and window[0] <= end < window[1] for _, end in spells),
        waiting_at_end=at(window[1]),
        length_integral_us=sum(lasting * number for lasting, number in lengths(waits_in(None, calls, end_us), window)),
        waited_us=sum(overlap(start, end_us if end is None else end, window) for start, end in spells),
    )


def series(
    scenario: Scenario,
    found: Series,
    calls: CallStories,
    measured: Sequence[CallStory],
    agents: AgentStories,
    window: tuple[int, int],
    end_us: int,
) -> Series:
    """Count each slice as if it were the whole measured time."""
    slice_us = found.slice_us
    slices = [
        (start, min(start + slice_us, window[1]))
        for start in range(window[0], window[0] + slice_us * len(found.offered), slice_us)
    ]
    arrived = [[call for call in measured if start <= call.arrival_us < end] for start, end in slices]
    waits = [[call.wait_us(end_us) for call in calls_of_slice] for calls_of_slice in arrived]
    names = {group.name: group.agent_names() for group in scenario.agents}

    def over(count: Callable[[tuple[int, int]], float]) -> tuple[float, ...]:
        return tuple(count(part) / (part[1] - part[0]) if part[1] > part[0] else 0.0 for part in slices)

    def waiting(queue: str) -> Callable[[tuple[int, int]], float]:
        spells = waits_in(queue, calls.all, end_us)
        return lambda part: sum(overlap(*spell, part) for spell in spells)

    def present(group: str) -> Callable[[tuple[int, int]], float]:
        return lambda part: sum(agents.figures(name, group, part).present_us for name in names[group])

    def busy(group: str) -> Callable[[tuple[int, int]], float]:
        return lambda part: sum(agents.busy_ppm_us(name, part) for name in names[group]) / 1e6

    return Series(
        slice_us=slice_us,
        offered=tuple(len(calls_of_slice) for calls_of_slice in arrived),
        waiting={queue: over(waiting(queue)) for queue in scenario.settings.queues},
        present={group: over(present(group)) for group in names},
        busy={group: over(busy(group)) for group in names},
        wait_mean_us=tuple(sum(one) / len(one) if one else None for one in waits),
    )
