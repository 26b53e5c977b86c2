"""The `[estimates]` table: how the server estimates waits."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import msgspec

from router.config.durations import format_duration
from router.config.kinds import Count, Duration, Flag, Table, field_key
from router.config.machine_kinds import TimeZone
from router.config.model import EstimateLimits, EstimateSettings
from router.config.report import Place, Refused
from router.engine.settings import HOUR_US, MINUTE_US, SECOND_US

_estimates = EstimateSettings()
_limits = EstimateLimits()

ESTIMATES: Final = Table(
    field_key(
        "enabled",
        Flag(),
        _estimates,
        "Whether futures are run. Without them estimates come from formulas and from delay history alone, "
        "and `overflow_wait_estimate` is refused.",
    ),
    field_key(
        "futures",
        Count(10, 10_000),
        _estimates,
        "Futures in a set: the more, the less an estimate differs from the next one by chance. "
        "Of fewer than 10, for want of time, nothing is told.",
    ),
    field_key(
        "budget",
        Duration(1_000, MINUTE_US),
        _estimates,
        "Real time for a set of futures, on a thread beside the routing; what is not begun by then is left out. "
        "At most `refresh`.",
    ),
    field_key(
        "refresh",
        Duration(100_000, HOUR_US),
        _estimates,
        "While calls wait a new set is run this often, in real time; calls that have just come do not wait for it.",
    ),
    field_key(
        "time_zone",
        TimeZone(),
        _estimates,
        "Where the hotline is: the time of day and the day of the week that calls and shifts follow.",
    ),
)

LIMIT_KEYS: Final = (
    field_key(
        "overflow_wait_estimate",
        Duration(SECOND_US, never=True),
        _limits,
        "A call whose first estimate by futures is longer goes to the queue's `overflow`, in its place; "
        "without `overflow` it stays.",
    ),
    field_key(
        "callback_wait_estimate",
        Duration(SECOND_US, never=True),
        _limits,
        "An estimate that is longer says `callback_offered`: the caller should be asked whether to be called back.",
    ),
)
"""The limits on estimates, which a queue has among its other keys; the server heeds them, not the engine."""


def read_estimates(value: object, place: Place) -> EstimateSettings:
    """Return what the table says. Problems are noted, not raised."""
    fields: dict[str, Any] = {}
    with suppress(Refused):
        fields = ESTIMATES.read(value, place)
    estimates = msgspec.structs.replace(EstimateSettings(), **fields)
    if estimates.budget_us > estimates.refresh_us:
        key = "budget" if "budget_us" in fields else "refresh"
        budget, refresh = format_duration(estimates.budget_us), format_duration(estimates.refresh_us)
        (place / key).note(
            f"a set of futures may take {budget}, longer than until the next one, {refresh}",
            f"a budget up to {refresh}, or a refresh of {budget} or more",
        )
    return estimates


def check_limits(
    estimates: EstimateSettings, limits: Mapping[str, EstimateLimits], document: Mapping[str, Any], root: Place
) -> None:
    """Note, once where each is written, limits that can never act: on estimates by futures, where none are run."""
    if estimates.enabled:
        return
    key = "overflow_wait_estimate"
    limited = [name for name, limit in limits.items() if limit.overflow_wait_estimate_us is not None]
    places = [root / "queues" / name / key for name in limited if key in document["queues"][name]]
    if len(places) < len(limited):
        places.append(root / "queue_defaults" / key)
    for place in places:
        place.note(
            "it never acts: with [estimates] enabled = false no futures are run", f'enabled = true, or {key} = "never"'
        )
