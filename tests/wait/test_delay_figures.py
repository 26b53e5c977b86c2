"""Goal: the native delay history says what an independent count of the same events says, call by call.

Method: simulated centres, stepped through; at each arrival that has to wait LES, HOL, Avg-LES and AvgC of both, to the
microsecond.
"""

from __future__ import annotations

import pytest

from router.engine.commands import Enqueue
from router.engine.vocabulary import CallState
from router.simulation.run import Simulation
from router.wait import Predictor
from tests.wait.centre_runs import load
from tests.wait.delay_baselines import SECOND_US, Baselines
from tests.wait.test_centres import CENTRES

FIGURES = {"LES": "les_us", "HOL": "hol_us", "Avg-LES": "average_us", "AvgC": "same_length_us"}


@pytest.mark.parametrize("name", CENTRES)
def test_it_agrees_with_an_independent_count(name: str) -> None:
    simulation = Simulation(load(name, days=0.9))
    predictor, baselines = Predictor(simulation.engine), Baselines(simulation.engine)
    compared = 0
    for one in simulation.happenings():
        predictor.observe()
        baselines.observe(one.command, one.events)
        if not isinstance(one.command, Enqueue):
            continue
        view = simulation.engine.call(one.command.call)
        if view.state is not CallState.WAITING:
            continue
        said = predictor.delay_figures(view.queue, one.time_us, but=view.call)
        if said.average_us is None:
            continue
        expected = baselines.estimate(view.call, one.time_us)
        for title, field in FIGURES.items():
            assert getattr(said, field) == pytest.approx(expected[title] * SECOND_US, abs=1), (view.call, title)
        compared += 1
    assert compared > 500
