"""The server's clock: wall time when it starts, monotonic from there, faster than real time if wanted.

Keeps one invariant: the time it tells never falls, whatever happens to the wall clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from fractions import Fraction

SPEED_MIN = 0.001
SPEED_MAX = 100_000.0


class Clock:
    """Tell engine time in microseconds since the epoch, `speed` engine seconds passing per real second.

    It starts at wall time, or at `not_before_us` if that is later (the last time the engine has seen). Raises
    `ValueError` for a speed outside 0.001 to 100,000.
    """

    def __init__(
        self,
        speed: float = 1.0,
        *,
        not_before_us: int = 0,
        wall_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        if not SPEED_MIN <= speed <= SPEED_MAX:
            raise ValueError(f"clock speed {speed} is out of range; {SPEED_MIN} to {SPEED_MAX:,.0f} is allowed")
        ratio = Fraction(speed).limit_denominator(1000)
        self._speed = float(ratio)
        self._numerator, self._denominator = ratio.numerator, 1000 * ratio.denominator
        self._monotonic_ns = monotonic_ns
        self._start_us = max(wall_ns() // 1000, not_before_us)
        self._monotonic_start_ns = monotonic_ns()
        self._last_us = self._start_us

    @property
    def speed(self) -> float:
        """Engine seconds per real second."""
        return self._speed

    @property
    def start_us(self) -> int:
        """The time at which the clock started."""
        return self._start_us

    def go_on_from(self, time_us: int) -> None:
        """Go on from `time_us` if that is later than now; call it before anybody was told the time."""
        self._start_us += max(0, time_us - self.now_us())

    def now_us(self) -> int:
        """Return the time. Never less than before."""
        elapsed_ns = self._monotonic_ns() - self._monotonic_start_ns
        now_us = self._start_us + elapsed_ns * self._numerator // self._denominator
        if now_us > self._last_us:
            self._last_us = now_us
        return self._last_us

    def seconds_until(self, time_us: int) -> float:
        """Return how many real seconds it is until `time_us`, 0.0 if that has come."""
        return max(0, time_us - self.now_us()) / (1_000_000 * self._speed)
