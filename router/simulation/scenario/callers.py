"""The `[callers.NAME]` tables of a scenario: when they call, what they demand, and whether it fits the router."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from router.config.durations import format_duration
from router.config.kinds import check_name, read_plain_table
from router.config.queues import read_requirement
from router.config.report import Place, Refused
from router.engine.requirements import AnyOf, Requirement, SkillTerm
from router.engine.settings import Settings, WrapUp
from router.engine.vocabulary import WrapUpMode
from router.simulation.scenario.caller_keys import CALLERS
from router.simulation.scenario.distributions import empirical
from router.simulation.scenario.keys import CALLERS_MAX
from router.simulation.scenario.model import (
    Arrivals,
    Callers,
    Distribution,
    PoissonArrivals,
    RecordedArrivals,
    Redial,
    RenewalArrivals,
)
from router.simulation.scenario.parts import RECORDING_ERRORS, Context, given, log_path, note_recording, note_unknown

_ARRIVAL_KEYS: Final = ("rate", "rates", "interval", "recorded")
_DEMAND_KEYS: Final = ("skills", "any_of", "agent", "prefer", "steps")
_PLAIN_FIELDS: Final = (
    "channel",
    "urgency",
    "priority",
    "handle_factor_by_level",
    "resolution_by_level",
    "satisfaction_by_wait",
    "patience",
    "wrap_up",
    "customers",
    "known",
)
_LEVEL_TABLES: Final = ("handle_factor_by_level", "resolution_by_level")


def read_callers(value: object, place: Place, context: Context) -> list[tuple[Callers, Place]]:
    """Return the callers that are valid, in the order of the file. Problems are noted, not raised."""
    found: list[tuple[Callers, Place]] = []
    with suppress(Refused):
        table = read_plain_table(value, place)
        if not 1 <= len(table) <= CALLERS_MAX:
            wanted = f"1 to {CALLERS_MAX:,} kinds of callers, each under [callers.NAME]"
            place.refuse(f"there are {len(table):,} callers" if table else "there are no callers", wanted)
        for name, item in table.items():
            with suppress(Refused):
                check_name(name, place / name, "name")
                found.append((_read(name, item, place / name, context), place / name))
    return found


def _read(name: str, value: object, place: Place, context: Context) -> Callers:
    before = place.report.problem_count
    table = read_plain_table(value, place)
    fields = CALLERS.read(table, place)
    arrivals = _arrivals(table, fields, place, context)
    handle_time = _handle_time(table, fields, arrivals, place)
    changes = given(fields, *_PLAIN_FIELDS)
    changes["queue"] = fields.get("queue", name)
    changes["requirement"] = read_requirement(fields, place) if any(key in table for key in _DEMAND_KEYS) else None
    if "resolution" in fields:
        changes["resolution_by_level"] = ((0, fields["resolution"]),)
    for key in ("redial_unresolved", "redial_abandoned"):
        if key in fields:
            changes[key] = _redial(fields[key])
    _check_outcomes(table, place)
    if context.settings is not None:
        _check_router(changes, fields, place, context.settings)
        changes["skill"] = _skill(changes, fields, table, place, context.settings)
    if place.report.problem_count > before or arrivals is None or handle_time is None or context.settings is None:
        raise Refused
    return Callers(name=name, arrivals=arrivals, handle_time=handle_time, **changes)


def _arrivals(table: dict[str, Any], fields: dict[str, Any], place: Place, context: Context) -> Arrivals | None:
    """Return when they call, None if that is not told well."""
    _check_arrival_keys(table, place)
    if sum(key in table for key in _ARRIVAL_KEYS) != 1:
        return None
    if "recorded" in fields:
        whole = len(fields["recorded"]) == len(table["recorded"])
        return _recorded(fields["recorded"], place / "recorded", context) if whole else None
    if "interval" in fields:
        return RenewalArrivals(fields["interval"])
    rates = fields.get("rates", (fields["rate"],) if "rate" in fields else ())
    if not rates:
        return None
    if not any(rates):
        (place / ("rates" if "rates" in fields else "rate")).note("nobody ever calls", "a rate above 0")
    return PoissonArrivals(rates, **given(fields, "period_us", "day_factor_cv", "day_us"))


def _check_arrival_keys(table: dict[str, Any], place: Place) -> None:
    ways = [key for key in _ARRIVAL_KEYS if key in table]
    if not ways:
        place.note("it is not said when they call", 'rate = "30/h", or rates, interval or recorded')
    for key in ways[1:]:
        (place / key).note(f"there is {ways[0]} already", f"one of {', '.join(_ARRIVAL_KEYS)}")
    if "rates" in table and "period" not in table:
        (place / "rates").note("period is missing", 'period = "30m", the length of each period')
    for name, needed in (("period", "rates"), ("day_factor_cv", "rate or rates"), ("day", "day_factor_cv")):
        if name in table and not any(other in table for other in needed.split(" or ")):
            wanted = f"{name} together with {needed}, or not at all"
            (place / name).note(f"there is no {needed} that it belongs to", wanted)


def _recorded(fields: dict[str, Any], place: Place, context: Context) -> RecordedArrivals | None:
    if "file" not in fields:  # noted already
        return None
    options = given(fields, "day", "types", "from_us", "handle_times", "patience")
    if "format" in fields:
        options["format_name"] = fields["format"]
    with suppress(Refused):
        try:
            return context.recorded.arrivals(log_path(fields["file"], place), **options)
        except RECORDING_ERRORS as error:
            note_recording(error, fields, place)
    return None


def _handle_time(
    table: dict[str, Any], fields: dict[str, Any], arrivals: Arrivals | None, place: Place
) -> Distribution | None:
    if "handle_time" in fields:
        return fields["handle_time"]  # type: ignore[no-any-return]
    if isinstance(arrivals, RecordedArrivals) and arrivals.handle_us:
        return empirical(arrivals.handle_us)
    recorded = table.get("recorded")
    told = isinstance(recorded, dict) and recorded.get("handle_times", False) is not False
    if "handle_time" not in table and not told:
        place.note("handle_time is missing", 'handle_time = "3m", or a distribution')
    return None


def _redial(fields: dict[str, Any]) -> Redial | None:
    return Redial(**fields) if "chance" in fields and "after" in fields else None


def _check_outcomes(table: dict[str, Any], place: Place) -> None:
    if "resolution" in table and "resolution_by_level" in table:
        (place / "resolution_by_level").note("there is resolution already", "one of the two")
    if "redial_unresolved" in table and "resolution" not in table and "resolution_by_level" not in table:
        (place / "redial_unresolved").note("nothing says which calls are unresolved", "resolution = 0.7, or by level")


def _check_router(changes: dict[str, Any], fields: dict[str, Any], place: Place, settings: Settings) -> None:
    """Check that queue and channel are there, and that the queue lets the callers' wrap-up be."""
    channel = changes.get("channel", "voice")
    if channel not in settings.channels:
        note_unknown(channel, settings.channels, place / "channel", "channel", "the router")
    name = changes["queue"]
    if name not in settings.queues:
        key = place / "queue" if "queue" in fields else place
        note_unknown(name, settings.queues, key, "queue", "the router; or queue = the one they call")
        return
    _check_wrap_up(changes.get("wrap_up"), settings.queues[name].wrap_up, name, place)


