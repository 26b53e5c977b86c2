"""Running scenarios, and holding each run against itself and against chance before its figures are believed.

Every run conserves its calls, has Little's law exactly and as many slips as skips; and how many called, and how long
they were served, is what chance allows. These two then serve as controls of the estimates, see `estimates`.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy
import pytest
from numpy.typing import NDArray

from router.simulation import load_scenario
from router.simulation.results import Replication
from router.simulation.run import simulate
from router.simulation.scenario.model import (
    Callers,
    Distribution,
    Family,
    PoissonArrivals,
    RecordedArrivals,
    Scenario,
)

SCENARIOS = Path(__file__).parent / "scenarios"
SECOND_US = 1_000_000
ERRORS_MAX = 4.5
"""How many standard errors chance may be off: once in 150,000."""


def long_if(condition: bool, value: str) -> Any:
    """Return a parameter of a test, for the long tests only where the condition holds."""
    return pytest.param(value, marks=pytest.mark.long) if condition else value


class Runs(NamedTuple):
    """Replications of a scenario; by run and control, how far it is from what is expected, as a share of that."""

    replications: tuple[Replication, ...]
    controls: NDArray[numpy.float64]


def load(name: str) -> Scenario:
    """Return a scenario of this folder."""
    return load_scenario(SCENARIOS / f"{name}.toml")


def with_callers(scenario: Scenario, **changes: Any) -> Scenario:
    """Return the scenario with fields of all its callers replaced."""
    callers = tuple(msgspec.structs.replace(each, **changes) for each in scenario.callers)
    return msgspec.structs.replace(scenario, callers=callers)


def with_queues(scenario: Scenario, **changes: Any) -> Scenario:
    """Return the scenario with settings of all its queues replaced."""
    queues = {name: msgspec.structs.replace(queue, **changes) for name, queue in scenario.settings.queues.items()}
    return msgspec.structs.replace(scenario, settings=msgspec.structs.replace(scenario.settings, queues=queues))


def with_few_runs(scenario: Scenario, replications: int = 4) -> Scenario:
    """Return the scenario with fewer replications, for what holds in each of them."""
    return msgspec.structs.replace(scenario, replications=replications)


def run(scenario: Scenario, *, slices: int = 0, times: float = 1.0) -> Runs:
    """Simulate, `times` as long as the scenario says, and check all that must hold whatever the scenario is about."""
    scenario = msgspec.structs.replace(scenario, length_us=round(scenario.length_us * times))
    replications = simulate(scenario, threads=os.cpu_count(), slices=slices)
    assert [each.number for each in replications] == list(range(scenario.replications))
    for each in replications:
        check_balance(each)
    return Runs(replications, numpy.column_stack([*_counts(scenario, replications), *_talk(scenario, replications)]))


def check_balance(replication: Replication) -> None:
    """Assert what holds exactly in every run: its calls are conserved and Little's law is its own."""
    calls, balance = replication.calls, replication.balance
    for part in (calls, *replication.callers.values(), *(queue.calls for queue in replication.queues.values())):
        ends = part.answered + part.abandoned + part.blocked + part.refused + part.unfinished
        assert part.offered == ends, part
        assert part.delayed <= part.offered
        assert part.answered_in_target <= part.answered
    for field in ("offered", "answered", "abandoned", "blocked", "delayed", "wait_all_sum_us", "wait_served_sum_us"):
        whole = getattr(calls, field)
        assert sum(getattr(part, field) for part in replication.callers.values()) == whole, field
        assert sum(getattr(queue.calls, field) for queue in replication.queues.values()) == whole, field
    assert balance.waiting_at_start + balance.entered - balance.left == balance.waiting_at_end
    assert balance.length_integral_us == balance.waited_us
    assert sum(queue.length_integral_us for queue in replication.queues.values()) == balance.length_integral_us
    assert sum(queue.calls.slips for queue in replication.queues.values()) == calls.slips
    assert calls.slips == calls.skips
    assert calls.kin_slips == calls.kin_skips <= calls.slips


def _counts(scenario: Scenario, replications: tuple[Replication, ...]) -> list[NDArray[numpy.float64]]:
    """Return the deviations of how many called, by callers; all runs together must be what chance allows."""
    deviations = []
    for callers in scenario.callers:
        counts = numpy.array([each.callers[callers.name].offered for each in replications])
        expected, dispersion = _expected_calls(callers, scenario)
        whole = expected * len(counts)
        assert abs(counts.sum() - whole) <= ERRORS_MAX * math.sqrt(dispersion * whole) + len(counts), callers.name
        deviations.append(counts / expected - 1)
    return deviations


def _expected_calls(callers: Callers, scenario: Scenario) -> tuple[float, float]:
    """Return the mean number of calls, those who call again included, and its variance ÷ mean."""
    arrivals, length_s, dispersion = callers.arrivals, scenario.length_us / SECOND_US, 1.0
    assert not isinstance(arrivals, RecordedArrivals)
    if isinstance(arrivals, PoissonArrivals):
        count = length_s * float(numpy.mean(arrivals.rates_per_s))
    else:
        count = length_s / (arrivals.interval.mean_us / SECOND_US)
        dispersion = coefficient_of_variation(arrivals.interval) ** 2
    if callers.redial_unresolved is not None:
        ((_, resolved),) = callers.resolution_by_level
        again = (1 - resolved) * callers.redial_unresolved.chance
        count /= 1 - again
        dispersion *= (1 + again) / (1 - again)
    return count, dispersion


def _talk(scenario: Scenario, replications: tuple[Replication, ...]) -> list[NDArray[numpy.float64]]:
    """Return the deviations of handle times, all callers together, where they do not depend on the agent."""
    if any(group.handle_factor != 1 for group in scenario.agents):
        return []
    talk, answered, variance = numpy.zeros((3, len(replications)))
    for callers in scenario.callers:
        figures = [each.callers[callers.name] for each in replications]
        talk += [each.talk_sum_us / callers.handle_time.mean_us for each in figures]
        answered += [each.answered for each in figures]
        variance += [coefficient_of_variation(callers.handle_time) ** 2 * each.answered for each in figures]
    assert abs(talk.sum() - answered.sum()) <= ERRORS_MAX * math.sqrt(variance.sum()) + 1e-6 * answered.sum()
    return [talk / answered - 1]


def coefficient_of_variation(distribution: Distribution) -> float:
    """Return the standard deviation of a duration over its mean."""
    match distribution.family:
        case Family.DETERMINISTIC:
            return 0.0
        case Family.EXPONENTIAL:
            return 1.0
        case Family.EMPIRICAL:
            return float(numpy.std(distribution.values_us) / numpy.mean(distribution.values_us))
        case _:
            return distribution.cv
