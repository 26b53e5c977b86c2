"""Goal: the waits that futures say have exactly the distributions that theory has for them.

Method: all servers of a centre are busy with exponential talks and some calls wait. 10,000 futures are run; the waits
of each call are a sample of a known distribution, held against it by a Kolmogorov-Smirnov test, mean and variance.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from scipy import integrate, special, stats

from router.engine import SECOND_US, Urgency
from router.wait.assumptions import Arrivals, Assumptions, Exponential, QueueAssumptions
from router.wait.futures import simulate_waits
from router.wait.target_waits import TargetWaits
from tests.wait.futures_cases import BY_PRIORITY, busy_line, plain_queue

FUTURES = 10_000
UNIT_S = 100  # of time: of rates per unit
Cdf = Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]


def exponential(rate: float) -> Exponential:
    return Exponential(mean_us=UNIT_S * SECOND_US / rate)


def assumed(rate: float, patience_rate: float = 0, arrivals: tuple[Arrivals, ...] = ()) -> Assumptions:
    patience = exponential(patience_rate) if patience_rate > 0 else None
    return Assumptions(
        queues={"q": QueueAssumptions(handle_time=exponential(rate), patience=patience, arrivals=arrivals)}
    )


def check(target: TargetWaits, mean: float, variance: float, cdf: Cdf) -> None:
    """KS at p > .001, and the mean within four standard errors."""
    waits = target.waits_s.astype(np.float64) / UNIT_S
    assert len(waits) == FUTURES
    assert target.beyond == target.refused == 0
    assert abs(waits.mean() - mean) < 4 * math.sqrt(variance / FUTURES)
    kurtosis = ((waits - waits.mean()) ** 4).mean() / waits.var() ** 2
    assert abs(waits.var() - variance) < 4 * variance * math.sqrt((kurtosis - 1) / FUTURES)
    assert stats.kstest(waits, cdf).pvalue > 0.001


@pytest.mark.parametrize(("ahead", "servers", "rate"), [(0, 1, 1.0), (4, 10, 1.0), (30, 3, 0.5), (2, 100, 2.0)])
def test_waits_are_gamma_distributed_where_nobody_gives_up(ahead: int, servers: int, rate: float) -> None:
    """W ~ Gamma(n + 1, s mu): one release after the other, the one that serves the call included."""
    found = simulate_waits(busy_line(servers, ahead + 1), assumed(rate), futures=FUTURES)
    assert [target.position for target in found.targets] == list(range(1, ahead + 2))
    for target in {found.targets[0], found.targets[ahead // 2], found.targets[-1]}:
        law = stats.gamma(target.position, scale=1 / (servers * rate))
        check(target, law.mean(), law.var(), law.cdf)


def test_the_figures_of_the_textbook_come_out() -> None:
    """n = 4, s = 10, mu = 1: mean .5, sd .2236, quantiles .24326, .46709, .79936."""
    waits = simulate_waits(busy_line(10, 5), assumed(1.0), futures=FUTURES).targets[-1]
    for share, expected in ((0.1, 0.24326), (0.5, 0.46709), (0.9, 0.79936)):
        density = stats.gamma(5, scale=0.1).pdf(expected)
        error = math.sqrt(share * (1 - share) / FUTURES) / density
        assert abs(waits.quantile_s(share) / UNIT_S - expected) < 4 * error


@pytest.mark.parametrize(
    ("ahead", "servers", "rate", "patience_rate"), [(9, 10, 1.0, 0.5), (40, 5, 1.0, 0.2), (15, 2, 0.7, 2.0)]
)
def test_waits_of_those_who_stay_where_others_give_up(
    ahead: int, servers: int, rate: float, patience_rate: float
) -> None:
    """Hypoexponential with rates s mu + i theta, i = 0 … n: as exp(-theta W) ~ Beta(s mu / theta, n + 1)."""
    found = simulate_waits(busy_line(servers, ahead + 1), assumed(rate, patience_rate), futures=FUTURES)
    for target in (found.targets[ahead // 2], found.targets[-1]):
        rates = servers * rate + patience_rate * np.arange(target.position)
        law = stats.beta(servers * rate / patience_rate, target.position)
        check(
            target, (1 / rates).sum(), (1 / rates**2).sum(), lambda wait, law=law: law.sf(np.exp(-patience_rate * wait))
        )
        expected = np.exp(-patience_rate * target.waits_s.astype(np.float64) / UNIT_S)
        np.testing.assert_allclose(target.weights, expected, rtol=1e-4)


def busy_periods_cdf(periods: int, arrival_rate: float, service_rate: float, last: float) -> Cdf:
    """Of a sum of k M/M/1 busy periods: density k/t rho^(-k/2) e^(-(l+m)t) I_k(2t sqrt(l m)) (Kleinrock 1975, 5.8)."""
    times = np.linspace(0, last, 200_001)[1:]
    root = math.sqrt(arrival_rate * service_rate)
    decay = np.exp((2 * root - arrival_rate - service_rate) * times)
    density = (
        periods
        / times
        * (service_rate / arrival_rate) ** (periods / 2)
        * special.ive(periods, 2 * root * times)
        * decay
    )
    cumulated = integrate.cumulative_simpson(
        np.concatenate([[0.0 if periods > 1 else service_rate], density]), x=np.concatenate([[0], times]), initial=0
    )
    assert abs(cumulated[-1] - 1) < 1e-6
    return lambda wait: np.interp(wait, np.concatenate([[0], times]), cumulated)


@pytest.mark.parametrize("by_urgency", [True, False])
@pytest.mark.parametrize(
    ("ahead", "servers", "rate", "arrival_rate"), [(0, 1, 1.0, 0.3), (9, 10, 1.0, 5.0), (3, 4, 2.0, 5.0)]
)
def test_waits_of_a_class_that_others_go_before(
    ahead: int, servers: int, rate: float, arrival_rate: float, by_urgency: bool
) -> None:
    """A low class of a non-preemptive two-class M/M/s: n + 1 busy periods of the high class, lambda_H and s mu."""
    high = Arrivals(
        rates_per_s=[arrival_rate / UNIT_S],
        urgency=Urgency.URGENT if by_urgency else Urgency.NORMAL,
        priority=0 if by_urgency else 7,
    )
    engine = busy_line(servers, ahead + 1, plain_queue() if by_urgency else plain_queue(call_weights=BY_PRIORITY))
    target = simulate_waits(
        engine, assumed(rate, arrivals=(high,)), futures=FUTURES, horizon_us=10_000_000 * SECOND_US
    ).targets[-1]
    full = servers * rate
    spare = full - arrival_rate
    mean = (ahead + 1) / spare
    variance = (ahead + 1) * (full + arrival_rate) / spare**3
    check(target, mean, variance, busy_periods_cdf(ahead + 1, arrival_rate, full, mean + 40 * math.sqrt(variance)))


def test_calls_that_nobody_can_pass_wait_as_long_with_new_calls_as_without() -> None:
    """New calls of the same kind change nothing under first come, first served: they are not even drawn."""
    same = Arrivals(rates_per_s=[5 / UNIT_S])
    engine = busy_line(10, 5)
    without = simulate_waits(engine, assumed(1.0), futures=50)
    found = simulate_waits(engine, assumed(1.0, arrivals=(same,)), futures=50)
    assert found.commands == without.commands
    assert [target.waits_s.tolist() for target in found.targets] == [
        target.waits_s.tolist() for target in without.targets
    ]
