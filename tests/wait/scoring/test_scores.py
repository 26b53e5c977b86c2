"""Goal: every score is what its name says. Method: by hand, and quantile losses against what must minimise them."""

from __future__ import annotations

import numpy as np
import pytest

from router.wait.scoring import score_point, score_quantiles, weigh_censored
from router.wait.scoring.scores import pinball


def test_errors_of_the_mean_by_hand() -> None:
    score = score_point(np.array([10.0, 20.0, 30.0]), np.array([13.0, 16.0, 30.0]))
    assert score is not None
    assert score.rmse_share == pytest.approx((25 / 3) ** 0.5 / 20)
    assert score.mae_s == pytest.approx(7 / 3)
    assert score.bias_s == pytest.approx(-1 / 3)
    assert score_point(np.zeros(0), np.zeros(0)) is None


def test_weights_are_as_good_as_copies() -> None:
    waits, said = np.array([5.0, 50.0, 7.0]), np.array([9.0, 40.0, 7.5])
    copies = [0, 1, 1, 1, 2, 2]
    quantiles = np.stack([said - 4, said, said + 4], axis=1)
    low, high = said - 4, said + 4
    weights = np.array([1.0, 3.0, 2.0])
    assert score_point(waits, said, weights) == score_point(waits[copies], said[copies])
    weighted = score_quantiles(waits, quantiles, low, high, weights)
    copied = score_quantiles(waits[copies], quantiles[copies], low[copies], high[copies])
    assert weighted is not None
    assert copied is not None
    assert weighted.pinball_s == pytest.approx(copied.pinball_s)
    assert (weighted.coverage, weighted.width_s) == pytest.approx((copied.coverage, copied.width_s))


def test_pinball_losses_by_hand_and_at_their_best_at_the_quantile() -> None:
    assert pinball(np.array([10.0, 10.0]), np.array([4.0, 14.0]), 0.9).tolist() == pytest.approx([5.4, 0.4])
    waits = np.random.default_rng(1).exponential(60.0, 4_001)
    for level in (0.1, 0.5, 0.9):
        tried = np.quantile(waits, np.linspace(0.02, 0.98, 97))
        losses = [pinball(waits, np.full(len(waits), each), level).mean() for each in tried]
        assert np.linspace(0.02, 0.98, 97)[int(np.argmin(losses))] == pytest.approx(level, abs=0.011)


def test_an_interval_includes_its_ends_and_calls_without_one_are_left_out() -> None:
    waits = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    low, high = np.array([1.0, 0.0, 3.5, 4.0, np.nan]), np.array([1.0, 1.9, 5.0, 9.0, 9.0])
    quantiles = np.tile([1.0, 2.0, 3.0], (5, 1))
    score = score_quantiles(waits, quantiles, low, high)
    assert score is not None
    assert (score.calls, score.coverage, score.width_s) == (4, 0.5, pytest.approx((0 + 1.9 + 1.5 + 5) / 4))
    assert score.pinball_mean_s == pytest.approx(sum(score.pinball_s) / 3)
    assert score_quantiles(waits, quantiles * np.nan, low, high) is None


def test_censoring_weights_put_right_what_giving_up_hides() -> None:
    numbers = np.random.default_rng(7)
    waits = numbers.gamma(2.0, 40.0, 200_000)
    patience = numbers.exponential(200.0, len(waits))
    served = waits < patience
    weights = weigh_censored(np.exp(-waits[served] / 200.0))
    truth = score_point(waits, np.full(len(waits), 70.0))
    plain = score_point(waits[served], np.full(int(served.sum()), 70.0))
    weighted = score_point(waits[served], np.full(int(served.sum()), 70.0), weights)
    assert truth is not None
    assert plain is not None
    assert weighted is not None
    assert weighted.bias_s == pytest.approx(truth.bias_s, abs=1.0)
    assert weighted.mae_s == pytest.approx(truth.mae_s, abs=1.0)
    assert abs(plain.bias_s - truth.bias_s) > 10  # what the weights are for


def test_weights_are_bounded() -> None:
    assert weigh_censored(np.array([1.0, 0.5, 0.01, 0.0])).tolist() == [1.0, 2.0, 10.0, 10.0]
