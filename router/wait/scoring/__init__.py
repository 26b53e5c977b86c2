"""Scores of wait estimates: baselines from delay history, measures, and what is reported.

Invariant: whatever is compared is compared on the same calls.
"""

from __future__ import annotations

from router.wait.scoring.baselines import DelayBaselines, DelayHistory, MeanByType
from router.wait.scoring.conformal import Conformal
from router.wait.scoring.scored_calls import Collector, ScoredCalls
from router.wait.scoring.scores import PointScore, QuantileScore, score_point, score_quantiles, weigh_censored

__all__ = [
    "Collector",
    "Conformal",
    "DelayBaselines",
    "DelayHistory",
    "MeanByType",
    "PointScore",
    "QuantileScore",
    "ScoredCalls",
    "score_point",
    "score_quantiles",
    "weigh_censored",
]
