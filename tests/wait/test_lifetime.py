"""Goal: lifetimes are drawn as they are described, at every age.

Method: the inverse transform of evenly spread numbers against scipy's distributions, and Hypothesis over ages and
hazards, where the survival must be what the number was.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from router.wait._native import Lifetime

UNIFORMS = (np.arange(4000) + 0.5) / 4000
P_MIN = 0.999  # evenly spread numbers are far closer to the distribution than chance would have them

ages = st.floats(0, 5000)
uniforms = st.floats(1e-9, 1 - 1e-9)


@st.composite
def hazards(draw: st.DrawFn) -> tuple[list[float], list[float]]:
    edges = sorted({0.0, *draw(st.lists(st.floats(0.5, 3000).map(lambda edge: round(edge, 1)), max_size=8))})
    rates = draw(st.lists(st.floats(0, 0.2), min_size=len(edges), max_size=len(edges)))
    return edges, rates


def residuals(lifetime: Lifetime, age_s: float, **how: float) -> list[float]:
    return [lifetime.residual_s(age_s, uniform, **how) for uniform in UNIFORMS]


def cumulative_hazard(edges: Sequence[float], rates: Sequence[float], age_s: float) -> float:
    ends = [*edges[1:], math.inf]
    spans = ((rate, max(0.0, min(age_s, end) - edge)) for edge, end, rate in zip(edges, ends, rates, strict=True))
    return sum(rate * span for rate, span in spans if span > 0)


@pytest.mark.parametrize("age_s", [0, 30, 400])
def test_an_exponential_lifetime_forgets_its_age(age_s: float) -> None:
    drawn = residuals(Lifetime.exponential(240), age_s)
    assert stats.kstest(drawn, stats.expon(scale=240).cdf).pvalue > P_MIN


@given(hazards(), ages, uniforms)
def test_a_residual_is_where_survival_falls_to_the_number(
    hazard: tuple[list[float], list[float]], age_s: float, uniform: float
) -> None:
    lifetime = Lifetime.of_hazard(*hazard)
    more_s = lifetime.residual_s(age_s, uniform)
    if math.isinf(more_s):  # the hazard is used up before: as many as that live for ever
        assert lifetime.survival(age_s, 1e9) >= 1 - uniform - 1e-9
        return
    expected = cumulative_hazard(*hazard, age_s + more_s) - cumulative_hazard(*hazard, age_s)
    assert expected == pytest.approx(-math.log1p(-uniform), rel=1e-6, abs=1e-9)
    assert lifetime.survival(age_s, more_s) == pytest.approx(1 - uniform, rel=1e-6, abs=1e-9)


def test_a_hazard_by_age_has_the_distribution_that_integration_gives() -> None:
    edges, rates = [0, 10, 60], [0.05, 0.001, 0.02]
    drawn = residuals(Lifetime.of_hazard(edges, rates), 5)

    def below(more_s: float) -> float:
        return 1 - math.exp(cumulative_hazard(edges, rates, 5) - cumulative_hazard(edges, rates, 5 + more_s))

    assert stats.kstest(drawn, np.vectorize(below)).pvalue > P_MIN


@given(hazards())
def test_the_mean_of_a_hazard_is_the_integral_of_survival(hazard: tuple[list[float], list[float]]) -> None:
    lifetime = Lifetime.of_hazard(*hazard)
    edges, rates = hazard
    if rates[-1] == 0:
        assert math.isinf(lifetime.mean_s)
        return
    if rates[-1] < 1e-4:
        return  # too long to integrate over
    to = edges[-1] + 40 / rates[-1]
    area, _ = integrate.quad(lambda age: lifetime.survival(0, age), 0, to, points=edges[1:] or None, limit=500)
    assert lifetime.mean_s == pytest.approx(area, rel=1e-5)


@given(st.lists(st.floats(0, 3000, width=32), min_size=1, max_size=60).map(sorted), uniforms)
def test_at_birth_samples_are_equally_likely(samples: list[float], uniform: float) -> None:
    lifetime = Lifetime.of_samples(samples)
    assert lifetime.residual_s(0, uniform) == samples[int(uniform * len(samples))]
    assert lifetime.mean_s == pytest.approx(sum(samples) / len(samples), rel=1e-5, abs=1e-5)


@given(st.lists(st.floats(0, 3000, width=32), min_size=20, max_size=80).map(sorted), ages, uniforms)
def test_who_has_outlasted_some_samples_goes_on_as_one_of_the_others(
    samples: list[float], age_s: float, uniform: float
) -> None:
    longer = [sample for sample in samples if sample > age_s] if age_s > 0 else samples
    lifetime = Lifetime.of_samples(samples)
    if len(longer) < 5:
        return
    assert lifetime.residual_s(age_s, uniform) == pytest.approx(longer[int(uniform * len(longer))] - age_s, abs=1e-9)
    shares = [sum(sample > age_s + more for sample in samples) / len(longer) for more in (7, 130)]
    assert [lifetime.survival(age_s, more) for more in (7, 130)] == pytest.approx(shares)


def test_what_outlasts_nearly_all_samples_goes_on_exponentially() -> None:
    samples = np.sort(stats.expon(scale=250).ppf((np.arange(3000) + 0.5) / 3000))
    drawn = residuals(Lifetime.of_samples(samples), 4000)
    assert np.mean(drawn) == pytest.approx(250, rel=0.15)
    assert stats.kstest(drawn, stats.expon(scale=np.mean(drawn)).cdf).pvalue > P_MIN
    # the same at any age beyond
    assert residuals(Lifetime.of_samples(samples), 40_000) == drawn


def test_samples_of_one_length_end_some_time_after_it() -> None:
    lifetime = Lifetime.of_samples([60.0] * 100)
    assert lifetime.residual_s(59, 0.5) == pytest.approx(1)
    assert 0 < lifetime.residual_s(61, 0.5) < 60
    assert Lifetime.of_samples([0.0]).residual_s(0, 0.9) == 0


def test_samples_of_a_distribution_give_its_residuals() -> None:
    shape = stats.lognorm(s=0.8, scale=200)
    samples = np.sort(shape.ppf((np.arange(3000) + 0.5) / 3000))
    drawn = residuals(Lifetime.of_samples(samples), 300)

    def below(more_s: float) -> float:
        return float(1 - shape.sf(300 + more_s) / shape.sf(300))

    assert stats.kstest(drawn, np.vectorize(below)).statistic < 0.005  # of about 900 samples left


def test_a_fixed_length_ends_when_it_is_over() -> None:
    lifetime = Lifetime.fixed(90)
    assert [lifetime.residual_s(age, 0.3) for age in (0, 40, 90, 200)] == [90, 50, 0, 0]
    assert [lifetime.survival(40, more) for more in (49.9, 50)] == [1, 0]
    assert lifetime.mean_s == 90
    assert lifetime.hazard_per_s(3) is None


def test_endless_is_endless() -> None:
    for lifetime in (Lifetime(), Lifetime.of_hazard([0, 10], [0, 0]), Lifetime.fixed(1e18), Lifetime.exponential(1e19)):
        assert lifetime.endless
        assert math.isinf(lifetime.residual_s(1e6, 0.999, 3, 0.1))
        assert math.isinf(lifetime.mean_s)
        assert lifetime.survival(5, 1e12) == 1
        assert lifetime.hazard_per_s(5) == 0
    assert not Lifetime.of_hazard([0, 10], [0.1, 0]).endless
    assert math.isinf(Lifetime.of_hazard([0, 10], [0.1, 0]).residual_s(12, 0.9))


LIFETIMES = {
    "exponential": Lifetime.exponential(100),
    "samples": Lifetime.of_samples([float(length) for length in range(1, 400, 3)]),
    "hazard": Lifetime.of_hazard([0, 20, 100], [0.02, 0.004, 0.01]),
    "fixed": Lifetime.fixed(130),
}


@pytest.mark.parametrize("kind", LIFETIMES)
@given(ages, uniforms, st.floats(0.2, 5))
def test_a_factor_stretches_time(kind: str, age_s: float, uniform: float, factor: float) -> None:
    lifetime = LIFETIMES[kind]
    stretched = lifetime.stretched(factor)
    expected = factor * lifetime.residual_s(age_s / factor, uniform)
    assert lifetime.residual_s(age_s, uniform, factor) == pytest.approx(expected)
    assert stretched.residual_s(age_s, uniform) == pytest.approx(expected)
    assert stretched.mean_s == pytest.approx(factor * lifetime.mean_s)
    assert stretched.survival(age_s, 77) == pytest.approx(lifetime.survival(age_s, 77, factor))
    assert stretched.survival(age_s, 77) == pytest.approx(lifetime.survival(age_s / factor, 77 / factor))


@given(ages, uniforms, st.floats(0.2, 5))
def test_a_rate_multiplies_the_hazard(age_s: float, uniform: float, rate: float) -> None:
    plain = LIFETIMES["hazard"]
    multiplied = Lifetime.of_hazard([0, 20, 100], [0.02 * rate, 0.004 * rate, 0.01 * rate])
    assert plain.residual_s(age_s, uniform, 1, rate) == pytest.approx(multiplied.residual_s(age_s, uniform), rel=1e-6)
    for lifetime in (plain, LIFETIMES["samples"]):
        assert lifetime.survival(age_s, 50, 1, rate) == pytest.approx(lifetime.survival(age_s, 50) ** rate)


@pytest.mark.parametrize("kind", LIFETIMES)
@given(ages, uniforms, uniforms, st.floats(0.2, 5))
def test_residuals_rise_with_the_number(kind: str, age_s: float, one: float, other: float, rate: float) -> None:
    lower, higher = sorted((one, other))
    lifetime = LIFETIMES[kind]
    assert 0 <= lifetime.residual_s(age_s, lower, 1.3, rate) <= lifetime.residual_s(age_s, higher, 1.3, rate)


def test_hazards_are_told() -> None:
    assert Lifetime.exponential(50).hazard_per_s(7) == pytest.approx(0.02)
    assert [LIFETIMES["hazard"].hazard_per_s(age) for age in (0, 19, 20, 1e6)] == pytest.approx(
        [0.02, 0.02, 0.004, 0.01]
    )
    assert LIFETIMES["hazard"].stretched(2).hazard_per_s(45) == pytest.approx(0.002)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: Lifetime.exponential(-1), "a mean of 0 s or more"),
        (lambda: Lifetime.exponential(math.nan), "a mean of 0 s or more"),
        (lambda: Lifetime.fixed(-0.1), "a length of 0 s or more"),
        (lambda: Lifetime.of_samples([]), "at least one sample"),
        (lambda: Lifetime.of_samples([2.0, 1.0]), "sorted samples"),
        (lambda: Lifetime.of_samples([-1.0, 1.0]), "samples of 0 s or more, and finite"),
        (lambda: Lifetime.of_samples([1.0, math.inf]), "samples of 0 s or more, and finite"),
        (lambda: Lifetime.of_samples([1.0, math.nan, 0.5]), "samples of 0 s or more, and finite"),
        (lambda: Lifetime.of_hazard([0, 1], [0.1]), "a rate for each edge"),
        (lambda: Lifetime.of_hazard([1], [0.1]), "edges from 0 s on"),
        (lambda: Lifetime.of_hazard([0, 5, 5], [0.1, 0.1, 0.1]), "rising edges"),
        (lambda: Lifetime.of_hazard([0, math.nan], [0.1, 0.1]), "edges from 0 s on, and finite|rising edges"),
        (lambda: Lifetime.of_hazard([0], [-0.1]), "rates of 0 or more, and finite"),
        (lambda: Lifetime.of_hazard([0], [math.inf]), "rates of 0 or more, and finite"),
        (lambda: Lifetime.exponential(1).stretched(0), "stretched by more than 0"),
    ],
)
def test_what_no_lifetime_has_is_refused(make: object, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        make()  # type: ignore[operator]
