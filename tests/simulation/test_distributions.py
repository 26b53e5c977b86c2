"""Goal: each family of durations has the law that its name says, to the microsecond, whatever its mean and spread.

Method: moments within five standard errors and Kolmogorov-Smirnov against scipy's laws, with fixed seeds.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from router.simulation._native import draw_durations, moments_us
from router.simulation.scenario.model import Distribution, Family

SECOND = 1_000_000
LONGEST_US = 366 * 86_400 * SECOND
COUNT = 40_000
MEAN = 180 * SECOND


def of_family(family: Family, cv: float = 0.0, mean_us: int = MEAN) -> Distribution:
    return Distribution(family, mean_us, cv)


def gamma_law(cv: float) -> stats.rv_frozen:
    return stats.gamma(1 / cv**2, scale=MEAN * cv**2)


def lognormal_law(cv: float) -> stats.rv_frozen:
    sigma = math.sqrt(math.log1p(cv**2))
    return stats.lognorm(sigma, scale=MEAN / math.sqrt(1 + cv**2))


LAWS = [
    (of_family(Family.EXPONENTIAL), stats.expon(scale=MEAN)),
    (of_family(Family.GAMMA, 0.2), gamma_law(0.2)),
    (of_family(Family.GAMMA, 0.9), gamma_law(0.9)),
    (of_family(Family.GAMMA, 1.0), gamma_law(1.0)),
    (of_family(Family.GAMMA, 1.7), gamma_law(1.7)),
    (of_family(Family.LOGNORMAL, 0.3), lognormal_law(0.3)),
    (of_family(Family.LOGNORMAL, 1.3), lognormal_law(1.3)),
    (of_family(Family.UNIFORM, 0.25), stats.uniform(MEAN * (1 - 0.25 * 3**0.5), MEAN * 2 * 0.25 * 3**0.5)),
    (of_family(Family.UNIFORM, 3**-0.5), stats.uniform(0, 2 * MEAN)),
]


@pytest.mark.parametrize(("distribution", "law"), LAWS, ids=lambda one: str(getattr(one, "family", "")))
def test_a_family_has_its_law(distribution: Distribution, law: stats.rv_frozen) -> None:
    drawn = np.array(draw_durations(distribution, COUNT, seed=11))
    mean_us, variance_us2 = moments_us(distribution)
    assert (mean_us, variance_us2) == pytest.approx((law.mean(), law.var()), rel=1e-6)
    assert stats.kstest(drawn, law.cdf).pvalue > 0.01
    assert abs(drawn.mean() - mean_us) < 5 * math.sqrt(variance_us2 / COUNT)
    kurtosis = float(law.stats(moments="k")) + 3
    assert abs(drawn.var() - variance_us2) < 5 * variance_us2 * math.sqrt((kurtosis - 1) / COUNT)


def test_an_empirical_one_draws_each_value_equally_often() -> None:
    values = (30 * SECOND, 45 * SECOND, 45 * SECOND, 600 * SECOND)
    distribution = Distribution(Family.EMPIRICAL, 180 * SECOND, values_us=values)
    drawn = np.array(draw_durations(distribution, COUNT))
    found = [int((drawn == value).sum()) for value in (30 * SECOND, 45 * SECOND, 600 * SECOND)]
    assert sum(found) == COUNT
    assert stats.chisquare(found, [COUNT / 4, COUNT / 2, COUNT / 4]).pvalue > 0.01
    assert moments_us(distribution) == pytest.approx((np.mean(values), np.var(values)))


@pytest.mark.parametrize("family", [Family.DETERMINISTIC, Family.GAMMA, Family.LOGNORMAL, Family.UNIFORM])
def test_without_spread_every_draw_is_the_mean(family: Family) -> None:
    assert set(draw_durations(of_family(family, 0.0, 1_234_567), 50)) == {1_234_567}
    assert moments_us(of_family(family, 0.0, 1_234_567)) == (1_234_567, 0)


@pytest.mark.parametrize("family", list(Family))
def test_a_mean_of_nothing_gives_nothing(family: Family) -> None:
    assert set(draw_durations(Distribution(family, 0, 0.5, (0,)), 50)) == {0}


@pytest.mark.parametrize(
    "distribution",
    [
        of_family(Family.EXPONENTIAL),
        of_family(Family.GAMMA, 0.7),
        of_family(Family.GAMMA, 2.0),
        of_family(Family.LOGNORMAL, 1.0),
        of_family(Family.UNIFORM, 0.5),
    ],
    ids=lambda one: one.family.name,
)
def test_another_mean_or_factor_gives_the_same_draws_in_proportion(distribution: Distribution) -> None:
    drawn = draw_durations(distribution, 500)
    longer = draw_durations(Distribution(distribution.family, 3 * distribution.mean_us, distribution.cv), 500)
    scaled = draw_durations(distribution, 500, factor=3.0)
    assert all(abs(three - 3 * one) <= 2 for one, three in zip(drawn, longer, strict=True))
    assert all(abs(one - other) <= 1 for one, other in zip(longer, scaled, strict=True))


def test_a_duration_is_rounded_once_and_to_the_nearest() -> None:
    constant = of_family(Family.DETERMINISTIC, mean_us=3)
    assert draw_durations(constant, 1, factor=0.16) == [0]
    assert draw_durations(constant, 1, factor=0.17) == [1]
    assert draw_durations(constant, 1, factor=1.5) == [5]
    assert draw_durations(constant, 1, factor=0.0) == [0]


@pytest.mark.parametrize("distribution", [of_family(Family.GAMMA, 40.0), of_family(Family.LOGNORMAL, 1e9)])
def test_draws_stay_within_0_and_366_days(distribution: Distribution) -> None:
    drawn = draw_durations(distribution, 2_000, factor=1e9)
    assert min(drawn) >= 0
    assert max(drawn) == LONGEST_US


@pytest.mark.parametrize(
    ("distribution", "problem"),
    [
        (of_family(Family.EXPONENTIAL, mean_us=-1), "mean"),
        (of_family(Family.EXPONENTIAL, mean_us=LONGEST_US + 1), "mean"),
        (of_family(Family.GAMMA, -0.1), "cv"),
        (of_family(Family.GAMMA, math.nan), "cv"),
        (of_family(Family.LOGNORMAL, math.inf), "cv"),
        (of_family(Family.UNIFORM, 0.6), "at most 0.577"),
        (Distribution(Family.EMPIRICAL, 0), "needs values"),
        (Distribution(Family.EMPIRICAL, 0, values_us=(5, -1)), "values"),
    ],
)
def test_what_makes_no_distribution_is_refused(distribution: Distribution, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        draw_durations(distribution, 1)
