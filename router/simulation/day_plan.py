"""The plan of a replayed day: who calls when, how long each would be served and would wait, who works when on what.

Invariant: the plan is fixed before routing starts and depends on the log and the seed alone, so every policy
meets the same day. What the log does not say is inferred here, and `docs/replay.md` says how.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from router.engine.settings import DAY_US, SECOND_US
from router.simulation.draws import draw_below
from router.simulation.patience import PatienceModel
from router.simulation.recorded_day import Log, RecordedCall, RecordedDay

SKILL_CALLS_MIN: Final = 20  # of a log of several days
SKILL_CALLS_MIN_ONE_DAY: Final = 2  # measured: the best match with the skills that the whole month shows


class NothingToReplay(ValueError):
    """The log has no answered call, so that neither skills nor handle times can be told."""


class PlannedCall(msgspec.Struct, frozen=True):
    """One caller. Times are microseconds since the epoch; `patience_us` None waits for ever."""

    call: str
    type: str
    arrives_us: int
    handle_us: int
    patience_us: int | None


class PlannedAgent(msgspec.Struct, frozen=True):
    """One agent, present from `from_us` to `until_us` (microseconds since the epoch)."""

    agent: str
    types: tuple[str, ...]
    from_us: int
    until_us: int


class DayPlan(msgspec.Struct, frozen=True):
    """All that a replay needs to know, by arrival and by agent name. `starts_us` is the day's midnight."""

    day: str
    starts_us: int
    seed: int
    skill_calls_min: int
    calls: tuple[PlannedCall, ...]
    agents: tuple[PlannedAgent, ...]

    @property
    def types(self) -> tuple[str, ...]:
        """Return the types that call, smallest number first."""
        return sort_types(call.type for call in self.calls)

    def shifted(self, by_us: int) -> DayPlan:
        """Return the same day `by_us` later: for a drive against a clock that shows another time."""
        calls = (msgspec.structs.replace(call, arrives_us=call.arrives_us + by_us) for call in self.calls)
        agents = (
            msgspec.structs.replace(agent, from_us=agent.from_us + by_us, until_us=agent.until_us + by_us)
            for agent in self.agents
        )
        return msgspec.structs.replace(self, starts_us=self.starts_us + by_us, calls=tuple(calls), agents=tuple(agents))

    def between(self, from_us: int, until_us: int) -> DayPlan:
        """Return the part with the calls that arrive in [from_us, until_us) and the agents present then."""
        calls = tuple(call for call in self.calls if from_us <= call.arrives_us < until_us)
        agents = tuple(
            msgspec.structs.replace(agent, from_us=max(agent.from_us, from_us))
            for agent in self.agents
            if agent.from_us < until_us and agent.until_us > from_us
        )
        return msgspec.structs.replace(self, calls=calls, agents=agents)


class Window(msgspec.Struct, frozen=True):
    """A stretch of time [from_us, until_us) since the epoch and the number of calls that arrive in it."""

    from_us: int
    until_us: int
    calls: int


def plan_day(log: Log, day: RecordedDay, *, seed: int = 1, skill_calls_min: int | None = None) -> DayPlan:
    """Plan the replay of one day of a log; skills, patience and handle times are learned from the whole log.

    `skill_calls_min` None takes 20, or 2 for a log of one day. Raises `NothingToReplay`.
    """
    if skill_calls_min is None:
        skill_calls_min = SKILL_CALLS_MIN if len(log.days) > 1 else SKILL_CALLS_MIN_ONE_DAY
    handles = collect_handle_times(log.calls())
    if not handles:
        raise NothingToReplay(
            f"{log.source} has no answered call; one at least is needed to infer skills and handle times"
        )
    starts_us = midnight_us(day.day)
    patience = PatienceModel(log.calls())
    return DayPlan(
        day=day.day,
        starts_us=starts_us,
        seed=seed,
        skill_calls_min=skill_calls_min,
        calls=tuple(
            PlannedCall(
                call=f"call-{number:05d}",
                type=call.type,
                arrives_us=starts_us + call.arrived_us,
                handle_us=handle_time_us(call, handles, seed, number),
                patience_us=patience.draw_us(call, seed, number),
            )
            for number, call in enumerate(day.calls, start=1)
        ),
        agents=infer_agents(log, day, skill_calls_min),
    )


