"""Figures of several runs with their standard errors, held against exact results.

Most of what makes one run's waits longer than another's is that more people called, or talked for longer: and how
many more is known. So each figure is estimated with these as control variates (Lavenberg & Welch 1981): a regression
over the runs says what it would be at the expected number of calls and mean of handle times.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy
from numpy.typing import NDArray

from router.simulation.results import CallFigures, Replication
from tests.theory.runs import SECOND_US, Runs

ERRORS_MIN = 3.0
"""How many standard errors a tolerance must be at least."""

Reading = Callable[[Replication], float]


class Measured(NamedTuple):
    """A figure over replications and its standard error."""

    value: float
    error: float


def assert_agrees(measured: Measured, exact: float, within: float, errors_min: float = ERRORS_MIN) -> None:
    """Assert that a figure is exact but for this share of it, and that this is several standard errors."""
    room, off = within * abs(exact), abs(measured.value - exact)
    told = f"{measured.value:.6g} ± {measured.error:.2g}, exactly {exact:.6g}: {off / abs(exact):.3%} off"
    assert measured.error * errors_min <= room, f"too short a run for a tolerance of {within:.1%}: {told}"
    assert off <= room, told


def ratio(runs: Runs, top: Reading, bottom: Reading) -> Measured:
    """Return Σ top ÷ Σ bottom over the runs (by the delta method), as controlled."""
    tops, bottoms = numpy.array([[top(each), bottom(each)] for each in runs.replications], dtype=float).T
    value = float(tops.sum() / bottoms.sum())
    return _controlled((tops - value * bottoms) / bottoms.mean() + value, runs.controls)


def mean(runs: Runs, reading: Reading) -> Measured:
    """Return the mean of a figure over the runs, as controlled."""
    return _controlled(numpy.array([reading(each) for each in runs.replications]), runs.controls)


def _controlled(values: NDArray[numpy.float64], controls: NDArray[numpy.float64]) -> Measured:
    """Return what a linear regression says of the values where all controls are as expected."""
    moving = controls[:, controls.std(axis=0) > 0]
    columns = numpy.column_stack([numpy.ones(len(values)), moving])
    freedom = len(values) - columns.shape[1]
    assert freedom >= 10, "too few replications for so many controls"
    weights = numpy.linalg.pinv(columns)
    coefficients = weights @ values
    residues = values - columns @ coefficients
    variance = float(residues @ residues) / freedom
    return Measured(float(coefficients[0]), math.sqrt(variance * float(weights[0] @ weights[0])))


def with_control(runs: Runs, others: Runs, reading: Reading, expected: float) -> Runs:
    """Return the runs with one more control: a figure, whose mean is known, of the same callers in another scenario."""
    deviations = [reading(each) / expected - 1 for each in others.replications]
    return Runs(runs.replications, numpy.column_stack([runs.controls, deviations]))


def figures(replication: Replication, callers: str | None = None) -> CallFigures:
    """Return the figures of one kind of callers, or of all."""
    return replication.calls if callers is None else replication.callers[callers]


def share(runs: Runs, field: str, callers: str | None = None) -> Measured:
    """Return a count per offered call."""
    return ratio(runs, lambda each: getattr(figures(each, callers), field), lambda each: figures(each, callers).offered)


def wait_all(runs: Runs, callers: str | None = None) -> Measured:
    """Return the mean wait of all callers, in seconds."""
    return ratio(
        runs,
        lambda each: figures(each, callers).wait_all_sum_us / SECOND_US,
        lambda each: figures(each, callers).offered,
    )


def wait_served(runs: Runs, callers: str | None = None) -> Measured:
    """Return the mean wait of those who were answered, in seconds."""
    return ratio(
        runs,
        lambda each: figures(each, callers).wait_served_sum_us / SECOND_US,
        lambda each: figures(each, callers).answered,
    )


def percentile(runs: Runs, percent: int) -> Measured:
    """Return a percentile of the waits of all callers in seconds: its mean over the runs."""

    def read(each: Replication) -> float:
        assert each.calls.wait_all_percentiles_us is not None
        return each.calls.wait_all_percentiles_us[percent - 1] / SECOND_US

    return mean(runs, read)


def utilisation(runs: Runs, agents: Iterable[str] | None = None) -> Measured:
    """Return busy time ÷ presence, of these agents or of all."""
    chosen = None if agents is None else frozenset(agents)

    def total(each: Replication, field: str) -> float:
        return math.fsum(getattr(agent, field) for agent in each.agents if chosen is None or agent.agent in chosen)

    return ratio(runs, lambda each: total(each, "busy_us"), lambda each: total(each, "present_us"))
