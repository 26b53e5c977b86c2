"""Wait estimates for calls in queue and for calls that are only thought of.

Invariant: an estimate names its method and never changes the engine.
"""

from router.wait.estimate import Method, WaitEstimate
from router.wait.estimator import LES_SAMPLES_MIN, WaitEstimator
from router.wait.formulas import ql_modified

__all__ = ["LES_SAMPLES_MIN", "Method", "WaitEstimate", "WaitEstimator", "ql_modified"]
