"""Equal agents and one line: Erlang's three models and what lies around them (B1 to B4), through scenario files.

Tolerances are those of the published table, 1 % unless said, and at least three standard errors.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec
import numpy
import pytest
from numpy.typing import NDArray
from scipy import stats

from router.simulation.scenario.model import Distribution, Family
from tests.theory import formulas
from tests.theory.estimates import assert_agrees, percentile, ratio, share, utilisation, wait_all, wait_served
from tests.theory.runs import SECOND_US, load, long_if, run, with_callers, with_few_runs, with_queues

MINUTE = 60.0
FAMILIES = {
    "exponential": Distribution(Family.EXPONENTIAL, 60 * SECOND_US),
    "deterministic": Distribution(Family.DETERMINISTIC, 60 * SECOND_US),
    "lognormal": Distribution(Family.LOGNORMAL, 60 * SECOND_US, cv=1.5),
    "gamma": Distribution(Family.GAMMA, 60 * SECOND_US, cv=1.5),
}


@pytest.mark.parametrize("family", [long_if(each in ("deterministic", "gamma"), each) for each in FAMILIES])
def test_calls_lost_do_not_depend_on_the_family_of_handle_times(family: str) -> None:
    """B1, and Sevastyanov's insensitivity."""
    runs = run(with_callers(load("erlang_b"), handle_time=FAMILIES[family]))
    assert_agrees(share(runs, "blocked"), 0.1197392, within=0.01)
    assert_agrees(utilisation(runs), 10 * (1 - 0.1197392) / 12, within=0.01)


def test_calls_lost_of_many_agents() -> None:
    """B1."""
    assert_agrees(share(run(load("erlang_b_90")), "blocked"), 0.0446199, within=0.01)


def assert_erlang_c(times: float, errors_min: float) -> None:
    runs = run(load("erlang_c"), times=times)
    assert_agrees(share(runs, "delayed"), 0.183889, within=0.01, errors_min=errors_min)
    assert_agrees(wait_all(runs), 0.102160 * MINUTE, within=0.01, errors_min=errors_min)
    assert_agrees(share(runs, "answered_in_target"), 0.899080, within=0.01, errors_min=errors_min)
    assert_agrees(utilisation(runs), 0.7, within=0.01, errors_min=errors_min)
    for percent in (85, 95, 99):
        exact = formulas.wait_quantile(4.2, 0.5, 12, percent / 100) * MINUTE
        assert_agrees(percentile(runs, percent), exact, within=0.03)


def test_erlang_c() -> None:
    """B2."""
    assert_erlang_c(times=1.0, errors_min=3.0)


@pytest.mark.long
def test_erlang_c_to_half_the_error() -> None:
    assert_erlang_c(times=3.0, errors_min=5.0)


def test_erlang_a() -> None:
    """B3."""
    runs = run(load("erlang_a"))
    exact = formulas.markov_line(50, 1, 50, patience=1)
    assert_agrees(share(runs, "delayed"), 0.518808, within=0.01)
    assert_agrees(share(runs, "abandoned"), 0.056325, within=0.01)
    assert_agrees(wait_all(runs), exact.wait_all * MINUTE, within=0.01)
    assert_agrees(wait_served(runs), exact.wait_served * MINUTE, within=0.01)


def _survival(patience: Distribution) -> Callable[[NDArray[numpy.float64]], NDArray[numpy.float64]]:
    mean = patience.mean_us / SECOND_US / MINUTE
    if patience.family is Family.DETERMINISTIC:
        return lambda time: numpy.where(time < mean, 1.0, 0.0)
    if patience.family is Family.GAMMA:
        return stats.gamma(patience.cv**-2, scale=mean * patience.cv**2).sf
    spread = math.log(1 + patience.cv**2)
    return stats.lognorm(math.sqrt(spread), scale=mean * math.exp(-spread / 2)).sf


PATIENCE = {
    "gamma": Distribution(Family.GAMMA, 30 * SECOND_US, cv=0.5),
    "lognormal": Distribution(Family.LOGNORMAL, 60 * SECOND_US, cv=2.0),
    "deterministic": Distribution(Family.DETERMINISTIC, 6 * SECOND_US),
}


