"""Goal: intervals are Student's. Method: against scipy, printed tables, and how often they cover a known mean."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from router.simulation.student import Estimate, estimate, student_probability, student_quantile

FREEDOMS = (1, 2, 3, 4, 5, 9, 10, 29, 30, 100, 999, 1000)


@pytest.mark.parametrize("freedom", FREEDOMS)
@pytest.mark.parametrize("confidence", [0.01, 0.5, 0.8, 0.9, 0.95, 0.99, 0.999])
def test_the_quantile_is_scipys(confidence: float, freedom: int) -> None:
    expected = stats.t.ppf((1 + confidence) / 2, freedom)
    assert student_quantile(confidence, freedom) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("freedom", FREEDOMS)
@pytest.mark.parametrize("t", [0.0, 0.1, 1.0, 2.5, 40.0])
def test_the_probability_is_scipys(t: float, freedom: int) -> None:
    assert student_probability(t, freedom) == pytest.approx(1 - 2 * stats.t.sf(t, freedom), abs=1e-12)


@pytest.mark.parametrize(
    ("freedom", "printed"), [(1, 12.706), (2, 4.303), (4, 2.776), (9, 2.262), (19, 2.093), (30, 2.042), (120, 1.980)]
)
def test_the_quantile_is_the_printed_tables(freedom: int, printed: float) -> None:
    assert round(student_quantile(0.95, freedom), 3) == printed


@pytest.mark.parametrize(("confidence", "freedom"), [(0.0, 3), (1.0, 3), (0.95, 0), (-1.0, 2)])
def test_a_quantile_that_there_is_not_is_refused(confidence: float, freedom: int) -> None:
    with pytest.raises(ValueError, match="is right"):
        student_quantile(confidence, freedom)


def test_an_estimate_by_hand() -> None:
    found = estimate([1.0, 2.0, 3.0, 6.0])
    half_width = 3.182446305 * math.sqrt(14 / 3 / 4)  # t for 3 degrees of freedom; Σ(x − 3)² = 14
    assert found.mean == 3.0
    assert found.half_width == pytest.approx(half_width)
    assert found.low == pytest.approx(3 - half_width)
    assert found.high == pytest.approx(3 + half_width)
    assert not found.excludes_zero
    assert estimate([5.0, 5.1, 5.2]).excludes_zero
    assert estimate([-5.0, -5.1, -5.2]).excludes_zero


def test_one_observation_has_no_interval_and_none_has_nothing() -> None:
    assert estimate([4.0]) == Estimate(mean=4.0, half_width=None, values=(4.0,))
    assert estimate([4.0]).low is None
    assert not estimate([4.0]).excludes_zero
    nothing = estimate([None, None])
    assert (nothing.mean, nothing.low, nothing.high, nothing.partial) == (None, None, None, False)


def test_runs_without_a_value_are_left_out_and_said() -> None:
    found = estimate([None, 4.0, 6.0, None])
    assert found.mean == 5.0
    assert found.half_width == pytest.approx(student_quantile(0.95, 1) * 1.0)
    assert found.partial
    assert found.values == (None, 4.0, 6.0, None)
    assert not estimate([4.0, 6.0]).partial


def test_equal_observations_have_an_interval_of_no_width() -> None:
    found = estimate([0.1] * 7)
    assert (found.low, found.mean, found.high) == (0.1, 0.1, 0.1)
    assert not estimate([0.0] * 7).excludes_zero


def test_the_interval_covers_the_true_mean_as_often_as_it_says() -> None:
    draws = np.random.default_rng(1).normal(10.0, 3.0, size=(4000, 5))
    covered = sum(1 for row in draws if abs((found := estimate(row.tolist())).mean - 10.0) <= found.half_width)  # type: ignore[operator]
    assert covered / 4000 == pytest.approx(0.95, abs=0.011)  # 3 standard errors
