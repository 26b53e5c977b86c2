"""Runs scenarios for `skill-router simulate`: a progress bar where it takes long, and the fairness checker."""

from __future__ import annotations

from typing import Final

from rich.progress import TaskProgressColumn, TimeElapsedColumn, TimeRemainingColumn

from router.cli.progress import DelayedBar
from router.fairness import Checker, Report
from router.simulation.results import Replication
from router.simulation.run import Simulation, simulate
from router.simulation.scenario.model import Scenario

STEPS_PER_LOOK: Final = 1024


def _bar(title: str) -> DelayedBar:
    return DelayedBar(title, TaskProgressColumn(), TimeElapsedColumn(), TimeRemainingColumn(), total=1.0)


def run_scenario(scenario: Scenario, *, threads: int | None, slices: int) -> tuple[Replication, ...]:
    """Return all replications of a scenario."""
    with _bar("simulating") as bar:
        return simulate(scenario, threads=threads, slices=slices, progress=bar.update)


def check_fairness(scenario: Scenario) -> Report:
    """Step through the first replication and return what the fairness checker found in its commands and events."""
    checker = Checker()
    length_us = scenario.warm_up_us + scenario.length_us
    start_us: int | None = None
    with _bar("checking") as bar:
        for steps, happening in enumerate(Simulation(scenario).happenings()):
            start_us = happening.time_us if start_us is None else start_us
            checker.observe(happening.time_us, happening.command, happening.events)
            if steps % STEPS_PER_LOOK == 0:
                bar.update(min((happening.time_us - start_us) / length_us, 1.0))
    return checker.report()