def assert_patience(patience: Distribution, times: float, within: float) -> None:
    runs = run(with_callers(load("erlang_a"), patience=patience), times=times)
    exact = formulas.general_patience(50, 1, 50, _survival(patience), horizon=4.0)
    assert_agrees(share(runs, "delayed"), exact.delayed, within=within)
    assert_agrees(share(runs, "abandoned"), exact.abandoned, within=2 * within)
    assert_agrees(wait_all(runs), exact.wait_all * MINUTE, within=1.5 * within)


@pytest.mark.parametrize("family", [long_if(each == "gamma", each) for each in PATIENCE])
def test_patience_of_any_family(family: str) -> None:
    assert_patience(PATIENCE[family], times=0.5, within=0.01)


@pytest.mark.long
@pytest.mark.parametrize("family", PATIENCE)
def test_patience_of_any_family_to_a_quarter_of_a_percent(family: str) -> None:
    """P(abandon) to half a percent."""
    assert_patience(PATIENCE[family], times=7.0, within=0.0025)


def test_a_wait_limit_is_constant_patience() -> None:
    """Who is refused then is who would give up: the same calls, with the waits of the test above."""
    scenario = with_few_runs(load("erlang_a"))
    limited = run(with_queues(with_callers(scenario, patience=None), wait_max_us=6 * SECOND_US))
    constant = run(with_callers(scenario, patience=PATIENCE["deterministic"]))
    for one, other in zip(limited.replications, constant.replications, strict=True):
        assert one.calls.refused == other.calls.abandoned > 1000
        assert one.calls.wait_all_sum_us == other.calls.wait_all_sum_us
        assert one.calls.answered == other.calls.answered


def test_few_places_to_wait_in_and_impatience() -> None:
    runs = run(load("places"))
    exact = formulas.markov_line(12, 1, 10, patience=0.5, places=4)
    assert_agrees(share(runs, "blocked"), exact.blocked, within=0.01)
    assert_agrees(share(runs, "abandoned"), exact.abandoned, within=0.01)
    assert_agrees(share(runs, "delayed"), exact.delayed, within=0.01)
    assert_agrees(wait_served(runs), exact.wait_served * MINUTE, within=0.01)
    assert_agrees(utilisation(runs), exact.busy / 10, within=0.01)
    length = ratio(runs, lambda each: each.balance.length_integral_us, lambda each: each.length_us)
    assert_agrees(length, exact.waiting, within=0.01)


def test_feedback_is_a_jackson_network() -> None:
    """Callers who come back after a while are an open network with product form: they find the line as anybody does."""
    runs = run(load("redials"))
    calls = 3.4 / (1 - 0.3 * 0.5)
    assert_agrees(share(runs, "redials"), 0.15, within=0.01)
    assert_agrees(ratio(runs, lambda each: each.calls.resolved, lambda each: each.calls.answered), 0.7, within=0.01)
    assert_agrees(share(runs, "delayed"), formulas.erlang_c(calls, 5), within=0.01)
    assert_agrees(wait_all(runs), formulas.wait_mean(calls, 1, 5) * MINUTE, within=0.04)


def test_an_agent_with_three_chats_is_three_agents() -> None:
    runs = run(load("chats"))
    assert_agrees(share(runs, "delayed"), formulas.erlang_c(2, 3), within=0.01)
    assert_agrees(wait_all(runs), formulas.wait_mean(2, 1, 3), within=0.02)
    assert_agrees(utilisation(runs), 2 / 3, within=0.01)


def test_a_morning_fills_up_as_it_must() -> None:
    """M(t)/M/∞ from empty (Eick, Massey & Whitt 1993), over each half hour."""
    runs = run(load("rush"), slices=8)
    rates = [rate for rate in (5, 20, 10, 1) for _ in range(2)]
    exact = formulas.growing_busy(rates, 30, 1 / 30)
    for number, mean in enumerate(exact):
        values = [each.series.busy["pool"][number] for each in runs.replications if each.series]
        assert len(values) == len(runs.replications)
        error = float(numpy.std(values, ddof=1) / math.sqrt(len(values)))
        assert abs(numpy.mean(values) - mean) < 3.5 * error < 0.1 * mean, number


def test_another_seed_gives_other_calls_and_the_same_theory() -> None:
    exact = formulas.markov_line(12, 1, 10, patience=0.5, places=4)
    hashes = set()
    for seed in (11, 12):
        runs = run(msgspec.structs.replace(load("places"), seed=seed), times=0.2)
        assert_agrees(wait_served(runs), exact.wait_served * MINUTE, within=0.01)
        hashes |= {each.event_hash for each in runs.replications}
    assert len(hashes) == 2 * load("places").replications
