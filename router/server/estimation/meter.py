"""What is counted of estimates: sets, their cost, the estimates told by method, and how announcements change.

Keeps one invariant: what is counted never falls.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Final, get_args

from router.server.tally import PER_SECOND_NS, Buckets
from router.wait import FutureSet, Method, WaitEstimate

SET_BOUNDS: Final = (1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5, 60)
PAUSE_BOUNDS: Final = (2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.05, 0.2, 1)
CHANGES: Final = ("first", "sooner", "later")


class EstimateMeter:
    """Count what the estimation room does. Starts with all counts at 0."""

    def __init__(self, now_s: Callable[[], float] = monotonic) -> None:
        self._now_s = now_s
        self._newest_s: float | None = None
        self.sets = {"waiting": 0, "supposed": 0, "failed": 0}
        self.futures = 0
        self.futures_last = 0
        self.set_times = Buckets(SET_BOUNDS, PER_SECOND_NS)
        self.pauses = Buckets(PAUSE_BOUNDS, PER_SECOND_NS)
        self.estimates: dict[str, int] = dict.fromkeys(get_args(Method), 0)
        self.announcements = dict.fromkeys(CHANGES, 0)
        self.overflowed: dict[str, int] = {}

    def ran(self, futures: FutureSet, pause_s: float, run_s: float, *, supposed: bool) -> None:
        """Count a set: how long the routing stood still for its situation, and how long it ran."""
        self.sets["supposed" if supposed else "waiting"] += 1
        self.futures += futures.futures
        self.set_times.add(round(run_s * PER_SECOND_NS))
        self.pauses.add(round(pause_s * PER_SECOND_NS))
        if not supposed:
            self.futures_last = futures.futures
            self._newest_s = self._now_s()

    def failed(self) -> None:
        """Count a set that came to nothing."""
        self.sets["failed"] += 1

    def told(self, estimate: WaitEstimate) -> WaitEstimate:
        """Count an estimate that somebody is told, and return it."""
        self.estimates[estimate.method] += 1
        return estimate

    def announced(self, change: str) -> None:
        """Count that what a caller should hear is there, or has changed enough to matter."""
        self.announcements[change] += 1

    def overflow(self, queue: str) -> None:
        """Count a call that left a queue because of its estimate."""
        self.overflowed[queue] = self.overflowed.get(queue, 0) + 1

    @property
    def newest_age_s(self) -> float:
        """How long ago the newest set for all who wait was ready; 0 before the first."""
        return 0.0 if self._newest_s is None else self._now_s() - self._newest_s
