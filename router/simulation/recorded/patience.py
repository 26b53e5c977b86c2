"""Patience of callers, learned from a log in which every answered caller hides his own.

A caller who gave up showed his patience. One who was answered after w showed only that it exceeds w: a censored
observation. The Kaplan-Meier estimator takes both for what they are; past the last observation the curve goes on
as the exponential through its last point (Brown, Hollander & Korwar 1974).
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from typing import Final

import numpy as np
import numpy.typing as npt

from router.engine.settings import SECOND_US
from router.simulation.recorded.columns import NOBODY, CallColumns, Int64s
from router.simulation.recorded.draws import draw_many_units

FOR_EVER: Final = -1  # the patience of one who never gives up
ABANDONED_MIN: Final = 20  # a type with fewer abandoned calls uses the curve of all types together


class PatienceCurve:
    """The share of callers whose patience exceeds t, as a step function with an exponential tail."""

    def __init__(self, waits_us: npt.ArrayLike, gave_up: npt.ArrayLike) -> None:
        """Estimate from waits in microseconds and whether each caller gave up then. O(n log n)."""
        waits = np.asarray(waits_us, dtype=np.int64)
        ends = np.asarray(gave_up, dtype=bool)
        times, given_up = np.unique(waits[ends], return_counts=True)
        at_risk = len(waits) - np.searchsorted(np.sort(waits), times)
        shares = np.cumprod(1 - given_up / at_risk)
        self.abandoned = int(ends.sum())
        self.times_us: list[int] = times.tolist()
        self.shares: list[float] = shares.tolist()
        self._times = times
        self._falling = -shares  # rising, as a search wants it
        self.last_us = max(int(waits.max()), SECOND_US) if len(waits) else SECOND_US
        self.last_share = self.shares[-1] if self.shares else 1.0
        self.tail_rate = -math.log(self.last_share) / self.last_us if 0 < self.last_share < 1 else 0.0

    def share_beyond(self, wait_us: int) -> float:
        """Return the share of callers whose patience exceeds `wait_us`."""
        if wait_us > self.last_us:
            return self.last_share * math.exp(-self.tail_rate * (wait_us - self.last_us))
        place = bisect_right(self.times_us, wait_us)
        return self.shares[place - 1] if place else 1.0

    def draw_us(self, unit: float, beyond_us: int = -1) -> int | None:
        """Return a patience above `beyond_us` for a number between 0 and 1; None if the caller never gives up.

        Inverts the curve, given that the caller waited that long already. Whole seconds in the tail.
        """
        target = (1 - unit) * self.share_beyond(beyond_us)
        if target < self.last_share:
            return self._invert_tail(target)
        return self.times_us[bisect_left(self.shares, -target, key=lambda share: -share)]

    def _invert_tail(self, share: float) -> int | None:
        if self.tail_rate == 0.0:
            return None
        tail_us = math.log(self.last_share / share) / self.tail_rate
        return math.ceil((self.last_us + tail_us) / SECOND_US) * SECOND_US

    def draw_many_us(self, units: npt.NDArray[np.float64], beyond_us: Int64s) -> Int64s:
        """Return `draw_us` of each pair, FOR_EVER for None; at once where the curve itself rules."""
        places = np.searchsorted(self._times, beyond_us, side="right")
        targets = (1 - units) * np.concatenate(([1.0], -self._falling))[places]
        for place in np.flatnonzero(beyond_us > self.last_us).tolist():
            targets[place] = (1 - units[place]) * self.share_beyond(int(beyond_us[place]))
        in_tail = targets < self.last_share
        drawn = np.full(len(units), FOR_EVER, dtype=np.int64)
        drawn[~in_tail] = self._times[np.searchsorted(self._falling, -targets[~in_tail])]
        inverted = map(self._invert_tail, targets[in_tail].tolist())
        drawn[in_tail] = [FOR_EVER if patience_us is None else patience_us for patience_us in inverted]
        return drawn


class PatienceModel:
    """A curve for each type with enough abandoned calls, and one of all types for the rest."""

    def __init__(self, calls: CallColumns) -> None:
        gave_up = calls.handled_us == NOBODY
        self.pooled = PatienceCurve(calls.waited_us, gave_up)
        self.by_type: dict[str, PatienceCurve] = {}
        for place, kind in enumerate(calls.types):
            own = calls.type_places == place
            curve = PatienceCurve(calls.waited_us[own], gave_up[own])
            if curve.abandoned >= ABANDONED_MIN:
                self.by_type[kind] = curve

    def curve(self, kind: str) -> PatienceCurve:
        """Return the curve that rules a type."""
        return self.by_type.get(kind, self.pooled)

    def draw_day_us(self, day: str, calls: CallColumns, seed: int) -> Int64s:
        """Return the patience of each caller of a day: as recorded, or drawn beyond the recorded wait if answered.

        FOR_EVER for one who never gives up.
        """
        patience_us = calls.waited_us.copy()
        answered = np.flatnonzero(calls.handled_us != NOBODY)
        units = draw_many_units((answered + 1).tolist(), seed, "patience", day)
        types = calls.type_places[answered]
        for place, kind in enumerate(calls.types):
            own = types == place
            rows = answered[own]
            patience_us[rows] = self.curve(kind).draw_many_us(units[own], calls.waited_us[rows])
        return patience_us
