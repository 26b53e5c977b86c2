"""Callers who go before others: strict classes (B4) and waits that count in proportion."""

from __future__ import annotations

import msgspec
import pytest

from router import ByUrgency, CallWeights, Urgency
from router.simulation.scenario.model import Distribution, Family, Scenario
from tests.theory import formulas, single_server
from tests.theory.estimates import assert_agrees, wait_all
from tests.theory.runs import SECOND_US, load, run, with_queues

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


def assert_published(times: float, within: tuple[float, ...]) -> None:
    runs = run(load("classes"), times=times)
    for name, exact, share in zip(NAMES, EXACT, within, strict=True):
        assert_agrees(wait_all(runs, name), exact * MINUTE, within=share)


def test_urgencies_are_strict_classes() -> None:
    """B4; the last class, which all the others make wait, to 1 % in the long test."""
    assert_published(times=1.0, within=(0.01, 0.01, 0.03))


@pytest.mark.long
def test_urgencies_are_strict_classes_to_one_percent() -> None:
    """B4."""
    assert_published(times=16.0, within=(0.005, 0.005, 0.01))


def test_priorities_are_strict_classes_where_nothing_else_counts() -> None:
    """The same calls find the same agents, to the last event."""
    scenario = with_queues(load("classes"), target_us=ByUrgency(SECOND_US, SECOND_US, SECOND_US))
    urgent, priority = run(scenario, times=0.02), run(by_priority(scenario), times=0.02)
    for one, other in zip(urgent.replications, priority.replications, strict=True):
        assert one.callers == other.callers


def test_classes_with_handle_times_of_their_own() -> None:
    """Cobham's M/G/1: exponential, constant and lognormal handle times."""
    scenario = load("classes")
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
    runs = run(msgspec.structs.replace(scenario, callers=callers), times=0.2)
    services = (single_server.exponential(6), single_server.deterministic(5), single_server.lognormal(4, 1.5))
    exact = single_server.class_waits((2 / 60, 3 / 60, 4 / 60), services)
    for name, wait in zip(NAMES, exact, strict=True):
        assert_agrees(wait_all(runs, name), wait, within=0.03)


def test_waits_that_count_in_proportion() -> None:
    """Kleinrock's delay-dependent priorities, by the weight of age and three targets."""
    runs = run(load("ageing"))
    exact = formulas.ageing_waits((1.1, 1.1, 1.2), (4, 2, 1), 1.0, 4)
    for name, wait in zip(NAMES, exact, strict=True):
        assert_agrees(wait_all(runs, name), wait, within=0.03)
    assert_agrees(wait_all(runs), formulas.wait_mean(3.4, 1, 4), within=0.03)
