"""Goal: in M/M/100 at a load of 0.95 the errors of QL, LES and HOL are those of theory, and futures are as good as
QL.

Over those who wait, QL = (n + 1) ÷ (s·μ) has a mean squared error of 1 ÷ ((1 − ρ)·s²·μ²), which is 0.002 squared
service times, exactly; LES has 2.09 and HOL 1.99 times that (Ibrahim & Whitt 2009, to about 2 %). Nothing can be
better than QL here.

Method: a simulated run, stepped through; at each arrival that has to wait QL from the position, the fallback `qlm`
with the speed of service that it has learned, and LES and HOL from the native delay history. Errors are compared with
the sum of (n + 1) ÷ (s·μ)² over the same callers, which is what theory expects of QL for their very lines: so a run
that happens to have long lines is no worse than another. QL is the conditional mean of the wait, so the expected
squared error of any other estimate is that of QL and the mean square of its distance from QL; that sum is known
better than the error itself. A tolerance must be three standard errors of the run, by blocks.
"""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

import numpy as np
import pytest

from router.engine import Engine
from router.engine.commands import Enqueue
from router.engine.events import CallAssigned
from router.engine.vocabulary import CallState
from router.simulation._native import EPOCH_US
from router.simulation.results import Happening
from router.simulation.run import Simulation
from router.wait import Predictor
from tests.wait.centre_runs import SECOND_US, Doubles, load

SERVERS: Final = 100
SERVICE_US: Final = 100 * SECOND_US
WARM_UP_US: Final = 30 * SERVICE_US
BLOCKS: Final = 30
LES_RATIO: Final = 2.09
HOL_RATIO: Final = 1.99
LONG_SERVICES: Final = 28_800.0
NEVER_LEARNED: Final = 1 << 40
DAY_US: Final = 86_400 * SECOND_US


class Errors(NamedTuple):
    """By caller who waited: each estimate less the wait, in mean service times, and QL itself."""

    exact: Doubles
    qlm: Doubles
    les: Doubles
    hol: Doubles
    said: Doubles


@cache
def errors(services: float) -> Errors:
    """Run the queue for so many mean service times."""
    simulation = Simulation(load("hundred_agents", days=services * SERVICE_US / DAY_US))
    engine = simulation.engine
    predictor = Predictor(engine, answers_min=NEVER_LEARNED)
    pending: dict[str, list[float]] = {}
    found: list[list[float]] = []
    for one in simulation.happenings():
        predictor.observe()
        for event in one.events:
            if isinstance(event, CallAssigned) and event.call in pending:
                said = pending.pop(event.call)
                found.append([*(value - event.wait_us / SERVICE_US for value in said), said[0]])
        if has_to_wait(engine, one) and one.time_us - EPOCH_US > WARM_UP_US:
            pending[call_of(one)] = ask(predictor, call_of(one), one.time_us)
    return Errors(*np.array(found).T)


def has_to_wait(engine: Engine, one: Happening) -> bool:
    """Say whether the step brought a call that no agent was free for."""
    return isinstance(one.command, Enqueue) and engine.call(one.command.call).state is CallState.WAITING


def call_of(one: Happening) -> str:
    assert isinstance(one.command, Enqueue)
    return one.command.call


def ask(predictor: Predictor, call: str, now_us: int) -> list[float]:
    """Return QL, the fallback, LES and HOL for a call that has just come, in mean service times."""
    quick = predictor.quick(call, now_us)
    delays = predictor.delay_figures("main", now_us, but=call)
    assert quick.method == "qlm"
    assert quick.position is not None
    said_us = (quick.mean_us, delays.les_us, delays.hol_us)
    return [quick.position / SERVERS, *(value / SERVICE_US for value in said_us if value is not None)]


def ratio_and_error(squares: Doubles, found: Errors) -> tuple[float, float]:
    """Return the sum of squares over what theory expects of QL for these callers, and its standard error, by blocks."""
    expected = found.said / SERVERS
    result = squares.sum() / expected.sum()
    rests = np.array([block.sum() for block in np.array_split(squares - result * expected, BLOCKS)])
    return float(result), float(rests.std(ddof=1) * np.sqrt(BLOCKS) / expected.sum())


def ratio(squares: Doubles, found: Errors, tolerance: float) -> float:
    """Return that sum; the tolerance must be three standard errors of it."""
    result, error = ratio_and_error(squares, found)
    assert tolerance >= 3 * error, f"the run is too short: the standard error is {error:.4f}"
    return result


def ratio_by_distance(others: Doubles, found: Errors, tolerance: float) -> float:
    """Return the same by QL's own error, which is 1, and the distance from QL."""
    return 1 + ratio((others - found.exact) ** 2, found, tolerance)


def check(found: Errors, ql: float, history: float) -> None:
    assert ratio(found.exact**2, found, ql) == pytest.approx(1, abs=ql)
    assert ratio_by_distance(found.les, found, history) == pytest.approx(LES_RATIO, abs=history)
    assert ratio_by_distance(found.hol, found, history) == pytest.approx(HOL_RATIO, abs=history)
    # the fallback does not know the speed of service: it pays for having to learn it, and no more than a tenth
    assert 1 < ratio_by_distance(found.qlm, found, 0.1) <= 1.1


def test_errors_are_those_of_theory() -> None:
    check(errors(600), ql=0.25, history=0.3)


@pytest.mark.long
def test_errors_are_those_of_theory_closely() -> None:
    found = errors(LONG_SERVICES)
    check(found, ql=0.03, history=0.042)
    assert np.mean(found.exact**2) == pytest.approx(0.002, rel=0.1)
    assert ratio(found.les**2, found, 0.1) == pytest.approx(LES_RATIO, abs=0.1)
    assert ratio(found.hol**2, found, 0.1) == pytest.approx(HOL_RATIO, abs=0.1)


def test_futures_are_as_good_as_the_best_there_is() -> None:
    simulation = Simulation(load("hundred_agents", days=300 * SERVICE_US / DAY_US))
    engine = simulation.engine
    predictor = Predictor(engine, answers_min=NEVER_LEARNED)
    waited = 0
    said: list[tuple[float, float]] = []
    for one in simulation.happenings():
        predictor.observe()
        if has_to_wait(engine, one) and one.time_us - EPOCH_US > WARM_UP_US:
            waited += 1
            if waited % 40 == 0:
                found = predictor.estimate(call_of(one), one.time_us, futures=100)
                assert found.method == "simulated"
                assert found.position is not None
                assert found.mean_us is not None
                said.append((found.position / SERVERS, found.mean_us / SERVICE_US))
    exact, ours = np.array(said).T
    assert len(exact) > 150
    # by chance 1/100 of QL's own squared error, and the speed of service is known from 3,000 talks only
    assert ((ours - exact) ** 2).sum() <= 0.08 * (exact / SERVERS).sum()
    assert abs((ours - exact).mean()) <= 0.03 * exact.mean()