def midnight_us(day: str) -> int:
    """Return the midnight that starts a day as microseconds since the epoch, local time taken as UTC."""
    return (datetime.date.fromisoformat(day) - datetime.date(1970, 1, 1)).days * DAY_US


def sort_types(types: Iterable[str]) -> tuple[str, ...]:
    """Return the distinct types, numbers by value and before words."""
    return tuple(sorted(set(types), key=lambda kind: (not kind.isdigit(), int(kind) if kind.isdigit() else 0, kind)))


def collect_handle_times(calls: Iterable[RecordedCall]) -> dict[str, list[int]]:
    """Return the handle times of the answered calls of each type, and of all types under ""."""
    handles: dict[str, list[int]] = {}
    for call in calls:
        if (handled_us := call.handled_us) is not None:
            handles.setdefault(call.type, []).append(handled_us)
            handles.setdefault("", []).append(handled_us)
    return handles


def handle_time_us(call: RecordedCall, handles: Mapping[str, list[int]], seed: int, number: int) -> int:
    """Return the recorded handle time, or, if nobody answered, one drawn from the calls of the same type."""
    if (handled_us := call.handled_us) is not None:
        return handled_us
    pool = handles.get(call.type) or handles[""]
    return pool[draw_below(len(pool), seed, "handle", call.day, number)]


def infer_agents(log: Log, day: RecordedDay, calls_min: int) -> tuple[PlannedAgent, ...]:
    """Return the agents of a day: present from the first answer to the last release, skilled as `infer_skills` says."""
    present: dict[str, tuple[int, int]] = {}
    for call in day.calls:
        if call.answered_us is not None and call.released_us is not None:
            first, last = present.get(call.agent, (call.answered_us, call.released_us))
            present[call.agent] = min(first, call.answered_us), max(last, call.released_us)
    skills = infer_skills(log, day, calls_min)
    starts_us = midnight_us(day.day)
    return tuple(
        PlannedAgent(
            agent=f"agent-{agent}",
            types=sort_types(skills[agent]),
            from_us=starts_us + first,
            until_us=starts_us + max(last, first + SECOND_US),
        )
        for agent, (first, last) in sorted(present.items())
    )


def infer_skills(log: Log, day: RecordedDay, calls_min: int) -> dict[str, set[str]]:
    """Return the types that each agent of the day can serve: those served at least `calls_min` times in the log.

    Two additions keep the day workable: an agent with no such type keeps what he answered that day, and a type
    that was answered that day but that none of its agents has keeps those who answered it.
    """
    counts = Counter((call.agent, call.type) for call in log.calls() if call.agent)
    answered_today = {(call.agent, call.type) for call in day.calls if call.agent}
    skills: dict[str, set[str]] = {agent: set() for agent, _ in answered_today}
    for (agent, kind), count in counts.items():
        if agent in skills and count >= calls_min:
            skills[agent].add(kind)
    unskilled = {agent for agent, kinds in skills.items() if not kinds}
    covered = set().union(*skills.values())
    for agent, kind in answered_today:
        if agent in unskilled or kind not in covered:
            skills[agent].add(kind)
    return skills


def busiest_minutes(plan: DayPlan, minutes: int = 10) -> Window:
    """Return the stretch of whole minutes' length in which most calls arrive, the earliest of equals."""
    length_us = minutes * 60 * SECOND_US
    arrivals = [call.arrives_us for call in plan.calls]
    best = Window(plan.starts_us, plan.starts_us + length_us, 0)
    end = 0
    for start, arrives_us in enumerate(arrivals):
        while end < len(arrivals) and arrivals[end] < arrives_us + length_us:
            end += 1
        if end - start > best.calls:
            best = Window(arrives_us, arrives_us + length_us, end - start)
    return best
