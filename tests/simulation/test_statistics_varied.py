"""Goal: the figures hold in every corner of the settings, not only in the scenarios that somebody thought of.

Method: the busy day of test_statistics with limits, modes, shifts, capacities and ends drawn at random (fixed seeds);
each run is counted again by `recount`.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
import numpy as np
import pytest

from router.engine.settings import MINUTE_US, SECOND_US, CallWeights, QueueSettings, WrapUp
from router.engine.vocabulary import NoAnswerAction, WrapUpMode
from router.simulation.results import Replication
from router.simulation.run import Simulation
from router.simulation.scenario.model import (
    AgentGroup,
    Callers,
    Distribution,
    Ending,
    Family,
    HuntedAgent,
    Hunting,
    LineOrder,
    PoissonArrivals,
    Scenario,
    ShiftEnd,
)
from tests.simulation.recount import recount
from tests.simulation.test_statistics import busy_day

Kind = TypeVar("Kind")


def pick(generator: np.random.Generator, *choices: Kind) -> Kind:
    return choices[generator.integers(len(choices))]


def vary_queue(queue: QueueSettings, generator: np.random.Generator) -> QueueSettings:
    manual = queue.wrap_up.mode is WrapUpMode.MANUAL
    return msgspec.structs.replace(
        queue,
        automatic=pick(generator, False, False, True),
        offer_timeout_us=pick(generator, 2 * SECOND_US, SECOND_US, 6 * SECOND_US),
        no_answer_action=pick(generator, *NoAnswerAction),
        reject_backoff_us=pick(generator, 0, 5 * SECOND_US),
        waiting_max=pick(generator, None, 0, 3, 12),
        wait_max_us=pick(generator, None, 0, 20 * SECOND_US, 100 * SECOND_US),
        wrap_up=queue.wrap_up if manual else pick(generator, WrapUp(), WrapUp(WrapUpMode.FIXED, 3 * SECOND_US)),
        call_weights=pick(generator, CallWeights(), CallWeights(priority=3_000, age=500, skill_fit=900)),
    )


def vary_callers(callers: Callers, ending: Ending, generator: np.random.Generator) -> Callers:
    """Vary them. Where a run is drained nobody waits for ever: it would take a day to see that nobody answers."""
    rate = float(generator.uniform(0.005, 0.09))
    return msgspec.structs.replace(
        callers,
        arrivals=PoissonArrivals((rate, rate / 4), 2 * MINUTE_US, pick(generator, 0.0, 0.5), 5 * MINUTE_US),
        handle_time=pick(generator, Distribution(Family.DETERMINISTIC, 30 * SECOND_US), callers.handle_time),
        patience=pick(
            generator,
            None if ending is Ending.CUT else callers.patience,
            Distribution(Family.DETERMINISTIC, 20 * SECOND_US),
            callers.patience,
        ),
    )


def vary_agents(group: AgentGroup, generator: np.random.Generator) -> AgentGroup:
    always = generator.random() < 0.3
    return msgspec.structs.replace(
        group,
        capacity=pick(generator, None, {"voice": 1, "chat": 2}, {"chat": 3}),
        staffing=() if always else tuple(int(number) for number in generator.integers(0, group.count + 1, 3)),
        staffing_period_us=0 if always else pick(generator, 40 * SECOND_US, 2 * MINUTE_US),
        at_shift_end=pick(generator, *ShiftEnd),
        no_answer=pick(generator, 0.0, 0.3),
        reject=pick(generator, 0.0, 0.3),
    )


def varied_day(seed: int) -> Scenario:
    generator = np.random.default_rng(seed)
    day = busy_day(
        length_us=12 * MINUTE_US,
        warm_up_us=pick(generator, 0, 3 * MINUTE_US),
        ending=pick(generator, *Ending),
        hunting=pick(generator, None, None, None, Hunting(pick(generator, *LineOrder), pick(generator, *HuntedAgent))),
        seed=seed,
    )
    queues = {name: vary_queue(queue, generator) for name, queue in day.settings.queues.items()}
    return msgspec.structs.replace(
        day,
        settings=msgspec.structs.replace(day.settings, queues=queues),
        callers=tuple(vary_callers(one, day.ending, generator) for one in day.callers),
        agents=tuple(vary_agents(one, generator) for one in day.agents),
    )


def assert_counted_right(scenario: Scenario) -> Replication:
    simulation = Simulation(scenario)
    happenings = list(simulation.happenings())
    found = simulation.replication()
    expected = recount(scenario, happenings, found)
    assert_same(msgspec.to_builtins(found), msgspec.to_builtins(expected), "")
    assert found.balance.length_integral_us == found.balance.waited_us
    return found


def assert_same(found: Any, expected: Any, name: str) -> None:
    """Compare whole numbers exactly, percentiles to 0.1 % and other numbers but for rounding, however deep they lie."""
    assert type(found) is type(expected), name
    if isinstance(found, dict):
        assert found.keys() == expected.keys(), name
        for key, value in found.items():
            assert_same(value, expected[key], f"{name}.{key}")
    elif isinstance(found, list | tuple):
        assert len(found) == len(expected), name
        for one, two in zip(found, expected, strict=True):
            assert_same(one, two, name)
    elif isinstance(found, float):
        relative = 1e-3 if name.endswith("percentiles_us") else 1e-9
        assert found == pytest.approx(expected, rel=relative, abs=1e-6), name
    else:
        assert found == expected, name


@pytest.mark.parametrize("seed", range(12))
def test_figures_of_varied_days(seed: int) -> None:
    assert assert_counted_right(varied_day(seed)).customers > 20


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 300))
def test_figures_of_many_varied_days(seed: int) -> None:
    assert_counted_right(varied_day(seed))
