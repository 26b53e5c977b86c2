"""Wait prediction for calls in queue and for calls that are only thought of: futures, learning, correction.

Invariant: an estimate names its method and never changes the engine.
"""

from router.wait._native import LES_SAMPLES_MIN, Coverage, Creep, FutureSet, Predictor, Situation, ql_modified
from router.wait.assumptions import (
    AgentAssumptions,
    Arrivals,
    Assumptions,
    Exponential,
    Fixed,
    Hazard,
    QueueAssumptions,
    Samples,
)
from router.wait.estimate import DelayFigures, IntervalCoverage, Learning, Method, QueueHistory, WaitEstimate
from router.wait.futures import simulate_waits
from router.wait.target_waits import TargetWaits

__all__ = [
    "LES_SAMPLES_MIN",
    "AgentAssumptions",
    "Arrivals",
    "Assumptions",
    "Coverage",
    "Creep",
    "DelayFigures",
    "Exponential",
    "Fixed",
    "FutureSet",
    "Hazard",
    "IntervalCoverage",
    "Learning",
    "Method",
    "Predictor",
    "QueueAssumptions",
    "QueueHistory",
    "Samples",
    "Situation",
    "TargetWaits",
    "WaitEstimate",
    "ql_modified",
    "simulate_waits",
]
