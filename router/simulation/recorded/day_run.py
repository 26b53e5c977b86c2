"""One planned day from its start to its end by the native simulator: at full speed, or command by command.

Invariant: with the same plan, settings and ring this is the very day that `Replay` goes through, command for command.
`Replay`, whose callers and agents are also those of a drive over the wire, is the reference; it can restore the engine
in the middle, and has agents who reject offers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
import numpy as np

from router.engine import Engine
from router.engine.settings import DAY_US, SECOND_US, Settings
from router.engine.views import Statistics
from router.fairness import Checker, Report
from router.simulation._native import Run
from router.simulation.errors import SimulationError
from router.simulation.recorded.centre import SKILL_LEVEL, queue_name
from router.simulation.recorded.day_plan import DayPlan
from router.simulation.recorded.figures import DayFigures, End, Outcomes, Shift, figure_day
from router.simulation.recorded.patience import FOR_EVER
from router.simulation.recorded.replay import ReplayError, missing_queues
from router.simulation.results import Happening
from router.simulation.run import RecordedCalls
from router.simulation.scenario.model import (
    AT_ONCE,
    AgentGroup,
    Callers,
    Distribution,
    Family,
    RecordedArrivals,
    Scenario,
)

LENGTH_US: Final = 7 * DAY_US  # every day is over by then


class DayRun(msgspec.Struct, frozen=True, kw_only=True):
    """What a day under one policy came to. `fairness` is None where it was not checked."""

    figures: DayFigures
    outcomes: Outcomes  # in the order of the plan's calls
    shifts: tuple[Shift, ...]
    commands: int
    events: int
    engine: Statistics
    fairness: Report | None = None


class DaySimulation:
    """A planned day and an engine. Either `steps()` or `run()`, once; then `result()`."""

    def __init__(
        self, plan: DayPlan, settings: Settings, *, ring_us: int | None = None, stepwise: bool = False
    ) -> None:
        """Prepare a day. Everybody accepts, after `ring_us` (None: a second). `stepwise` is for `steps()`.

        Raises `ValueError` if the settings lack a queue of the day.
        """
        missing = missing_queues(plan, settings)
        if missing:
            raise ValueError(f"the settings lack queues of the day: {', '.join(missing)}")
        self._types = plan.types
        happenings_us = [*(agent.from_us for agent in plan.agents), *(call.arrives_us for call in plan.calls[:1])]
        self._start_us = min([plan.starts_us, *happenings_us])
        ring = Distribution(Family.DETERMINISTIC, SECOND_US if ring_us is None else ring_us)
        scenario = _make_scenario(plan, self._types, settings, self._start_us, ring)
        self._calls = _make_calls(plan, self._types, self._start_us, named=stepwise)
        self._run = Run(scenario, named=stepwise, recorded=self._calls, epoch_us=self._start_us, keep_ends=True)

    def run(self) -> None:
        """Run to the end, with the GIL released. Raises `ReplayError` if the engine rejects a command."""
        try:
            self._run.run()
        except SimulationError as error:
            raise ReplayError(str(error)) from error

    def steps(self) -> Iterator[Happening]:
        """Run to the end, one command at a time. Raises `ReplayError` if the engine rejects one."""
        try:
            while (step := self._run.step()) is not None:
                yield Happening(*step)
        except SimulationError as error:
            raise ReplayError(str(error)) from error

    @property
    def engine(self) -> Engine:
        """The engine, as the last step left it. To look at only."""
        return self._run.engine

    def statistics(self) -> Statistics:
        """Return the engine's counters."""
        return self._run.engine.statistics()

    def result(self, fairness: Report | None = None) -> DayRun:
        """Return what the day came to, once it is over."""
        outcomes = self._outcomes()
        agents = sorted(self._run.agents(), key=lambda agent: agent.agent)
        shifts = tuple(Shift(agent.agent, agent.present_us, agent.busy_us) for agent in agents)
        return DayRun(
            figures=figure_day(outcomes, shifts),
            outcomes=outcomes,
            shifts=shifts,
            commands=self._run.engine.sequence,
            events=self._run.events,
            engine=self.statistics(),
            fairness=fairness,
        )

    def _outcomes(self) -> Outcomes:
        ends, times_us = self._run.ends()
        until_us = np.where(ends == End.WAITING, self._run.engine.time_us, times_us)
        waited_us = until_us - self._start_us - self._calls.times_us
        return Outcomes(self._types, self._calls.callers, ends, waited_us)


def run_day(plan: DayPlan, settings: Settings, *, ring_us: int | None = None, check: bool = False) -> DayRun:
    """Run a day to its end. Everybody accepts, after `ring_us` (None: a second).

    With `check` the fairness checker looks at every command. Raises `ValueError` if the settings lack a queue of the
    day, `ReplayError` if the engine rejects a command.
    """
    day = DaySimulation(plan, settings, ring_us=ring_us, stepwise=check)
    if not check:
        day.run()
        return day.result()
    checker = Checker()
    for happening in day.steps():
        checker.observe(happening.time_us, happening.command, happening.events)
    return day.result(checker.report())


def _make_scenario(
    plan: DayPlan, types: tuple[str, ...], settings: Settings, start_us: int, ring: Distribution
) -> Scenario:
    return Scenario(
        source=plan.day,
        settings=settings,
        callers=tuple(
            Callers(name=kind, queue=queue_name(kind), arrivals=RecordedArrivals(()), handle_time=AT_ONCE)
            for kind in types
        ),
        agents=tuple(
            AgentGroup(
                name=agent.agent,
                count=1,
                skills={queue_name(kind): SKILL_LEVEL for kind in agent.types},
                ring=ring,
                shifts=((agent.from_us - start_us, agent.until_us - start_us),),
            )
            for agent in plan.agents
        ),
        length_us=LENGTH_US,
        seed=plan.seed,
    )


def _make_calls(plan: DayPlan, types: tuple[str, ...], start_us: int, *, named: bool) -> RecordedCalls:
    places = {kind: place for place, kind in enumerate(types)}
    calls, count = plan.calls, len(plan.calls)
    names = tuple(call.call for call in plan.calls) if named else ()
    return RecordedCalls(
        times_us=np.fromiter((call.arrives_us for call in calls), np.int64, count) - start_us,
        callers=np.fromiter((places[call.type] for call in calls), np.int64, count),
        handle_us=np.fromiter((call.handle_us for call in calls), np.int64, count),
        patience_us=np.fromiter(
            (FOR_EVER if call.patience_us is None else call.patience_us for call in calls), np.int64, count
        ),
        names=names,
    )
