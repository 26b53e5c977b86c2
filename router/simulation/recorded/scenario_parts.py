"""Recorded days as parts of a scenario: a day's arrivals as callers, a day's agents as groups with their shifts.

Invariant: handle times, patience, skills and presence are those of the replay of the same day with the same seed, so
that a scenario made of a day and its replay meet the same callers and the same staff.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from router.engine.settings import SECOND_US
from router.simulation.recorded.centre import SKILL_LEVEL, queue_name
from router.simulation.recorded.columns import sort_types
from router.simulation.recorded.day_plan import DayPlan, DayPlanner, midnight_us
from router.simulation.recorded.patience import FOR_EVER
from router.simulation.recorded.readers import READERS
from router.simulation.recorded.recorded_day import Log, RecordedDay, read_log
from router.simulation.scenario.model import AgentGroup, RecordedArrivals

HOUR_US: Final = 3600 * SECOND_US
DAY_S: Final = 86_400
_TIME_OF_DAY: Final = re.compile(r"(\d{1,2}):([0-5]\d)(?::([0-5]\d))?", re.ASCII)


class UnknownType(ValueError):
    """Calls of a type are asked for that did not call on the day, or none of the day's calls is left."""


def time_of_day_us(text: str) -> int:
    """Return a time like 08:00 or 08:00:30 in microseconds since midnight. Raises `ValueError`."""
    found = _TIME_OF_DAY.fullmatch(text)
    if found is not None:
        hours, minutes, seconds = (int(part or 0) for part in found.groups())
        total = hours * 3600 + minutes * 60 + seconds
        if total <= DAY_S:
            return total * SECOND_US
    raise ValueError(f"{text!r} is no time of day; a text like 08:00 or 17:30:15 is right")


class RecordedParts:
    """Reads recorded days for one scenario, each file and each day once."""

    def __init__(self, seed: int = 1) -> None:
        """Prepare to read. `seed` is that of what logs do not tell."""
        self._seed = seed
        self._logs: dict[tuple[Path, str], Log] = {}
        self._plans: dict[tuple[Path, str, str, int | None], DayPlan] = {}

    def arrivals(
        self,
        file: Path,
        *,
        format_name: str = "vanad",
        day: str | None = None,
        types: Collection[str] = (),
        from_us: int | None = None,
        handle_times: bool = False,
        patience: bool = False,
    ) -> RecordedArrivals:
        """Return the arrivals of one day, counted from `from_us` after its midnight; earlier ones are left out.

        `day` None: the only day of the file. `types` empty: all. `from_us` None: the last whole hour before the day's
        first call, of whatever type. With `handle_times` and `patience` each call has the recorded or inferred one.
        Raises `RecordingError`, `UnknownDay`, `UnknownType`, and `NothingToReplay` if there is nothing to infer from.
        """
        recorded = self._log(file, format_name).day(day)
        _check_types(recorded, types, file)
        start_us = first_hour_us(recorded) if from_us is None else from_us
        wanted = frozenset(types)
        places = [
            place
            for place, call in enumerate(recorded.calls)
            if call.arrived_us >= start_us and (not wanted or call.type in wanted)
        ]
        if not places:
            last_us = max(call.arrived_us for call in recorded.calls if not wanted or call.type in wanted)
            raise UnknownType(
                f"{file} has none of these calls on {recorded.day} at or after {_show_time(start_us)}; "
                f"the last is at {_show_time(last_us)}"
            )
        planned = self._plan(file, format_name, recorded, None).calls if handle_times or patience else ()
        return RecordedArrivals(
            times_us=tuple(recorded.calls[place].arrived_us - start_us for place in places),
            handle_us=tuple(planned[place].handle_us for place in places) if handle_times else (),
            patience_us=tuple(_patience(planned[place].patience_us) for place in places) if patience else (),
            places=tuple(places),
        )

    def agents(
        self,
        file: Path,
        *,
        format_name: str = "vanad",
        day: str | None = None,
        from_us: int | None = None,
        skill_calls_min: int | None = None,
        skills: Mapping[str, str] | None = None,
    ) -> tuple[AgentGroup, ...]:
        """Return the agents of one day, each a group of one with his presence as shift and his types as skills.

        `skills` names the skill of a type, else it is `type-N`; everybody has the level 10, for logs know none. Who was
        gone by `from_us` is left out. Raises as `arrivals` does.
        """
        recorded = self._log(file, format_name).day(day)
        _check_types(recorded, (skills or {}).keys(), file)
        start_us = first_hour_us(recorded) if from_us is None else from_us
        offset_us = midnight_us(recorded.day) + start_us
        plan = self._plan(file, format_name, recorded, skill_calls_min)
        return tuple(
            AgentGroup(
                name=agent.agent,
                count=1,
                skills={(skills or {}).get(kind, queue_name(kind)): SKILL_LEVEL for kind in agent.types},
                shifts=((max(0, agent.from_us - offset_us), agent.until_us - offset_us),),
            )
            for agent in plan.agents
            if agent.until_us > offset_us
        )

    def _log(self, file: Path, format_name: str) -> Log:
        key = (file, format_name)
        if key not in self._logs:
            self._logs[key] = read_log(file, READERS[format_name])
        return self._logs[key]

    def _plan(self, file: Path, format_name: str, day: RecordedDay, skill_calls_min: int | None) -> DayPlan:
        key = (file, format_name, day.day, skill_calls_min)
        if key not in self._plans:
            planner = DayPlanner(self._log(file, format_name), skill_calls_min=skill_calls_min)
            self._plans[key] = planner.plan(day, seed=self._seed)
        return self._plans[key]


def first_hour_us(day: RecordedDay) -> int:
    """Return the last whole hour before, or at, the day's first call, in microseconds since midnight."""
    return day.calls[0].arrived_us // HOUR_US * HOUR_US


def _check_types(day: RecordedDay, types: Collection[str], file: Path) -> None:
    present = {call.type for call in day.calls}
    unknown = sort_types(kind for kind in types if kind not in present)
    if unknown:
        raise UnknownType(
            f"{file} has no calls of type {', '.join(unknown)} on {day.day}; "
            f"the types of that day are {', '.join(sort_types(present))}"
        )


def _patience(patience_us: int | None) -> int:
    return FOR_EVER if patience_us is None else patience_us


def _show_time(time_us: int) -> str:
    seconds = time_us // SECOND_US
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
