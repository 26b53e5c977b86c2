"""Runs of simulated centres with an estimate for every call that comes to wait, ours and every baseline's.

The run is stepped through; the predictor sees each command's events and nothing else. An estimate is made at the
arrival, after the engine has dealt with it, and scored when an agent takes the call.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from router.engine import Engine
from router.engine.commands import Enqueue
from router.engine.events import CallAbandoned, CallAssigned, Event
from router.engine.vocabulary import CallState
from router.simulation import load_scenario
from router.simulation._native import EPOCH_US
from router.simulation.run import Simulation
from router.simulation.scenario.model import Scenario
from router.wait import WaitEstimate
from tests.wait.delay_baselines import LONG_WAIT_S, SECOND_US, Baselines

SCENARIOS: Final = Path(__file__).parent / "scenarios"
BLOCKS: Final = 24
"""Parts of a run, in time, whose differences give standard errors: errors of calls near each other are alike."""

BAND_EDGES_S: Final = (4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 250.0)
"""Of levels of the mean that was said."""

Doubles = npt.NDArray[np.float64]


class Estimator(Protocol):
    """What a run asks: a predictor, with the number of futures of the moment."""

    def observe(self) -> None: ...

    def estimate(self, call: str, now_us: int, *, learning: bool) -> WaitEstimate: ...

    def quick(self, call: str, now_us: int) -> WaitEstimate: ...


class Scored(msgspec.Struct, frozen=True):
    """An answered call that waited over a second: what was said when it came, and what came of it."""

    queue: str
    said: WaitEstimate
    quick: WaitEstimate
    baselines: dict[str, float]
    wait_s: float


Pending = dict[str, tuple[WaitEstimate, WaitEstimate, dict[str, float]]]
"""By call that waits: what we said with futures and without, and what the baselines said."""


class Watched(msgspec.Struct):
    """All scored calls of a run after its learning time, in the order of their arrival; and who gave up."""

    scored: list[Scored]
    abandoned: int

    @property
    def waits(self) -> Doubles:
        return np.array([one.wait_s for one in self.scored])

    @property
    def means(self) -> Doubles:
        return seconds([one.said.mean_us for one in self.scored])

    @property
    def quick_means(self) -> Doubles:
        """Return the means; where nobody is there who could serve the call, and so nothing was said, LES stands in."""
        said = [(one.quick.mean_us, one.baselines["LES"]) for one in self.scored]
        return np.array([les_s if mean_us is None else mean_us / SECOND_US for mean_us, les_s in said])

    @property
    def quick_medians(self) -> Doubles:
        """Return the medians, or the means of methods that know no more."""
        medians = [one.quick.p50_us for one in self.scored]
        means = self.quick_means
        return np.array([means[i] if median is None else median / SECOND_US for i, median in enumerate(medians)])

    @property
    def medians(self) -> Doubles:
        return seconds([one.said.p50_us for one in self.scored])

    def quantile(self, field: str) -> Doubles:
        """Return one of the percentiles by its field's name: p10_us, p50_us, p80_us or p90_us."""
        return seconds([getattr(one.said, field) for one in self.scored])

    @property
    def intervals(self) -> Doubles:
        return seconds([one.said.interval_us for one in self.scored])

    def baselines(self) -> dict[str, Doubles]:
        """Return what each baseline said; the mean by queue is the best constant for these very calls."""
        found = {name: np.array([one.baselines[name] for one in self.scored]) for name in self.scored[0].baselines}
        by_queue = {
            queue: float(np.mean([one.wait_s for one in self.scored if one.queue == queue]))
            for queue in {one.queue for one in self.scored}
        }
        return found | {"mean by queue": np.array([by_queue[one.queue] for one in self.scored])}


def seconds(values_us: object) -> Doubles:
    """Return microseconds as seconds; every one must be there."""
    found = np.asarray(values_us, dtype=np.float64) / SECOND_US
    assert np.all(np.isfinite(found)), "an estimate says nothing"
    return found


def load(name: str, *, days: float | None = None) -> Scenario:
    """Return a centre of this folder, of so many days."""
    scenario = load_scenario(SCENARIOS / f"{name}.toml")
    return scenario if days is None else msgspec.structs.replace(scenario, length_us=round(days * 86_400 * SECOND_US))


def watch(scenario: Scenario, make: Callable[[Engine], Estimator], *, looking: float, learning: float) -> Watched:
    """Step through a run with an estimate for every call that comes to wait.

    In the first share of it, `looking`, none is made; up to `learning` none is scored.
    """
    simulation = Simulation(scenario)
    engine = simulation.engine
    estimator, baselines = make(engine), Baselines(engine)
    pending: Pending = {}
    watched = Watched([], 0)
    for one in simulation.happenings():
        estimator.observe()
        baselines.observe(one.command, one.events)
        passed = (one.time_us - EPOCH_US) / scenario.length_us
        if isinstance(one.command, Enqueue) and passed >= looking:
            call = one.command.call
            if engine.call(call).state is CallState.WAITING:
                said = estimator.estimate(call, one.time_us, learning=passed < learning)
                if passed >= learning:
                    quick = estimator.quick(call, one.time_us)
                    pending[call] = said, quick, baselines.estimate(call, one.time_us)
        for event in one.events:
            _score(event, pending, watched)
    return watched


def _score(event: Event, pending: Pending, watched: Watched) -> None:
    if not isinstance(event, CallAssigned | CallAbandoned):
        return
    estimated = pending.pop(event.call, None)
    if estimated is None:
        return
    if isinstance(event, CallAbandoned):
        watched.abandoned += 1
    elif event.wait_us > LONG_WAIT_S * SECOND_US:
        watched.scored.append(Scored(event.queue, *estimated, event.wait_us / SECOND_US))


# ---- scores ----


def rmse(said: Doubles, waits: Doubles) -> float:
    return float(np.sqrt(np.mean((said - waits) ** 2)))


def mae(said: Doubles, waits: Doubles) -> float:
    return float(np.mean(np.abs(said - waits)))


def pinball(said: Doubles, waits: Doubles, level: float) -> float:
    """Return the mean quantile loss (Koenker & Bassett 1978)."""
    over = waits - said
    return float(np.mean(np.maximum(level * over, (level - 1) * over)))


def lead(ours: Doubles, theirs: Doubles) -> float:
    """Return by how many standard errors our losses are the smaller, by the differences of blocks of the run."""
    differences = np.array([block.mean() for block in np.array_split(theirs - ours, BLOCKS)])
    return float(differences.mean() / (differences.std(ddof=1) / np.sqrt(BLOCKS)))


def coverage(intervals: Doubles, waits: Doubles) -> tuple[float, float]:
    """Return which share of waits lay within, and the standard error of that, by blocks of the run."""
    held = (intervals[:, 0] <= waits) & (waits <= intervals[:, 1])
    blocks = np.array([block.mean() for block in np.array_split(held.astype(float), BLOCKS)])
    return float(held.mean()), float(blocks.std(ddof=1) / np.sqrt(BLOCKS))
