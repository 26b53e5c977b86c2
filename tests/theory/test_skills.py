"""Agents with different skills and speeds under FCFS and longest idle: the product form (B6), and pooling (B9)."""

from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import combinations

import msgspec
import pytest

from router import CallAssigned
from router.fairness.measures import jain_index
from router.simulation.run import Simulation
from router.simulation.scenario.model import AgentGroup, Scenario
from tests.theory import formulas
from tests.theory.estimates import Measured, assert_agrees, ratio, share, utilisation, wait_all, wait_served
from tests.theory.product_form import Skills
from tests.theory.runs import Runs, load, run, with_few_runs

MINUTE = 60.0
CIRCLE = Skills({"a": 0.5, "b": 0.7, "c": 0.4}, {"ab": 1.0, "bc": 0.8, "ca": 0.5}, {"ab": "ab", "bc": "bc", "ca": "ca"})


def assert_n_model(times: float, errors_min: float) -> None:
    runs = run(load("n_model"), times=times)
    for callers, delayed, wait in (("easy", 0.48197, 0.80328), ("hard", 0.88361, 4.81967)):
        assert_agrees(share(runs, "delayed", callers), delayed, within=0.01)
        assert_agrees(wait_all(runs, callers), wait, within=0.01, errors_min=errors_min)
    assert_agrees(utilisation(runs, ["junior"]), 0.51639, within=0.01)
    assert_agrees(utilisation(runs, ["senior"]), 0.88361, within=0.01)


def test_the_n_model() -> None:
    """B6."""
    assert_n_model(times=1.0, errors_min=3.0)


@pytest.mark.long
def test_the_n_model_to_half_the_error() -> None:
    assert_n_model(times=3.0, errors_min=5.0)


def test_a_circle_of_skills_and_unequal_agents() -> None:
    runs = run(load("circle"))
    for callers in "abc":
        assert_agrees(share(runs, "delayed", callers), CIRCLE.delayed(callers), within=0.01)
        assert_agrees(wait_all(runs, callers), CIRCLE.wait_mean(callers), within=0.03)
    for agent in CIRCLE.service:
        assert_agrees(utilisation(runs, [agent]), CIRCLE.utilisation(agent), within=0.01)


def test_who_serves_whom_in_the_circle() -> None:
    """The rates at which each agent takes calls of each type, from the events themselves."""
    simulation, served = Simulation(load("circle")), Counter[tuple[str, str]]()
    while served.total() < 60_000 and (happening := simulation.step()) is not None:
        for event in happening.events:
            if isinstance(event, CallAssigned):
                served[simulation.engine.call(event.call).queue, event.agent] += 1
    calls = sum(CIRCLE.arrivals.values())
    for agent, types in CIRCLE.serves.items():
        for kind in types:
            assert served[kind, agent] / served.total() == pytest.approx(
                CIRCLE.served_rate(kind, agent) / calls, abs=0.01
            )
    assert {pair for pair in served} == {(kind, agent) for agent, types in CIRCLE.serves.items() for kind in types}


def test_a_quick_and_a_slow_agent() -> None:
    """M/M/2 with unequal agents, the longest idle first."""
    runs = run(load("unequal"))
    exact = Skills({"main": 1.0}, {"quick": 1.0, "slow": 0.5}, {"quick": ["main"], "slow": ["main"]})
    assert_agrees(share(runs, "delayed"), exact.delayed("main"), within=0.01)
    assert_agrees(wait_all(runs), exact.wait_mean("main"), within=0.02)
    for agent in exact.service:
        assert_agrees(utilisation(runs, [agent]), exact.utilisation(agent), within=0.01)


def test_longest_idle_spreads_work_evenly() -> None:
    """Jain's index of a pool of equals: above .999."""
    for each in run(with_few_runs(load("erlang_c"), 10), times=0.15).replications:
        assert (jain_index(agent.busy_us / agent.ready_us for agent in each.agents) or 0) > 0.999


TYPES = "abcdef"
TRIPLES = ("abc", "abd", "ace", "adf", "aef", "bcf", "bde", "bef", "cde", "cdf")
"""Ten sets of three in which each pair is together twice: the most even spread of ninety agents."""
WAITS = {1: 2.461, 2: 0.569, 3: 0.481, 4: 0.458, 5: 0.454, 6: 0.454}


def pooling(skills: int) -> Scenario:
    """Return Wallace & Whitt's setting with so many skills an agent, all sets of them alike."""
    sets = TRIPLES if skills == 3 else tuple("".join(each) for each in combinations(TYPES, skills))
    groups = tuple(AgentGroup(name=each, count=90 // len(sets), skills=dict.fromkeys(each, 1)) for each in sets)
    assert sum(group.count for group in groups) == 90
    return msgspec.structs.replace(load("pooling"), agents=groups)


@cache
def pooled(skills: int, times: float) -> Runs:
    return run(pooling(skills), times=times)


def pooled_wait(skills: int, times: float, errors_min: float) -> float:
    wait = wait_served(pooled(skills, times))
    assert_agrees(wait, WAITS[skills] * MINUTE, within=0.03, errors_min=errors_min)
    return wait.value


TIMES = {1: 0.25, 2: 0.6, 6: 1.2}


def test_two_skills_are_nearly_as_good_as_all() -> None:
    """B9: one skill, two, and all."""
    one, two, six = (pooled_wait(skills, times, errors_min=3.0) for skills, times in TIMES.items())
    assert one - two >= 0.92 * (one - six)


@pytest.mark.long
def test_pooling_to_half_the_error() -> None:
    """B9: each number of skills."""
    waits = {skills: pooled_wait(skills, times=3.5, errors_min=5.0) for skills in WAITS}
    assert waits[1] - waits[2] >= 0.92 * (waits[1] - waits[6])
    assert sorted(waits.values(), reverse=True)[:3] == [waits[1], waits[2], waits[3]]


def test_agents_who_can_all_do_everything_are_one_pool() -> None:
    """With all six skills the setting is M/M/90/120, for which there is a formula."""
    runs = pooled(6, TIMES[6])
    exact = formulas.markov_line(8.4, 0.1, 90, places=30)
    assert exact.wait_served == pytest.approx(WAITS[6], rel=0.01)
    assert_agrees(wait_served(runs), exact.wait_served * MINUTE, within=0.03)
    assert_agrees(share(runs, "delayed"), exact.delayed, within=0.02)
    assert_agrees(blocked(runs), exact.blocked, within=0.15)


def blocked(runs: Runs) -> Measured:
    return ratio(runs, lambda each: each.calls.blocked, lambda each: each.calls.offered)
