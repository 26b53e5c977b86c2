"""Patience of callers, learned from a log in which every answered caller hides his own.

A caller who gave up showed his patience. One who was answered after w showed only that it exceeds w: a censored
observation. The Kaplan-Meier estimator takes both for what they are; past the last observation the curve goes on
as the exponential through its last point (Brown, Hollander & Korwar 1974).
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import groupby
from typing import Final

from router.engine.settings import SECOND_US
from router.simulation.draws import draw_unit
from router.simulation.recorded_day import RecordedCall

ABANDONED_MIN: Final = 20  # a type with fewer abandoned calls uses the curve of all types together


class PatienceCurve:
    """The share of callers whose patience exceeds t, as a step function with an exponential tail."""

    def __init__(self, observations: Iterable[tuple[int, bool]]) -> None:
        """Estimate from (wait in microseconds, whether the caller gave up then)."""
        ordered = sorted(observations)
        self.abandoned = sum(gave_up for _, gave_up in ordered)
        self.times_us: list[int] = []
        self.shares: list[float] = []
        at_risk = len(ordered)
        share = 1.0
        for wait_us, group in groupby(ordered, key=lambda observation: observation[0]):
            outcomes = [gave_up for _, gave_up in group]
            if any(outcomes):
                share *= 1 - sum(outcomes) / at_risk
                self.times_us.append(wait_us)
                self.shares.append(share)
            at_risk -= len(outcomes)
        self.last_us = max(ordered[-1][0], SECOND_US) if ordered else SECOND_US
        self.last_share = share
        self.tail_rate = -math.log(share) / self.last_us if 0 < share < 1 else 0.0

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
            if self.tail_rate == 0.0:
                return None
            tail_us = math.log(self.last_share / target) / self.tail_rate
            return math.ceil((self.last_us + tail_us) / SECOND_US) * SECOND_US
        return self.times_us[bisect_left(self.shares, -target, key=lambda share: -share)]


class PatienceModel:
    """A curve for each type with enough abandoned calls, and one of all types for the rest."""

    def __init__(self, calls: Iterable[RecordedCall]) -> None:
        by_type: dict[str, list[tuple[int, bool]]] = {}
        for call in calls:
            by_type.setdefault(call.type, []).append((call.waited_us, call.answered_us is None))
        self.pooled = PatienceCurve(observation for group in by_type.values() for observation in group)
        curves = {kind: PatienceCurve(group) for kind, group in sorted(by_type.items())}
        self.by_type = {kind: curve for kind, curve in curves.items() if curve.abandoned >= ABANDONED_MIN}

    def curve(self, kind: str) -> PatienceCurve:
        """Return the curve that rules a type."""
        return self.by_type.get(kind, self.pooled)

    def draw_us(self, call: RecordedCall, seed: int, number: int) -> int | None:
        """Return the caller's patience: as recorded, or drawn beyond the recorded wait if he was answered."""
        if call.answered_us is None:
            return call.waited_us
        unit = draw_unit(seed, "patience", call.day, number)
        return self.curve(call.type).draw_us(unit, call.waited_us)
