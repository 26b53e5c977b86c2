"""The agents of a scenario: `[agents.NAME]` groups with skills, shifts and habits, and those of a recorded day."""

from __future__ import annotations

import itertools
from contextlib import suppress
from typing import Any

import msgspec

from router.config.durations import format_duration
from router.config.kinds import check_name, read_plain_table
from router.config.report import Place, Refused
from router.engine.limits import NAME_BYTES_MAX
from router.simulation.scenario.agent_keys import AGENTS, BEHAVIOUR, RECORDED_AGENTS
from router.simulation.scenario.keys import CHANCE_MAX, GROUPS_MAX
from router.simulation.scenario.model import AgentGroup, Ending
from router.simulation.scenario.parts import RECORDING_ERRORS, Context, given, log_path, note_recording, note_unknown


def read_agents(value: object, place: Place, context: Context) -> list[tuple[AgentGroup, Place]]:
    """Return the groups that are valid, in the order of the file. Problems are noted, not raised."""
    found: list[tuple[AgentGroup, Place]] = []
    with suppress(Refused):
        table = read_plain_table(value, place)
        if len(table) > GROUPS_MAX:
            place.refuse(f"there are {len(table):,} groups", f"at most {GROUPS_MAX:,}")
        for name, item in table.items():
            with suppress(Refused):
                check_name(name, place / name, "name")
                found.append((_read(name, item, place / name, context), place / name))
    return found


def _read(name: str, value: object, place: Place, context: Context) -> AgentGroup:
    before = place.report.problem_count
    table = read_plain_table(value, place)
    fields = AGENTS.read(table, place)
    _check_presence(table, fields, place)
    _check_behaviour(fields, place, context)
    count = fields.pop("count", max(fields.get("staffing", (1,)), default=1))
    if count > 1 and len(f"{name}-{count}".encode()) > NAME_BYTES_MAX:
        place.note("its name is too long for names of its agents", f"a shorter one: NAME-{count} within 255 bytes")
    if place.report.problem_count > before:
        raise Refused
    return AgentGroup(name=name, count=count, **fields)


def read_recorded_agents(document: dict[str, Any], root: Place, context: Context) -> list[tuple[AgentGroup, Place]]:
    """Return the agents of a recorded day, each a group of one. Problems are noted, not raised."""
    if "recorded_agents" not in document:
        return []
    place = root / "recorded_agents"
    before = place.report.problem_count
    with suppress(Refused):
        fields = RECORDED_AGENTS.read(document["recorded_agents"], place)
        _check_behaviour(fields, place, context)
        if place.report.problem_count > before:
            return []
        behaviour = given(fields, *(key.field for key in BEHAVIOUR))
        options = given(fields, "day", "from_us", "skill_calls_min", "skills")
        if "format" in fields:
            options["format_name"] = fields["format"]
        try:
            groups = context.recorded.agents(log_path(fields["file"], place), **options)
        except RECORDING_ERRORS as error:
            note_recording(error, fields, place)
            return []
        return [(msgspec.structs.replace(group, **behaviour), place) for group in groups]
    return []


def _check_behaviour(fields: dict[str, Any], place: Place, context: Context) -> None:
    """Note what is wrong between the keys of a group, and between them and the rest of the scenario."""
    reject, no_answer = fields.get("reject", 0.0), fields.get("no_answer", 0.0)
    chance_max = CHANCE_MAX if context.ending is Ending.DRAIN else 1
    if reject + no_answer > chance_max:
        wanted = f"at most {chance_max:g} together"
        if chance_max < 1 and reject + no_answer <= 1:
            wanted += ', or ending = "cut": else the run might never end'
        key = "no_answer" if "no_answer" in fields else "reject"
        (place / key).note(f"reject + no_answer is {reject + no_answer:g}", wanted)
    for callers in fields.get("handle_times", {}):
        if callers not in context.callers:
            note_unknown(callers, context.callers, place / "handle_times" / callers, "callers", "this scenario")
    if context.settings is not None:
        for channel in fields.get("capacity", {}):
            if channel not in context.settings.channels:
                known = context.settings.channels
                note_unknown(channel, known, place / "capacity" / channel, "channel", "the router")


def _check_presence(table: dict[str, Any], fields: dict[str, Any], place: Place) -> None:
    if "staffing" in table and "shifts" in table:
        (place / "shifts").note("there is staffing already", "one of the two")
    if "staffing" in table and "staffing_period" not in table:
        (place / "staffing").note("staffing_period is missing", 'staffing_period = "2h", the length of each period')
    if "staffing_period" in table and "staffing" not in table:
        (place / "staffing_period").note("there is no staffing", "staffing = [4, 8, 6] as well, or neither")
    if "at_shift_end" in table and "staffing" not in table and "shifts" not in table:
        (place / "at_shift_end").hint("no shift ever ends: there is neither staffing nor shifts", "one of them")
    _check_staffing(fields, place)
    _check_shifts(fields.get("shifts", ()), place / "shifts")


def _check_staffing(fields: dict[str, Any], place: Place) -> None:
    staffing = fields.get("staffing")
    if staffing is None:
        return
    if not any(staffing):
        (place / "staffing").note("nobody is ever there", "a number above 0 in some period")
    count = fields.get("count", max(staffing))
    for index, number in enumerate(staffing):
        if number > count:
            (place / "staffing" / index).note(f"{number:,} are more than the group has", f"at most count, {count:,}")
    if "count" in fields and 0 < max(staffing) < count:
        (place / "count").hint(f"never more than {max(staffing):,} of {count:,} are there", "the most of staffing")


def _check_shifts(shifts: tuple[tuple[int, int], ...], place: Place) -> None:
    for index, (before, after) in enumerate(itertools.pairwise(shifts), 1):
        if after[0] <= before[1]:
            (place / index).note(
                f"it begins at {format_duration(after[0])}, not after the end of the one before",
                f"later than {format_duration(before[1])}",
            )
