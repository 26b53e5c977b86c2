"""A point forecast made conformal: quantiles from its own latest errors, by level of the forecast.

For each level the errors of the last answered calls form a sliding window; the forecast plus their quantile, with the
correction for finite samples, is the forecast's quantile (split conformal; Lei et al. 2018), and the window keeps it
right when the world moves. Invariant: only errors told before count.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Sequence
from typing import Final

LEVEL_EDGES_S: Final = (4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 250.0)  # where a new level of the forecast begins
WINDOW: Final = 1000
ERRORS_MIN: Final = 50  # of a level; with fewer the errors of all levels count


class _Window:
    """The latest errors, sorted."""

    def __init__(self) -> None:
        self._latest: deque[float] = deque()
        self._sorted: list[float] = []

    def __len__(self) -> int:
        return len(self._latest)

    def add(self, error_s: float) -> None:
        if len(self._latest) == WINDOW:
            del self._sorted[bisect_left(self._sorted, self._latest.popleft())]
        self._latest.append(error_s)
        insort(self._sorted, error_s)

    def quantile(self, level: float) -> float:
        """Return the order statistic that a further error lies below with that chance, rounded outwards."""
        count = len(self._sorted)
        rank = math.ceil(level * (count + 1)) if level >= 0.5 else math.floor(level * (count + 1))
        return self._sorted[min(max(rank, 1), count) - 1]


class Conformal:
    """Quantiles around a point forecast of waits, in seconds. O(log n) a step, besides moving a window's end."""

    def __init__(self, levels: Sequence[float] = (0.1, 0.5, 0.9)) -> None:
        self._levels = tuple(levels)
        self._by_level = [_Window() for _ in range(len(LEVEL_EDGES_S) + 1)]
        self._pooled = _Window()

    def say(self, forecast_s: float) -> tuple[float, ...] | None:
        """Return the quantiles at the levels, rising, none negative; None before enough was learnt."""
        window = self._by_level[bisect_right(LEVEL_EDGES_S, forecast_s)]
        if len(window) < ERRORS_MIN:
            window = self._pooled
        if len(window) < ERRORS_MIN:
            return None
        return tuple(max(forecast_s + window.quantile(level), 0.0) for level in self._levels)

    def learn(self, forecast_s: float, waited_s: float) -> None:
        """A call with this forecast was answered after `waited_s`."""
        error_s = waited_s - forecast_s
        self._by_level[bisect_right(LEVEL_EDGES_S, forecast_s)].add(error_s)
        self._pooled.add(error_s)
