"""Callers who go before others: strict classes (B4) and waits that count in proportion."""

from __future__ import annotations

import msgspec
import pytest

from router import ByUrgency, CallWeights, Urgency
from router.simulation.scenario.model import Distribution, Family, Scenario
from tests.theory import formulas, single_server
from tests.theory.estimates import assert_agrees, wait_all, with_control
from tests.theory.runs import SECOND_US, load, run, with_few_runs, with_queues

MINUTE = 60.0
NAMES = ("first", "second", "third")
EXACT = (0.083591, 0.167183, 1.337463)


def by_priority(scenario: Scenario) -> Scenario:
    """Return the scenario with priorities in place of urgencies, and nothing else that counts."""
    callers = tuple(
        msgspec.structs.replace(each, urgency=Urgency.NORMAL, priority=9 - 4 * number)
        for number, each in enumerate(scenario.callers)
    )
    return with_queues(msgspec.structs.replace(scenario, callers=callers), call_weights=CallWeights(priority=1000))


def first_come(scenario: Scenario) -> Scenario:
    """Return the scenario with the same callers and no classes."""
    callers = tuple(msgspec.structs.replace(each, urgency=Urgency.NORMAL) for each in scenario.callers)
    return msgspec.structs.replace(scenario, callers=callers)


def test_urgencies_are_strict_classes() -> None:
    """B4, to 1 %. The last class has to wait for all the others' ups and downs, which leave one line of all callers as
    long, whoever is first in it: so these callers without classes, whose mean wait is Erlang's, are its control. The
    long test does without.
    """
    scenario, erlang = load("classes"), formulas.wait_mean(9, 1, 10) * MINUTE
    runs, plain = run(scenario), run(first_come(scenario))
    assert_agrees(wait_all(plain), erlang, within=0.03)
    last = with_control(runs, plain, lambda each: each.calls.wait_all_sum_us / SECOND_US / each.calls.offered, erlang)
    for name, exact, controlled in zip(NAMES, EXACT, (runs, runs, last), strict=True):
        assert_agrees(wait_all(controlled, name), exact * MINUTE, within=0.01)


@pytest.mark.long
def test_urgencies_are_strict_classes_in_long_runs() -> None:
    """B4, to 1 %, with nothing but the runs themselves."""
    runs = run(load("classes"), times=20.0)
    for name, exact in zip(NAMES, EXACT, strict=True):
        assert_agrees(wait_all(runs, name), exact * MINUTE, within=0.01, errors_min=5.0)


def test_priorities_are_strict_classes_where_nothing_else_counts() -> None:
    """The same calls find the same agents, to the last event."""
    scenario = with_queues(with_few_runs(load("classes")), target_us=ByUrgency(SECOND_US, SECOND_US, SECOND_US))
    urgent, priority = run(scenario, times=0.3), run(by_priority(scenario), times=0.3)
    for one, other in zip(urgent.replications, priority.replications, strict=True):
        assert one.callers == other.callers


def test_classes_with_handle_times_of_their_own() -> None:
    """Cobham's M/G/1: exponential, constant and lognormal handle times."""
    scenario = with_few_runs(load("classes"), 40)
    (pool,) = scenario.agents
    scenario = msgspec.structs.replace(scenario, agents=(msgspec.structs.replace(pool, count=1),))
    handle_times = (
        Distribution(Family.EXPONENTIAL, 6 * SECOND_US),
        Distribution(Family.DETERMINISTIC, 5 * SECOND_US),
        Distribution(Family.LOGNORMAL, 4 * SECOND_US, cv=1.5),
    )
    callers = tuple(
        msgspec.structs.replace(each, handle_time=handle_time)
        for each, handle_time in zip(scenario.callers, handle_times, strict=True)
    )
    runs = run(msgspec.structs.replace(scenario, callers=callers), times=0.9)
    services = (single_server.exponential(6), single_server.deterministic(5), single_server.lognormal(4, 1.5))
    exact = single_server.class_waits((2 / 60, 3 / 60, 4 / 60), services)
    for name, wait in zip(NAMES, exact, strict=True):
        assert_agrees(wait_all(runs, name), wait, within=0.03)


def test_waits_that_count_in_proportion() -> None:
    """Kleinrock's delay-dependent priorities, by the weight of age and three targets."""
    runs = run(load("ageing"), times=0.75)
    exact = formulas.ageing_waits((1.1, 1.1, 1.2), (4, 2, 1), 1.0, 4)
    for name, wait in zip(NAMES, exact, strict=True):
        assert_agrees(wait_all(runs, name), wait, within=0.03)
    assert_agrees(wait_all(runs), formulas.wait_mean(3.4, 1, 4), within=0.03)
