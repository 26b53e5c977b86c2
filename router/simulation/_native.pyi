"""Types of the compiled simulator."""

from collections.abc import Sequence
from typing import final

import numpy as np
import numpy.typing as npt

from router.engine import Engine
from router.engine.commands import Command
from router.engine.events import Event
from router.simulation.results import AgentFigures, Replication
from router.simulation.run import RecordedCalls
from router.simulation.scenario.model import Distribution, Scenario

EPOCH_US: int

@final
class Run:
    """One run of a scenario: step by step, with commands and events in words, or at full speed.

    Callers and agents are numbered as the scenario has them, and ties go by these numbers. Not thread-safe, but for
    `cancel()` and `reached_us`.
    """

    def __init__(
        self,
        scenario: Scenario,
        replication: int = 0,
        *,
        named: bool = False,
        slices: int = 0,
        recorded: RecordedCalls | None = None,
        epoch_us: int = ...,
        keep_ends: bool = False,
    ) -> None:
        """Prepare a run. The engine takes the start of the run for `epoch_us`.

        `recorded`: a `RecordedCalls`, where callers come from a list and not from their `arrivals`. `named`: calls have
        names, which stepping needs. `slices`: of the series, 0 for none. `keep_ends`: remember how recorded calls end.
        """
    engine: Engine
    over: bool
    event_hash: int
    reached_us: int
    def step(self) -> tuple[int, Command, list[Event]] | None:
        """Carry out one command and return (time_us, command, events); None when the run is over.

        Raises `SimulationError`.
        """
    def run(self) -> bool:
        """Run to the end, with the GIL released, and return True; or False once `cancel()` was called.

        Raises `SimulationError`. Until it returns, the engine must be left alone.
        """
    def cancel(self) -> None:
        """Make `run()` return soon. From any thread."""
    def replication(self) -> Replication:
        """Return what the run found, after its end."""
    def ends(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return, after the end, how each recorded call ended (0 none, 1 answered, 2 abandoned, 3 refused) and when."""
    def agents(self) -> tuple[AgentFigures, ...]:
        """Return what `replication()` says of the agents alone, and quicker, after the end."""
    @property
    def events(self) -> int:
        """How many events there were, after the end."""

def philox_block(counter: Sequence[int], key: Sequence[int]) -> tuple[int, ...]:
    """Return the four words of Philox 4x32-10 for a counter of four and a key of two."""

def quantile_of_normal(probability: float) -> float:
    """Return the standard normal deviate below which this share lies."""

def draw_uniforms(
    count: int,
    *,
    seed: int = 1,
    replication: int = 0,
    purpose: int = 4,
    name: str = "",
    first: int = 0,
    attempt: int = 0,
) -> list[float]:
    """Return that many uniform numbers of a stream, from draw `first` on."""

def draw_sequence(count: int, *, seed: int = 1, replication: int = 0, purpose: int = 4, name: str = "") -> list[float]:
    """Return that many uniform numbers of a stream, one after the other."""

def draw_durations(
    distribution: Distribution,
    count: int,
    *,
    seed: int = 1,
    replication: int = 0,
    purpose: int = 4,
    name: str = "",
    first: int = 0,
    attempt: int = 0,
    factor: float = 1.0,
) -> list[int]:
    """Return that many draws of a distribution, in microseconds, from draw `first` on."""

def moments_us(distribution: Distribution) -> tuple[float, float]:
    """Return mean and variance of a distribution, before rounding to microseconds."""

@final
class Histogram:
    """Durations in microseconds, each known to 2^-10 of itself."""

    def add(self, value_us: int) -> None:
        """Add a duration, 0 to 366 days."""
    def merge(self, other: Histogram) -> None:
        """Add all of another one."""
    def __len__(self) -> int: ...
    def percentiles(self, percents: Sequence[float]) -> tuple[float, ...]:
        """Return the percentiles for rising percents; an empty tuple if there are no values."""
