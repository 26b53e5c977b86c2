"""The plan of a replayed day: who calls when, how long each would be served and would wait, who works when on what.

Invariant: the plan is fixed before routing starts and depends on the log and the seed alone, so every policy
meets the same day. What the log does not say is inferred here, and `docs/replay.md` says how.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Mapping
from itertools import accumulate, pairwise
from typing import Final

import msgspec
import numpy as np

from router.engine.settings import DAY_US, SECOND_US
from router.simulation.recorded.columns import NOBODY, CallColumns, Int64s, columns_of, sort_types
from router.simulation.recorded.draws import below, draw_many_bits
from router.simulation.recorded.patience import FOR_EVER, PatienceModel
from router.simulation.recorded.recorded_day import Log, RecordedDay

SKILL_CALLS_MIN: Final = 20  # of a log of several days
SKILL_CALLS_MIN_ONE_DAY: Final = 2  # measured: the best match with the skills that the whole month shows


class NothingToReplay(ValueError):
    """The log has no answered call, so that neither skills nor handle times can be told."""


class PlannedCall(msgspec.Struct, frozen=True, gc=False):
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

    `skill_calls_min` None takes 20, or 2 for a log of one day. Raises `NothingToReplay`. For several days of a log make
    one `DayPlanner`: it learns once.
    """
    return DayPlanner(log, skill_calls_min=skill_calls_min).plan(day, seed=seed)


class DayPlanner:
    """What a whole log tells: who has which skills, how long calls last and how long callers wait."""

    def __init__(self, log: Log, *, skill_calls_min: int | None = None) -> None:
        """Learn from all days of the log. `skill_calls_min` None takes 20, or 2 for a log of one day.

        Raises `NothingToReplay`. O(n log n) in the calls of the log.
        """
        if skill_calls_min is None:
            skill_calls_min = SKILL_CALLS_MIN if len(log.days) > 1 else SKILL_CALLS_MIN_ONE_DAY
        self.skill_calls_min = skill_calls_min
        self._columns = columns_of([call for day in log.days for call in day.calls])
        self._handles = collect_handle_times(self._columns)
        if not len(self._handles[""]):
            raise NothingToReplay(
                f"{log.source} has no answered call; one at least is needed to infer skills and handle times"
            )
        self._patience = PatienceModel(self._columns)
        self._served = count_served(log)
        ends = list(accumulate((len(day.calls) for day in log.days), initial=0))
        self._rows = {day.day: rows for day, rows in zip(log.days, pairwise(ends), strict=True)}

    def columns(self, day: RecordedDay) -> CallColumns:
        """Return the calls of a day of the log as columns; the types are those of the whole log."""
        return self._columns.between(*self._rows[day.day])

    def plan(self, day: RecordedDay, *, seed: int = 1) -> DayPlan:
        """Plan the replay of one day of the log. O(calls of the day)."""
        columns = self.columns(day)
        starts_us = midnight_us(day.day)
        patience_us = self._patience.draw_day_us(day.day, columns, seed).tolist()
        return DayPlan(
            day=day.day,
            starts_us=starts_us,
            seed=seed,
            skill_calls_min=self.skill_calls_min,
            calls=tuple(
                map(
                    PlannedCall,
                    [f"call-{number:05d}" for number in range(1, len(columns) + 1)],
                    [call.type for call in day.calls],
                    (columns.arrived_us + starts_us).tolist(),
                    handle_times_us(day.day, columns, self._handles, seed).tolist(),
                    [None if patience == FOR_EVER else patience for patience in patience_us],
                )
            ),
            agents=infer_agents(self._served, day, self.skill_calls_min),
        )


def midnight_us(day: str) -> int:
    """Return the midnight that starts a day as microseconds since the epoch, local time taken as UTC."""
    return (datetime.date.fromisoformat(day) - datetime.date(1970, 1, 1)).days * DAY_US


def collect_handle_times(calls: CallColumns) -> dict[str, Int64s]:
    """Return the handle times of the answered calls of each type, and of all types under ""."""
    answered = calls.handled_us != NOBODY
    handles = {
        kind: calls.handled_us[answered & (calls.type_places == place)] for place, kind in enumerate(calls.types)
    }
    return {**handles, "": calls.handled_us[answered]}


def handle_times_us(day: str, calls: CallColumns, handles: Mapping[str, Int64s], seed: int) -> Int64s:
    """Return the recorded handle times, and where nobody answered one drawn from the calls of the same type."""
    handle_us = calls.handled_us.copy()
    pools = [handles[kind] if len(handles[kind]) else handles[""] for kind in calls.types]
    rows = np.flatnonzero(handle_us == NOBODY)
    units = draw_many_bits((rows + 1).tolist(), seed, "handle", day).tolist()
    for row, place, bits in zip(rows.tolist(), calls.type_places[rows].tolist(), units, strict=True):
        handle_us[row] = pools[place][below(len(pools[place]), bits)]
    return handle_us


def count_served(log: Log) -> Counter[tuple[str, str]]:
    """Return how many calls of each type each agent answered in the log, by (agent, type)."""
    return Counter((call.agent, call.type) for call in log.calls() if call.agent)


def infer_agents(served: Mapping[tuple[str, str], int], day: RecordedDay, calls_min: int) -> tuple[PlannedAgent, ...]:
    """Return the agents of a day: present from the first answer to the last release, skilled as `infer_skills` says."""
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for call in day.calls:
        if call.answered_us is not None and call.released_us is not None:
            agent = call.agent
            if call.answered_us < first.get(agent, call.answered_us + 1):
                first[agent] = call.answered_us
            if call.released_us > last.get(agent, -1):
                last[agent] = call.released_us
    skills = infer_skills(served, day, calls_min)
    starts_us = midnight_us(day.day)
    return tuple(
        PlannedAgent(
            agent=f"agent-{agent}",
            types=sort_types(skills[agent]),
            from_us=starts_us + first[agent],
            until_us=starts_us + max(last[agent], first[agent] + SECOND_US),
        )
        for agent in sorted(first)
    )


def infer_skills(served: Mapping[tuple[str, str], int], day: RecordedDay, calls_min: int) -> dict[str, set[str]]:
    """Return the types that each agent of the day can serve: those `served` at least `calls_min` times in the log.

    Two additions keep the day workable: an agent with no such type keeps what he answered that day, and a type
    that was answered that day but that none of its agents has keeps those who answered it.
    """
    answered_today = {(call.agent, call.type) for call in day.calls if call.agent}
    skills: dict[str, set[str]] = {agent: set() for agent, _ in answered_today}
    for (agent, kind), count in served.items():
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
