"""Goal: at simulated centres of several skills our estimates beat all that delay history or queue length can say.

Method: each centre runs for days, stepped through; a predictor sees its events. After a time to learn, every call
that comes to wait is estimated at its arrival by futures with the correction, and by each baseline. On the answered
calls that waited over a second our root of mean squares and our mean absolute error must be lower than every
baseline's, by several standard errors of the paired difference, and our 80 % intervals must hold as often as they
say.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import msgspec
import numpy as np
import pytest

from router.engine import Engine
from router.wait import Predictor, WaitEstimate
from tests.wait.centre_runs import Doubles, Watched, coverage, lead, load, rmse, watch

CENTRES = ("n_model", "w_model", "six_types", "priorities")
LEARNING_FUTURES = 16
ERRORS_MIN = 4.0
"""By how many standard errors we must be better: chance alone does that once in 30,000."""


class Ours:
    """The predictor, with few futures while it learns."""

    def __init__(self, engine: Engine, futures: int) -> None:
        self._predictor = Predictor(engine)
        self._futures = futures

    def observe(self) -> None:
        self._predictor.observe()

    def estimate(self, call: str, now_us: int, *, learning: bool) -> WaitEstimate:
        return self._predictor.estimate(call, now_us, futures=LEARNING_FUTURES if learning else self._futures)

    def quick(self, call: str, now_us: int) -> WaitEstimate:
        return self._predictor.quick(call, now_us)


@cache
def watched(name: str, days: float | None = None, futures: int = 40) -> Watched:
    """Run a centre, of the days of its file or of so many."""
    return watch(load(name, days=days), lambda engine: Ours(engine, futures), looking=0.1, learning=0.4)


def leads(found: Watched, said: Doubles, loss: Callable[[Doubles], Doubles]) -> dict[str, float]:
    """Return by how many standard errors our loss is the smaller one, by baseline."""
    ours = loss(said - found.waits)
    return {name: lead(ours, loss(theirs - found.waits)) for name, theirs in found.baselines().items()}


def check(found: Watched) -> None:
    assert {one.said.method for one in found.scored} == {"corrected"}
    for said, loss in ((found.means, np.square), (found.medians, np.abs)):
        found_leads = leads(found, said, loss)
        assert min(found_leads.values()) >= ERRORS_MIN, (loss, found_leads)


@pytest.mark.parametrize("name", CENTRES)
def test_it_beats_every_baseline(name: str) -> None:
    found = watched(name)
    assert len(found.scored) > 1_500
    check(found)


@pytest.mark.parametrize("name", CENTRES)
def test_without_futures_it_is_still_better_but_not_as_good(name: str) -> None:
    found = watched(name)
    learned = [one.quick.method == "learned" for one in found.scored]
    assert np.mean(learned) > 0.9  # "none" where nobody who could serve the call is there yet
    found_leads = leads(found, found.quick_means, np.square)
    assert min(found_leads.values()) >= 2, found_leads
    assert lead((found.means - found.waits) ** 2, (found.quick_means - found.waits) ** 2) >= 2


@pytest.mark.parametrize("name", CENTRES)
def test_intervals_hold_as_often_as_they_say(name: str) -> None:
    found = watched(name)
    held, error = coverage(found.intervals, found.waits)
    assert error < 0.02
    assert 0.77 <= held <= 0.83


@pytest.mark.long
@pytest.mark.parametrize("name", CENTRES)
def test_it_does_so_over_many_days(name: str) -> None:
    found = watched(name, days=20, futures=200)
    assert len(found.scored) > 7_500
    check(found)
    held, error = coverage(found.intervals, found.waits)
    assert error < 0.01
    assert 0.78 <= held <= 0.82


@pytest.mark.long
def test_a_new_team_that_is_slower_is_followed() -> None:
    scenario = load("w_model", days=12)
    half_us = scenario.length_us // 2
    teams = [
        msgspec.structs.replace(group, name=name, handle_factor=factor, staffing=staffing, staffing_period_us=half_us)
        for group in scenario.agents
        for name, factor, staffing in (
            (group.name, 1.0, (group.count, 0)),
            (f"new_{group.name}", 1.35, (0, group.count)),
        )
    ]
    changed = msgspec.structs.replace(scenario, agents=tuple(teams))
    found = watch(changed, lambda engine: Ours(engine, 40), looking=0.1, learning=0.5)
    for part in np.array_split(np.arange(len(found.scored)), 6):
        waits = found.waits[part]
        held = (found.intervals[part, 0] <= waits) & (waits <= found.intervals[part, 1])
        assert 0.72 <= held.mean() <= 0.87
        assert abs((found.means[part] - waits).mean()) <= 0.12 * waits.mean()
        ours = rmse(found.means[part], waits)
        assert all(ours < rmse(said[part], waits) for said in found.baselines().values())
