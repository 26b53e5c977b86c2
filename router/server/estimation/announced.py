"""What is made of an estimate for whoever is told: the time since taken off, and whether a change is worth telling.

Keeps one invariant: what is told is never below 0, and small changes are not told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from router.server.estimation.stays import Stay
from router.wait import WaitEstimate

MIN_CHANGE_US: Final = 10_000_000
"""By how much the announced end must move, where nobody says otherwise."""
_SHARE: Final = 0.2
"""And by which share of the wait that was left then."""


def is_change(told_end_us: int, told_left_us: int, end_us: int, min_change_us: int = MIN_CHANGE_US) -> bool:
    """Say whether an announced end has moved so much that the caller should hear of it."""
    return abs(end_us - told_end_us) > max(min_change_us, round(_SHARE * told_left_us))


def as_of(stay: Stay, now_us: int, position: int | None, within_us: Sequence[int]) -> WaitEstimate:
    """Return what a stay's last futures say of the wait from now on; it must have an estimate.

    `answered_within` is for `within_us`, or if there are none for the time that the estimate has, as of then.
    """
    estimate, futures = stay.estimate, stay.futures
    assert estimate is not None
    assert futures is not None
    passed_us = max(0, now_us - stay.taken_us)
    answered_within = estimate.answered_within
    if within_us:
        chances = ((time_us, futures.answered_within(stay.call, time_us + passed_us)) for time_us in within_us)
        answered_within = tuple((time_us, chance) for time_us, chance in chances if chance is not None)
    interval = estimate.interval_us
    return msgspec.structs.replace(
        estimate,
        mean_us=_left(estimate.mean_us, passed_us),
        p10_us=_left(estimate.p10_us, passed_us),
        p50_us=_left(estimate.p50_us, passed_us),
        p80_us=_left(estimate.p80_us, passed_us),
        p90_us=_left(estimate.p90_us, passed_us),
        interval_us=None if interval is None else (max(0, interval[0] - passed_us), max(0, interval[1] - passed_us)),
        answered_within=answered_within,
        position=position,
    )


def _left(wait_us: int | None, passed_us: int) -> int | None:
    return None if wait_us is None else max(0, wait_us - passed_us)
