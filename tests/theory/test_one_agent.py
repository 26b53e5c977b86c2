"""One agent: handle times and intervals of any family, orders of service, offers, and RAQFM's discrimination."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import msgspec
import numpy
import pytest

from router.simulation.results import Replication
from router.simulation.scenario.model import Distribution, Family, Hunting, LineOrder, RenewalArrivals, Scenario
from tests.theory import formulas, single_server
from tests.theory.estimates import Measured, assert_agrees, percentile, ratio, share, utilisation, wait_all
from tests.theory.runs import SECOND_US, Runs, load, long_if, run, with_callers, with_few_runs, with_queues

ARRIVALS = 0.8
FAMILIES = {
    "deterministic": (Distribution(Family.DETERMINISTIC, SECOND_US), single_server.deterministic(1)),
    "gamma": (Distribution(Family.GAMMA, SECOND_US, cv=0.5), single_server.gamma(1, 0.5)),
    "uniform": (Distribution(Family.UNIFORM, SECOND_US, cv=0.5), single_server.uniform(1 - 0.75**0.5, 1 + 0.75**0.5)),
    "lognormal": (Distribution(Family.LOGNORMAL, SECOND_US, cv=1.5), single_server.lognormal(1, 1.5)),
    "empirical": (
        Distribution(Family.EMPIRICAL, SECOND_US, values_us=(SECOND_US // 2, SECOND_US // 2, 2 * SECOND_US)),
        single_server.Moments(1, 1.5, 2.75),
    ),
}
ORDERS = {"first": None, "random": LineOrder.RANDOM, "last": LineOrder.LAST_COME}


def hunted(scenario: Scenario, order: LineOrder | None) -> Scenario:
    return msgspec.structs.replace(scenario, hunting=None if order is None else Hunting(order))


@cache
def ordered(order: str) -> Runs:
    return run(hunted(load("one_agent"), ORDERS[order]))


@cache
def served(family: str) -> Runs:
    return run(with_callers(load("one_agent"), handle_time=FAMILIES[family][0]))


@pytest.mark.parametrize("family", [long_if(each in ("gamma", "uniform"), each) for each in FAMILIES])
def test_pollaczek_and_khinchine(family: str) -> None:
    runs, moments = served(family), FAMILIES[family][1]
    within = 0.05 if family == "lognormal" else 0.025
    assert_agrees(wait_all(runs), single_server.wait_mean(ARRIVALS, moments), within=within)
    assert_agrees(share(runs, "delayed"), ARRIVALS, within=0.005)


def test_constant_handle_times_have_erlangs_waits() -> None:
    runs = served("deterministic")
    for percent in (50, 80, 95):
        exact = formulas.quantile(
            lambda time: 1 - single_server.constant_service_within(ARRIVALS, 1.0, time), percent / 100, 20.0
        )
        assert_agrees(percentile(runs, percent), exact, within=0.025)


INTERVALS: dict[str, tuple[Distribution, Callable[[float], float]]] = {
    "deterministic": (Distribution(Family.DETERMINISTIC, 1_250_000), lambda s: float(numpy.exp(-1.25 * s))),
    "gamma": (Distribution(Family.GAMMA, 1_250_000, cv=2.0), lambda s: (1 + 1.25 * 4 * s) ** -0.25),
    "uniform": (
        Distribution(Family.UNIFORM, 1_250_000, cv=1 / 3**0.5),
        lambda s: 1.0 if s == 0 else float(-numpy.expm1(-2.5 * s) / (2.5 * s)),
    ),
}


@pytest.mark.parametrize("family", [long_if(each == "deterministic", each) for each in INTERVALS])
def test_calls_at_intervals_of_any_family(family: str) -> None:
    """GI/M/1."""
    interval, transform = INTERVALS[family]
    runs = run(with_callers(load("one_agent"), arrivals=RenewalArrivals(interval)))
    delayed = single_server.renewal_delayed(transform, 1.0)
    assert_agrees(share(runs, "delayed"), delayed, within=0.01)
    assert_agrees(wait_all(runs), delayed / (1 - delayed), within=0.04)
    assert_agrees(utilisation(runs), ARRIVALS, within=0.01)


@pytest.mark.parametrize("order", ORDERS)
def test_orders_of_service_have_one_mean_and_waits_of_their_own(order: str) -> None:
    runs = ordered(order)
    assert_agrees(wait_all(runs), formulas.wait_mean(ARRIVALS, 1, 1), within=0.03)
    beyond: dict[str, Callable[[float], float]] = {
        "first": lambda time: float(numpy.exp(-(1 - ARRIVALS) * time)),
        "random": formulas.RandomOrder(ARRIVALS, 1, 1, line_max=80).beyond,
        "last": lambda time: formulas.last_come_beyond(ARRIVALS, 1, 1, time),
    }
    for percent in (50, 80, 95):
        exact = formulas.quantile(lambda time: ARRIVALS * beyond[order](time), percent / 100, 200.0)
        assert_agrees(percentile(runs, percent), exact, within=0.03)


VARIANCES = {"first": 0.648, "random": 1.033, "last": 2.80}


def variance_of_discrimination(runs: Runs) -> Measured:
    """Return the variance of D, whose mean is 0, in squares of the mean handle time, 1 s."""
    return ratio(runs, lambda each: each.discrimination.square_sum_s2, lambda each: each.discrimination.calls)


@pytest.mark.parametrize("order", ORDERS)
def test_discrimination_has_the_published_variance(order: str) -> None:
    """RAQFM (Raz, Levy & Avi-Itzhak 2004): the variance to 3 %, and a sum of 0 over each busy period."""
    runs = ordered(order)
    assert_agrees(variance_of_discrimination(runs), VARIANCES[order], within=0.03)
    for each in runs.replications:
        assert each.discrimination.busy_periods > 0.9 * (1 - ARRIVALS) * each.discrimination.calls
        assert each.discrimination.residue_s < 1e-6
        assert abs(each.discrimination.sum_s) < 0.01 * each.discrimination.calls  # the first and last period are cut
        assert (each.calls.slips > 0) == (order != "first")


def test_hunting_in_order_is_the_engines_order() -> None:
    scenario = with_few_runs(load("one_agent"))
    ours, hunting = run(scenario, times=0.1), run(hunted(scenario, LineOrder.FIRST_COME), times=0.1)
    for one, other in zip(ours.replications, hunting.replications, strict=True):
        assert one.callers == other.callers
        assert one.discrimination == other.discrimination


@pytest.mark.parametrize("name", ["one_agent", "erlang_c", "places", "classes", "circle"])
def test_offers_taken_at_once_are_automatic_assignments(name: str) -> None:
    """The same callers are served by the same agents at the same time, whether assigned or offered and accepted."""
    scenario = with_few_runs(load(name))
    assigned, offered = run(scenario, times=0.1), run(with_queues(scenario, automatic=False), times=0.1)
    for one, other in zip(assigned.replications, offered.replications, strict=True):
        assert one.calls.offered > 500
        assert one.callers == other.callers
        assert one.balance == other.balance
        assert one.commands < other.commands
        assert [(each.agent, each.talk_us) for each in one.agents] == [
            (each.agent, each.talk_us) for each in other.agents
        ]


def test_offers_take_the_agents_time() -> None:
    """M/G/1 whose service is rejected rings, a ring, talk and wrap-up; callers wait for their rings, too."""
    runs = run(load("offers"))
    arrivals = 20 / 3600
    rejected = single_server.geometric_sum(single_server.uniform(1, 7), 0.2)
    rings = rejected + single_server.deterministic(4)
    service = rings + single_server.exponential(90) + single_server.deterministic(20)
    assert_agrees(share(runs, "delayed"), arrivals * service.first, within=0.01)
    assert_agrees(wait_all(runs), single_server.wait_mean(arrivals, service) + rings.first, within=0.02)
    assert_agrees(utilisation(runs), arrivals * service.first, within=0.01)

    def agent(field: str) -> Callable[[Replication], float]:
        return lambda each: float(getattr(each.agents[0], field))

    assert_agrees(ratio(runs, agent("rejected"), agent("answered")), 0.25, within=0.02)
    assert_agrees(ratio(runs, agent("wrap_up_us"), agent("answered")), 20 * SECOND_US, within=0.001)
    assert_agrees(ratio(runs, agent("offered_us"), agent("answered")), rings.first * SECOND_US, within=0.01)
