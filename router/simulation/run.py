"""Runs of a scenario: replications side by side at full speed, or one run step by step.

Invariant: what a replication finds depends on the scenario and its number alone, not on threads, progress or the order
of the scenario's tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from router.engine import Engine
from router.simulation._native import Run
from router.simulation.processors import count_processors
from router.simulation.results import Happening, Replication
from router.simulation.scenario.model import RecordedArrivals, Scenario

FINISHED_RETENTION_US: Final = 1  # outcomes are told at the end of a call: nobody asks for it later
LOOK_EVERY_S: Final = 0.1
DRAWN: Final = -2  # of a recorded call's patience: not recorded
WAITS_FOR_EVER: Final = -1
NOT_RECORDED: Final = -1  # of a handle time

Int64s = npt.NDArray[np.int64]


class RecordedCalls(msgspec.Struct, frozen=True):
    """Calls of several kinds from a list, in order of arrival; ties go by their place in it.

    `callers`: the number of the kind in the scenario. `handle_us` -1 and `patience_us` -2: drawn; patience -1: waits
    for ever. `names`, if any: of the calls in a named run.
    """

    times_us: Int64s
    callers: Int64s
    handle_us: Int64s
    patience_us: Int64s
    names: tuple[str, ...] = ()


def simulate(
    scenario: Scenario,
    *,
    replications: int | None = None,
    threads: int | None = None,
    slices: int = 0,
    progress: Callable[[float], None] | None = None,
) -> tuple[Replication, ...]:
    """Run the replications of a scenario and return what they found, by number, whatever the number of threads.

    `replications` None takes the scenario's, `threads` None as many as there are processors. `slices`: into how many
    equal parts the measured time is cut for `Replication.series`, 0 for none. `progress` is told now and then which
    share is done. An interrupt ends it promptly. Raises `SimulationError`.
    """
    count = scenario.replications if replications is None else replications
    if count < 1:
        raise ValueError(f"there are {count} replications to run; at least 1 is right")
    if threads is not None and threads < 1:
        raise ValueError(f"there are {threads} threads to run in; at least 1 is right")
    return _Replications(scenario, count, slices).run(min(threads or count_processors(), count), progress)


class Simulation:
    """One replication, step by step: for a look at every command and event.

    A call is named `call-N` by its arrival, the further attempts of its caller `call-N-2`, `call-N-3`, …
    """

    def __init__(self, scenario: Scenario, replication: int = 0) -> None:
        """Prepare the run of this number. It is the one that `simulate` counts under the number."""
        self._scenario = scenario
        prepared, recorded = _prepare(scenario)
        self._run = Run(prepared, replication, named=True, slices=0, recorded=recorded)

    @property
    def engine(self) -> Engine:
        """The engine, as the last step left it. To look at: a command of somebody else would spoil the run."""
        return self._run.engine

    def step(self) -> Happening | None:
        """Carry out the next command; None when the run is over. Raises `SimulationError`."""
        step = self._run.step()
        return None if step is None else Happening(*step)

    def happenings(self) -> Iterator[Happening]:
        """Iterate over the steps that are left. Raises `SimulationError`."""
        while (happening := self.step()) is not None:
            yield happening

    def replication(self) -> Replication:
        """Return what the run found. Raises `RuntimeError` before its end."""
        return _in_order(self._run.replication(), self._scenario)


class _Replications:
    """Replications on their way."""

    def __init__(self, scenario: Scenario, count: int, slices: int) -> None:
        self._scenario = scenario
        self._prepared, self._recorded = _prepare(scenario)
        self._count = count
        self._slices = slices
        self._running: dict[int, Run] = {}
        self._done = [False] * count
        self._stopped = False

    def run(self, threads: int, progress: Callable[[float], None] | None) -> tuple[Replication, ...]:
        pool = ThreadPoolExecutor(threads, thread_name_prefix="replication")
        try:
            futures = [pool.submit(self._run_one, number) for number in range(self._count)]
            pending: set[Future[Replication]] = set(futures)
            while pending:
                done, pending = wait(pending, timeout=LOOK_EVERY_S, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
                if progress is not None:
                    progress(self._share_done())
        finally:
            self._stop()
            pool.shutdown(cancel_futures=True)
        return tuple(future.result() for future in futures)

    def _run_one(self, number: int) -> Replication:
        run = Run(self._prepared, number, named=False, slices=self._slices, recorded=self._recorded)
        self._running[number] = run
        if self._stopped or not run.run():
            raise RuntimeError("the simulation was stopped")
        found = _in_order(run.replication(), self._scenario)
        self._done[number] = True
        del self._running[number]
        return found

    def _share_done(self) -> float:
        return sum(map(self._share_of, range(self._count))) / self._count

    def _share_of(self, number: int) -> float:
        run = self._running.get(number)
        if run is None or self._done[number]:
            return float(self._done[number])
        return min(1.0, run.reached_us / (self._scenario.warm_up_us + self._scenario.length_us))

    def _stop(self) -> None:
        self._stopped = True
        for run in list(self._running.values()):
            run.cancel()


def _prepare(scenario: Scenario) -> tuple[Scenario, RecordedCalls | None]:
    """Return what runs are made of, once for all: a scenario whose tables have one order, and its recorded calls."""
    settings = msgspec.structs.replace(scenario.settings, finished_retention_us=FINISHED_RETENTION_US)
    prepared = msgspec.structs.replace(
        scenario,
        settings=settings,
        callers=tuple(sorted(scenario.callers, key=lambda callers: callers.name)),
        agents=tuple(sorted(scenario.agents, key=lambda group: group.name)),
    )
    return prepared, _recorded_calls(prepared)


def _recorded_calls(scenario: Scenario) -> RecordedCalls | None:
    """Return the recorded calls of all callers as one list by time, place in the log and callers; None without any."""
    parts = [
        (number, callers.arrivals)
        for number, callers in enumerate(scenario.callers)
        if isinstance(callers.arrivals, RecordedArrivals) and callers.arrivals.times_us
    ]
    if not parts:
        return None
    times_us = _joined([(arrivals.times_us, len(arrivals.times_us), 0) for _, arrivals in parts])
    kinds = np.concatenate([np.full(len(arrivals.times_us), number, np.int64) for number, arrivals in parts])
    handle_us = _joined([(arrivals.handle_us, len(arrivals.times_us), NOT_RECORDED) for _, arrivals in parts])
    patience_us = _joined([(arrivals.patience_us, len(arrivals.times_us), DRAWN) for _, arrivals in parts])
    places = _joined([(arrivals.places, len(arrivals.times_us), 0) for _, arrivals in parts])
    order = np.lexsort((places, times_us))
    return RecordedCalls(times_us[order], kinds[order], handle_us[order], patience_us[order])


def _joined(parts: list[tuple[tuple[int, ...], int, int]]) -> Int64s:
    """Return the numbers one after the other; of a part that has none, the default so many times."""
    return np.concatenate(
        [
            np.asarray(numbers, np.int64) if numbers else np.full(count, default, np.int64)
            for numbers, count, default in parts
        ]
    )


def _in_order(replication: Replication, scenario: Scenario) -> Replication:
    """Return the figures in the order of the scenario's tables."""
    places = {group.name: place for place, group in enumerate(scenario.agents)}
    return msgspec.structs.replace(
        replication,
        callers={callers.name: replication.callers[callers.name] for callers in scenario.callers},
        agents=tuple(sorted(replication.agents, key=lambda agent: places[agent.group])),
    )
