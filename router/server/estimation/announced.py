"""What is made of an estimate for whoever is told: what is left of it, what is above a limit, what is worth telling.

Keeps one invariant: what is told is never below 0, and small changes are not told.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import exp, log
from typing import Final

import msgspec

from router.wait import WaitEstimate

MIN_CHANGE_US: Final = 10_000_000
"""By how much the announced end must move, where nobody says otherwise."""
_SHARE: Final = 0.2
"""And by which share of the wait that was left then."""
_LEVELS: Final = (0.0, 0.1, 0.5, 0.8, 0.9)
_TAIL_MIN_US: Final = 1_000_000.0
"""Who has waited longer than 9 of 10 would is not told less than this, on average."""
_CHANCE_MIN: Final = 1e-9


def is_change(told_end_us: int, told_left_us: int, end_us: int, min_change_us: int = MIN_CHANGE_US) -> bool:
    """Say whether an announced end has moved so much that the caller should hear of it."""
    return abs(end_us - told_end_us) > max(min_change_us, round(_SHARE * told_left_us))


def is_above(estimate: WaitEstimate, limit_us: int | None) -> bool:
    """Say whether an estimate is above a limit; who is not answered in most futures is above any."""
    if limit_us is None:
        return False
    return estimate.unanswered or (estimate.mean_us is not None and estimate.mean_us > limit_us)


class Curve:
    """The distribution of a wait, from its quantiles: straight between them, and exponential beyond the last one."""

    def __init__(self, quantiles_us: Sequence[int]) -> None:
        """Take the quantiles at 10 %, 50 %, 80 % and 90 %."""
        self._times: tuple[float, ...] = (0.0, *quantiles_us)
        self.last_us = self._times[-1]
        self.tail_us = max(_TAIL_MIN_US, (self._times[-1] - self._times[-2]) / log(2))

    @classmethod
    def of(cls, estimate: WaitEstimate) -> Curve | None:
        """Return that of an estimate, None if it has no quantiles."""
        p10_us, p50_us, p80_us, p90_us = estimate.p10_us, estimate.p50_us, estimate.p80_us, estimate.p90_us
        if p10_us is None or p50_us is None or p80_us is None or p90_us is None:
            return None
        return cls((p10_us, p50_us, p80_us, p90_us))

    def beyond(self, time_us: float) -> float:
        """Return the chance to wait longer."""
        at = bisect_right(self._times, time_us)
        if at == len(self._times):
            return max(_CHANCE_MIN, (1 - _LEVELS[-1]) * exp((self.last_us - time_us) / self.tail_us))
        since_us, until_us = self._times[at - 1 : at + 1]
        part = (time_us - since_us) / (until_us - since_us)
        return 1 - _LEVELS[at - 1] - part * (_LEVELS[at] - _LEVELS[at - 1])

    def time_of(self, beyond: float) -> float:
        """Return the time that is exceeded with this chance."""
        level = 1 - beyond
        at = bisect_left(_LEVELS, level)
        if at == len(_LEVELS):
            return self.last_us + self.tail_us * log((1 - _LEVELS[-1]) / max(_CHANCE_MIN, beyond))
        if at == 0:
            return 0.0
        part = (level - _LEVELS[at - 1]) / (_LEVELS[at] - _LEVELS[at - 1])
        return self._times[at - 1] + part * (self._times[at] - self._times[at - 1])

    def part_below(self, time_us: float) -> float:
        """Return the share of the mean that waits up to a time make up; it is at most the last quantile."""
        total, at, times = 0.0, 1, self._times
        while at < len(times) and times[at] <= time_us:
            total += (_LEVELS[at] - _LEVELS[at - 1]) * (times[at - 1] + times[at]) / 2
            at += 1
        if at < len(times):
            # the piece that the time is in, up to it
            total += (1 - _LEVELS[at - 1] - self.beyond(time_us)) * (times[at - 1] + time_us) / 2
        return total


def as_of(estimate: WaitEstimate, passed_us: int, position: int | None) -> WaitEstimate:
    """Return what an estimate says of somebody who waits on, so long after it was made.

    It is the distribution of the wait that is left, given that it was not over by then.
    """
    curve = Curve.of(estimate)
    if curve is None or estimate.mean_us is None or passed_us <= 0:
        return msgspec.structs.replace(estimate, position=position)
    # an exponential tail forgets what has passed
    passed = min(float(passed_us), curve.last_us)
    waits_on = curve.beyond(passed)

    def left(beyond: float) -> int:
        return max(0, round(curve.time_of(waits_on * beyond) - passed))

    def chance(time_us: int, before: float) -> float:
        longer = curve.beyond(time_us + passed) / (curve.beyond(time_us) * waits_on)
        return min(1.0, max(0.0, 1 - (1 - before) * longer))

    p10_us, p50_us, p80_us, p90_us = (left(1 - level) for level in _LEVELS[1:])
    mean_us: float = curve.tail_us
    if passed < curve.last_us:
        mean_us = (estimate.mean_us - curve.part_below(passed)) / waits_on - passed
    interval = estimate.interval_us
    return msgspec.structs.replace(
        estimate,
        mean_us=max(p10_us, round(mean_us)),
        p10_us=p10_us,
        p50_us=p50_us,
        p80_us=p80_us,
        p90_us=p90_us,
        interval_us=None if interval is None else (left(curve.beyond(interval[0])), left(curve.beyond(interval[1]))),
        answered_within=tuple((time_us, chance(time_us, before)) for time_us, before in estimate.answered_within),
        position=position,
    )


def with_chances(estimate: WaitEstimate, within_us: Sequence[int]) -> WaitEstimate:
    """Return an estimate with the chances to be answered within some times, as far as it tells them without futures."""
    if not within_us or estimate.answered_within:
        return estimate
    if estimate.method == "immediate":
        return msgspec.structs.replace(estimate, answered_within=tuple((time_us, 1.0) for time_us in within_us))
    curve = Curve.of(estimate)
    if curve is None:
        return estimate
    chances = tuple((time_us, 1 - curve.beyond(time_us)) for time_us in within_us)
    return msgspec.structs.replace(estimate, answered_within=chances)
