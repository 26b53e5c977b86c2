"""Scores of forecasts of waits: of the mean, of quantiles, of intervals; plain, or weighted for callers who gave up.

Invariant: the scores of different forecasts are over the very same calls. Waits and forecasts in seconds.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

QUANTILES: Final = (0.1, 0.5, 0.9)
INTERVAL_SHARE: Final = 0.8  # what an interval promises to cover
WEIGHT_MAX: Final = 10.0


class PointScore(msgspec.Struct, frozen=True):
    """How far a forecast of the mean is off.

    `rmse_share`: root of the mean squared error ÷ the mean wait. `bias_s`: mean of forecast − wait.
    """

    rmse_share: float
    mae_s: float
    bias_s: float


class QuantileScore(msgspec.Struct, frozen=True):
    """How good quantiles and the 80 % interval are.

    `calls`: those that had them. `pinball_s`: mean loss at 10, 50 and 90 %. `coverage`: share of waits in the
    interval, ends included.
    """

    calls: int
    pinball_s: tuple[float, float, float]
    coverage: float
    width_s: float

    @property
    def pinball_mean_s(self) -> float:
        """Return the mean over the three levels."""
        return sum(self.pinball_s) / len(self.pinball_s)


def score_point(waited_s: Floats, forecast_s: Floats, weights: Floats | None = None) -> PointScore | None:
    """Score forecasts of the mean; None for no calls."""
    if not len(waited_s):
        return None
    weights = np.ones(len(waited_s)) if weights is None else weights
    error_s = forecast_s - waited_s
    mean_s = _mean(waited_s, weights)
    return PointScore(
        rmse_share=_mean(error_s**2, weights) ** 0.5 / mean_s if mean_s > 0 else 0.0,
        mae_s=_mean(np.abs(error_s), weights),
        bias_s=_mean(error_s, weights),
    )


def score_quantiles(
    waited_s: Floats, quantiles_s: Floats, low_s: Floats, high_s: Floats, weights: Floats | None = None
) -> QuantileScore | None:
    """Score quantiles (columns for 10, 50 and 90 %) and intervals; calls without (NaN) are left out."""
    known = np.isfinite(quantiles_s).all(axis=1) & np.isfinite(low_s) & np.isfinite(high_s)
    if not known.any():
        return None
    waited_s, quantiles_s, low_s, high_s = waited_s[known], quantiles_s[known], low_s[known], high_s[known]
    weights = np.ones(len(waited_s)) if weights is None else weights[known]
    ten, fifty, ninety = (
        _mean(pinball(waited_s, quantiles_s[:, place], level), weights) for place, level in enumerate(QUANTILES)
    )
    return QuantileScore(
        calls=len(waited_s),
        pinball_s=(ten, fifty, ninety),
        coverage=_mean(((low_s <= waited_s) & (waited_s <= high_s)).astype(np.float64), weights),
        width_s=_mean(high_s - low_s, weights),
    )


def pinball(waited_s: Floats, quantile_s: Floats, level: float) -> Floats:
    """Return the pinball loss of each forecast of a quantile."""
    error_s = waited_s - quantile_s
    return np.maximum(level * error_s, (level - 1) * error_s)


def weigh_censored(still_there: Floats, weight_max: float = WEIGHT_MAX) -> Floats:
    """Return weights that let answered callers stand for those who gave up before they would have been answered.

    `still_there`: the chance that a caller's patience lasts as long as this one waited (Kaplan-Meier). The weight is
    its inverse (inverse probability of censoring; Robins & Rotnitzky 1992), at most `weight_max`.
    """
    return np.minimum(1 / np.maximum(still_there, 1e-12), weight_max)


def _mean(values: Floats, weights: Floats) -> float:
    return float(np.average(values, weights=weights))
