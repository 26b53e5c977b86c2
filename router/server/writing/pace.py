"""How fast commands leave, as a decaying mean, so that whoever is refused can be told when to come back.

Keeps one invariant: what is told is within 50 ms and 5 s, whatever was measured.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp
from time import monotonic

_MEMORY_S = 2.0
_DELAY_US_MIN = 50_000
_DELAY_US_MAX = 5_000_000
_DELAY_US_UNKNOWN = 100_000


class Pace:
    """Count commands as they leave."""

    def __init__(self, now_s: Callable[[], float] = monotonic) -> None:
        self._now_s = now_s
        self._count = 0.0
        self._counted_s = now_s()

    def count(self, commands: int) -> None:
        """Learn that so many commands have left now."""
        self._count = self._decayed() + commands
        self._counted_s = self._now_s()

    def delay_us(self, commands: int) -> int:
        """Return about how long it takes until so many commands have left, in microseconds."""
        per_second = self._decayed() / _MEMORY_S
        if per_second < 1.0:
            return _DELAY_US_UNKNOWN
        return max(_DELAY_US_MIN, min(_DELAY_US_MAX, int(commands * 1_000_000 / per_second)))

    def _decayed(self) -> float:
        return self._count * exp((self._counted_s - self._now_s()) / _MEMORY_S)
