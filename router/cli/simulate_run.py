"""Runs scenarios for `skill-router simulate`: a progress bar where it takes long, and the fairness checker."""

from __future__ import annotations

import time
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from router.fairness import Checker, Report
from router.simulation.results import Replication
from router.simulation.run import Simulation, simulate
from router.simulation.scenario.model import Scenario

PROGRESS_AFTER_S: Final = 2.0
STEPS_PER_LOOK: Final = 1024


class DelayedBar:
    """A progress bar on standard error that shows only once something takes longer than two seconds."""

    def __init__(self, title: str) -> None:
        columns = (TextColumn(title), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._progress.add_task(title, total=1.0)
        self._show_at_s = time.monotonic() + PROGRESS_AFTER_S
        self._shown = False

    def __enter__(self) -> DelayedBar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            self._progress.stop()

    def update(self, done: float) -> None:
        """Note that this share of the work is done."""
        self._progress.update(self._task, completed=done)
        if not self._shown and time.monotonic() > self._show_at_s:
            self._progress.start()
            self._shown = True


def run_scenario(scenario: Scenario, *, threads: int | None, slices: int) -> tuple[Replication, ...]:
    """Return all replications of a scenario."""
    with DelayedBar("simulating") as bar:
        return simulate(scenario, threads=threads, slices=slices, progress=bar.update)


def check_fairness(scenario: Scenario) -> Report:
    """Step through the first replication and return what the fairness checker found in its commands and events."""
    checker = Checker()
    length_us = scenario.warm_up_us + scenario.length_us
    start_us: int | None = None
    with DelayedBar("checking") as bar:
        for steps, happening in enumerate(Simulation(scenario).happenings()):
            start_us = happening.time_us if start_us is None else start_us
            checker.observe(happening.time_us, happening.command, happening.events)
            if steps % STEPS_PER_LOOK == 0:
                bar.update(min((happening.time_us - start_us) / length_us, 1.0))
    return checker.report()