def _check_wrap_up(own: Distribution | None, of_queue: WrapUp, queue: str, place: Place) -> None:
    if own is None:
        if of_queue.mode == WrapUpMode.MANUAL:
            place.hint(
                f"their wrap-up ends at once: in queue {queue} the agent ends it", 'wrap_up = "1m", or a distribution'
            )
        return
    if of_queue.mode != WrapUpMode.MANUAL:
        (place / "wrap_up").note(
            f"the wrap-up of queue {queue} has the mode {of_queue.mode.name.lower()}",
            'wrap_up = { mode = "manual", duration = "10m" } in the queue, or no wrap_up here',
        )
    elif own.mean_us >= of_queue.duration_us:
        (place / "wrap_up").hint(
            f"the mean is not below the cap of queue {queue}, {format_duration(of_queue.duration_us)}: much is cut",
            "a longer wrap_up duration in the queue",
        )


def _skill(
    changes: dict[str, Any], fields: dict[str, Any], table: dict[str, Any], place: Place, settings: Settings
) -> str | None:
    """Return the skill whose level counts: the one named, else the only one demanded at first."""
    if "skill" in fields:
        return str(fields["skill"])
    requirement = changes["requirement"]
    if requirement is None and changes["queue"] in settings.queues:
        requirement = settings.queues[changes["queue"]].requirement
    demanded = _demanded(requirement) if requirement is not None else set()
    if len(demanded) == 1:
        return demanded.pop()
    if "skill" not in table and requirement is not None:
        for key in _LEVEL_TABLES:
            if key in table:
                what = f"{len(demanded)} skills are" if demanded else "no skill is"
                (place / key).note(f"it is not clear whose level counts: {what} demanded at first", "skill = the one")
    return None


def _demanded(requirement: Requirement) -> set[str]:
    skills = set()
    for term in requirement.steps[0].terms:
        if isinstance(term, SkillTerm):
            skills.add(term.skill)
        elif isinstance(term, AnyOf):
            skills.update(alternative.skill for alternative in term.terms)
    return skills
