"""The queues of a config: what each inherits, what it demands of agents, and whether its parts fit together."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final, NamedTuple

import msgspec

from router.config.durations import format_duration
from router.config.estimates import LIMIT_KEYS
from router.config.kinds import check_name, read_plain_table
from router.config.model import EstimateLimits
from router.config.presets import PRESETS
from router.config.report import Place, Refused, nearest, shown_path, shown_text
from router.config.schema import BASE_QUEUE, QUEUE
from router.engine.limits import STEPS_MAX, TERMS_MAX
from router.engine.requirements import AgentTerm, AnyOf, Preference, Requirement, SkillTerm, Step
from router.engine.settings import QueueSettings, WrapUp
from router.engine.vocabulary import WrapUpMode

_PLAIN_FIELDS: Final = frozenset(
    key.field
    for key in QUEUE.keys.values()
    if key.has_default and key.name not in ("preset", "target", "max_overtake_wait") and key not in LIMIT_KEYS
)
_LIMIT_FIELDS: Final = frozenset(key.field for key in LIMIT_KEYS)
_BY_URGENCY_FIELDS: Final = ("target_us", "max_overtake_wait_us")
_WEIGHT_FIELDS: Final = ("agent_weights", "call_weights")


class Queue(NamedTuple):
    """What a config says of one queue: to the engine, and to the server about its estimates."""

    settings: QueueSettings
    limits: EstimateLimits = EstimateLimits()


def read_queue_defaults(value: object, place: Place) -> Queue:
    """Return what holds for every queue. Problems are noted, not raised."""
    with suppress(Refused):
        table = read_plain_table(value, place)
        queues = shown_path((*place.path[:-1], "queues"))
        for name in table:
            if name in QUEUE.keys and not QUEUE.keys[name].inherited:
                (place / name).note("it belongs to a single queue", f"put it in [{queues}.NAME]")
        own = {name: item for name, item in table.items() if name not in QUEUE.keys or QUEUE.keys[name].inherited}
        return _layer(Queue(BASE_QUEUE), QUEUE.read(own, place), place)
    return Queue(BASE_QUEUE)


def read_queues(value: object, defaults: Queue, place: Place) -> dict[str, Queue]:
    """Return the queues by name, sorted. Problems are noted, not raised."""
    queues: dict[str, Queue] = {}
    with suppress(Refused):
        table = read_plain_table(value, place)
        if not table:
            place.note("there is no queue", f"at least one [{shown_path(place.path)}.NAME]")
        for name, item in sorted(table.items()):
            with suppress(Refused):
                check_name(name, place / name, "queue")
                queues[name] = _read_queue(item, defaults, place / name)
        _check_overflows(queues, table, place)
    return queues


def _read_queue(value: object, defaults: Queue, place: Place) -> Queue:
    fields = QUEUE.read(value, place)
    settings, limits = _layer(defaults, fields, place)
    if fields.get("overflow_wait_estimate_us") is not None and settings.overflow is None:
        (place / "overflow_wait_estimate").note("the queue has no overflow", "overflow as well: the queue to go to")
    return Queue(msgspec.structs.replace(settings, requirement=read_requirement(fields, place)), limits)


def _layer(below: Queue, fields: dict[str, Any], place: Place) -> Queue:
    """Return `below` with the given fields on top. A preset replaces all weights; other tables are merged by key."""
    base = below.settings
    changes: dict[str, Any] = {field: value for field, value in fields.items() if field in _PLAIN_FIELDS}
    for field in _BY_URGENCY_FIELDS:
        changes[field] = msgspec.structs.replace(getattr(base, field), **fields.get(field, {}))
    weights = PRESETS[fields["preset"]] if "preset" in fields else base
    for field in _WEIGHT_FIELDS:
        changes[field] = msgspec.structs.replace(getattr(weights, field), **fields.get(field, {}))
    if "wrap_up" in fields:
        changes["wrap_up"] = _wrap_up(base.wrap_up, fields["wrap_up"], place / "wrap_up")
    limits = {field: value for field, value in fields.items() if field in _LIMIT_FIELDS}
    return Queue(msgspec.structs.replace(base, **changes), msgspec.structs.replace(below.limits, **limits))


def _wrap_up(base: WrapUp, fields: dict[str, Any], place: Place) -> WrapUp:
    wrap_up = msgspec.structs.replace(base, **fields)
    if wrap_up.mode == WrapUpMode.NONE:
        if fields.get("duration_us", 0) > 0:
            (place / "duration").note(
                f"a duration of {format_duration(wrap_up.duration_us)}, but the mode is none",
                'mode = "fixed" or "manual", or no duration',
            )
        return WrapUp()
    if wrap_up.duration_us == 0:
        place.note(f"the mode is {wrap_up.mode.name.lower()} without a duration", 'a duration above 0, such as "30s"')
    return wrap_up


def read_requirement(fields: dict[str, Any], place: Place) -> Requirement:
    """Return the requirement that the keys of a queue or of callers make. Problems are noted, not raised."""
    steps = [_step(fields, 0, place)]
    items = fields.get("steps", ())
    if len(items) >= STEPS_MAX:
        (place / "steps").note(f"there are {len(items)} steps", f"at most {STEPS_MAX - 1}")
    for step_fields, step_place in items:
        after_us = step_fields.get("after")
        if after_us is None:  # noted already
            continue
        if after_us <= steps[-1].after_us:
            (step_place / "after").note(
                f"it begins after {format_duration(after_us)}, not later than the step before it",
                f"more than {format_duration(steps[-1].after_us)}",
            )
        steps.append(_step(step_fields, after_us, step_place))
    return Requirement(tuple(steps))


def _step(fields: dict[str, Any], after_us: int, place: Place) -> Step:
    skills = fields.get("skills", {})
    groups = fields.get("any_of", [])
    terms: list[SkillTerm | AgentTerm | AnyOf] = [SkillTerm(skill, level) for skill, level in skills.items()]
    if "agent" in fields:
        terms.append(AgentTerm(fields["agent"]))
    terms += [AnyOf(tuple(SkillTerm(skill, level) for skill, level in group.items())) for group in groups]
    prefer = tuple(Preference(skill, importance) for skill, importance in fields.get("prefer", {}).items())
    if len(terms) > TERMS_MAX:
        place.note(f"it demands {len(terms)} things of an agent at once", f"at most {TERMS_MAX}")
    if len(prefer) > TERMS_MAX:
        (place / "prefer").note(f"it prefers {len(prefer)} skills", f"at most {TERMS_MAX}")
    return Step(tuple(terms), prefer, after_us)


def _check_overflows(queues: dict[str, Queue], table: dict[str, object], place: Place) -> None:
    for name, queue in queues.items():
        overflow = queue.settings.overflow
        if overflow is None:
            continue
        key = place / name / "overflow"
        if overflow == name:
            key.note("the queue overflows to itself", "another queue, or no overflow to refuse the calls")
        elif overflow not in table:
            near = nearest(overflow, table.keys())
            key.note(
                f"there is no queue {shown_text(overflow)}",
                f"did you mean {shown_text(near)}?" if near else "the name of a queue of this file",
            )
