"""Intervals of a mean over independent runs, by Student's t.

Invariant: one observation gives a mean and no interval; no observation gives neither.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import msgspec

CONFIDENCE: Final = 0.95


def student_probability(t: float, freedom: int) -> float:
    """Return P(|T| ≤ t) of Student's t with `freedom` degrees, t ≥ 0. O(freedom).

    Finite series in θ = atan(t ÷ √freedom): Abramowitz & Stegun (1964), 26.7.3 and 26.7.4.
    """
    return _within(math.atan2(t, math.sqrt(freedom)), freedom)


def _within(angle: float, freedom: int) -> float:
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    total, term = 0.0, cosine if odd else 1.0
    for k in range(1 + odd, freedom, 2):  # the power of the cosine is k, or k − 1 where freedom is even
        total += term
        term *= cosine * cosine * k / (k + 1)
    return 2 / math.pi * (angle + sine * total) if odd else sine * total


@lru_cache(maxsize=256)
def student_quantile(confidence: float, freedom: int) -> float:
    """Return the t with P(|T| ≤ t) = `confidence`, between 0 and 1, by halving the angle's interval."""
    if not 0 < confidence < 1 or freedom < 1:
        raise ValueError(f"confidence {confidence}, freedom {freedom}; between 0 and 1, and at least 1, is right")
    low, high = 0.0, math.pi / 2
    while low < (middle := (low + high) / 2) < high:
        if _within(middle, freedom) < confidence:
            low = middle
        else:
            high = middle
    return math.tan(high) * math.sqrt(freedom)


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A mean over replications with its interval.

    `values` has one entry a replication, None where that one has no such thing; the mean and the interval are of the
    others. `half_width` is None where fewer than two replications have a value, and `mean` where none has.
    """

    mean: float | None
    half_width: float | None
    values: tuple[float | None, ...]

    @property
    def low(self) -> float | None:
        """Return the lower end of the interval."""
        return None if self.mean is None or self.half_width is None else self.mean - self.half_width

    @property
    def high(self) -> float | None:
        """Return the upper end of the interval."""
        return None if self.mean is None or self.half_width is None else self.mean + self.half_width

    @property
    def partial(self) -> bool:
        """Say whether some replications have a value and others have none."""
        missing = self.values.count(None)
        return 0 < missing < len(self.values)

    @property
    def excludes_zero(self) -> bool:
        """Say whether the interval does not contain 0; never without an interval."""
        return self.mean is not None and self.half_width is not None and abs(self.mean) > self.half_width


def estimate(values: Sequence[float | None], confidence: float = CONFIDENCE) -> Estimate:
    """Return the mean of what there is, with its interval at this confidence."""
    found = [value for value in values if value is not None]
    count = len(found)
    if not found:
        return Estimate(mean=None, half_width=None, values=tuple(values))
    mean = math.fsum(found) / count
    if count == 1:
        return Estimate(mean=mean, half_width=None, values=tuple(values))
    variance = math.fsum((value - mean) ** 2 for value in found) / (count - 1)
    half_width = student_quantile(confidence, count - 1) * math.sqrt(variance / count)
    return Estimate(mean=mean, half_width=half_width, values=tuple(values))
