"""Plain counting, for the hot path: a value is added in a fraction of a microsecond, and read when somebody asks.

Keeps one invariant: what is counted never falls.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple


class Distribution(NamedTuple):
    """A histogram as it stands: upper bounds in base units, how many values are within each but the one before
    (the last count is of those beyond all bounds), and the sum of all values in base units."""

    bounds: Sequence[float]
    counts: Sequence[int]
    total: float


BucketCounts = tuple[Sequence[int], int]
"""What was counted natively: how many values are in each bucket, and the sum of all of them, as whole numbers."""


def whole(bounds: Sequence[float], per_unit: int) -> list[int]:
    """Return upper bounds as whole numbers, `per_unit` of which make one base unit."""
    return [round(bound * per_unit) for bound in bounds]


def distribution_of(bounds: Sequence[float], counts: BucketCounts, per_unit: int) -> Distribution:
    """Return what was counted natively by these bounds."""
    numbers, total = counts
    return Distribution(tuple(bounds), numbers, total / per_unit)


class Buckets:
    """Count whole numbers by upper bounds, which belong to their own bucket. `per_unit` of them make one base unit.

    Adding costs O(log bounds).
    """

    __slots__ = ("_bounds", "_counts", "_per_unit", "_total", "_values")

    def __init__(self, bounds: Sequence[float], per_unit: int = 1) -> None:
        self._bounds = tuple(bounds)
        self._per_unit = per_unit
        self._values = whole(bounds, per_unit)
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0

    def add(self, value: int) -> None:
        """Count one value."""
        self._counts[bisect_left(self._values, value)] += 1
        self._total += value

    def distribution(self) -> Distribution:
        """Return what was counted so far."""
        return Distribution(self._bounds, tuple(self._counts), self._total / self._per_unit)


PER_SECOND_US = 1_000_000
PER_SECOND_NS = 1_000_000_000

# of callers and agents, in seconds: two minutes and eight minutes are what hotlines promise
WAIT_BOUNDS = (1, 2, 5, 10, 20, 30, 60, 120, 180, 300, 480, 600, 900, 1800, 3600)
HANDLE_BOUNDS = (5, 10, 20, 30, 60, 120, 180, 300, 480, 600, 900, 1200, 1800, 3600, 7200)
# of the machine, in seconds
ENGINE_BOUNDS = (2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 5e-3, 2e-2, 0.1)
LATENCY_BOUNDS = (2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.2, 0.5, 1, 2, 5, 10)
SIZE_BOUNDS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)
