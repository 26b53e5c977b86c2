"""What must agree between the parts of a scenario whatever agents can do: names, sizes, and that a run ends.

Called with what was read well, so that one wrong part does not hide what is wrong with the others.
"""

from __future__ import annotations

from typing import Any

from router.config.durations import format_duration
from router.config.report import Place, shown_path, shown_text
from router.engine.settings import Settings
from router.simulation.scenario.keys import CHANCE_MAX
from router.simulation.scenario.matching import Groups, Kinds, has_agent
from router.simulation.scenario.model import Ending, RecordedArrivals, Redial


def check_names(groups: Groups) -> None:
    """Note agents of two groups that have the same name: `a` with two agents and `a-2` with one."""
    numbered = {group.name: group for group, _ in groups if group.count > 1}
    single: set[str] = set()
    for group, place in groups:
        if group.count > 1:
            continue
        stem = group.name.rpartition("-")[0]
        if group.name in single:
            place.note(f"there are two agents {shown_text(group.name)}", "different names")
        elif stem in numbered and has_agent(numbered[stem], group.name):
            place.note(f"the group {shown_text(stem)} has an agent of this name", "another name")
        single.add(group.name)


def check_sizes(groups: Groups, settings: Settings, place: Place) -> None:
    """Note more agents than the engine takes."""
    agents = sum(group.count for group, _ in groups)
    if agents > settings.agents_max:
        place.note(
            f"there are {agents:,} agents, and agents_max is {settings.agents_max:,}", "fewer, or a higher agents_max"
        )


def check_requirements(kinds: Kinds, settings: Settings, place: Place) -> None:
    """Note more different demands, of queues and callers, than the engine would keep: it would reject their calls."""
    own = {callers.requirement for callers, _ in kinds if callers.requirement is not None}
    different = len(own | {queue.requirement for queue in settings.queues.values()})
    if own and different > settings.requirements_max:
        place.note(
            f"queues and callers have {different:,} different demands, and requirements_max is "
            f"{settings.requirements_max:,}",
            "fewer, or a higher requirements_max",
        )


def check_redials(kinds: Kinds, ending: Ending) -> None:
    """Note callers who might call again for ever, in a run that waits for the last one."""
    for callers, place in kinds:
        for key, redial in (("unresolved", callers.redial_unresolved), ("abandoned", callers.redial_abandoned)):
            if ending is Ending.DRAIN and _is_endless(redial):
                (place / f"redial_{key}" / "chance").note(
                    "somebody might call again for ever, and the run never end",
                    f'at most {CHANCE_MAX:g}, or times_max, or ending = "cut"',
                )


def _is_endless(redial: Redial | None) -> bool:
    return redial is not None and redial.chance > CHANCE_MAX and redial.times_max is None


def check_times(kinds: Kinds, groups: Groups, end_us: int) -> None:
    """Hint at calls and shifts that come after the end of the run."""
    end = f"the end of the run, {format_duration(end_us)}"
    for callers, place in kinds:
        if isinstance(callers.arrivals, RecordedArrivals):
            late = sum(time_us >= end_us for time_us in callers.arrivals.times_us)
            if late:
                (place / "recorded").hint(
                    f"{late:,} of {len(callers.arrivals.times_us):,} calls come after {end}", "a greater length"
                )
    for group, place in groups:
        if group.shifts and group.shifts[0][0] >= end_us:
            (place / "shifts").hint(f"nobody is there before {end}", "a shift that begins within it")


def check_origins(document: dict[str, Any], root: Place) -> None:
    """Hint at recorded days that begin at different times of day: 0 would then stand for several of them."""
    tables = [(root / "recorded_agents", document.get("recorded_agents"))]
    callers = document.get("callers")
    for name, table in callers.items() if isinstance(callers, dict) else ():
        if isinstance(table, dict):
            tables.append((root / "callers" / name / "recorded", table.get("recorded")))
    origins = [(place, f"{table.get('from')}:00"[:8]) for place, table in tables if isinstance(table, dict)]
    for place, origin in origins[1:]:
        if origin != origins[0][1]:
            place.hint(
                f"the run begins at another time of day than in {shown_path(origins[0][0].path)}", "the same `from`"
            )
