"""Several recorded days, each replayed on its own under one or two policies, days side by side on threads.

Invariant: days come out in their order and their figures do not depend on the number of threads; every policy meets the
same callers and the same staff.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

import msgspec

from router.engine.settings import Settings
from router.simulation.metrics import Metric, Unit
from router.simulation.processors import count_processors
from router.simulation.recorded.day_plan import DayPlan, DayPlanner
from router.simulation.recorded.day_run import DayRun, run_day
from router.simulation.recorded.figures import (
    DayFigures,
    Outcomes,
    Shift,
    figure_day,
    outcomes_of,
    record_shifts,
)
from router.simulation.recorded.recorded_day import RecordedDay
from router.simulation.student import Estimate, estimate

PLANNED_AHEAD: Final = 2  # days a thread: enough that none waits, few enough that memory stays small

Policy = Callable[[DayPlan], Settings]  # the settings for a day, which must have its queues


class ReplayedDay(msgspec.Struct, frozen=True, kw_only=True):
    """One day as it was recorded and under each policy."""

    day: str
    log: DayFigures
    log_outcomes: Outcomes
    log_shifts: tuple[Shift, ...]
    runs: tuple[DayRun, ...]


class DayEstimates(msgspec.Struct, frozen=True, kw_only=True):
    """One figure over days, each day one observation: under A, under B, B − A in pairs, and in the log."""

    a: Estimate
    b: Estimate
    difference: Estimate
    log: Estimate


_FIGURES: Final[tuple[Metric[DayFigures], ...]] = (
    Metric("offered", "calls offered", Unit.COUNT, "Calls that arrived.", lambda day: day.calls.offered),
    Metric("answered", "answered", Unit.COUNT, "Calls that an agent took.", lambda day: day.calls.answered),
    Metric("abandoned", "abandoned", Unit.COUNT, "Calls that gave up.", lambda day: day.calls.abandoned),
    Metric("refused", "refused", Unit.COUNT, "Calls turned away by a limit.", lambda day: day.calls.refused),
    Metric("waiting", "still waiting at the end", Unit.COUNT, "Calls nobody came for.", lambda day: day.calls.waiting),
    Metric(
        "abandoned_share",
        "abandoned, of all",
        Unit.SHARE,
        "Calls that gave up, of all offered.",
        lambda day: day.calls.abandoned_share,
    ),
    Metric(
        "answered_within_share",
        "answered within 20 s, of all",
        Unit.SHARE,
        "Calls answered within 20 s, of all offered.",
        lambda day: day.calls.answered_within_share,
    ),
    Metric(
        "wait_answered_mean_us",
        "mean wait of the answered",
        Unit.DURATION,
        "Mean wait of the answered calls.",
        lambda day: day.calls.wait_answered_mean_us,
    ),
    Metric(
        "wait_answered_p50_us",
        "median wait of the answered",
        Unit.DURATION,
        "Median wait of the answered calls.",
        lambda day: day.calls.wait_answered_p50_us,
    ),
    Metric(
        "wait_answered_p95_us",
        "95th percentile of it",
        Unit.DURATION,
        "95th percentile of the wait of the answered calls.",
        lambda day: day.calls.wait_answered_p95_us,
    ),
    Metric(
        "wait_all_mean_us",
        "mean wait of all",
        Unit.DURATION,
        "Mean wait of all offered calls, to the answer or to giving up.",
        lambda day: day.calls.wait_all_mean_us,
    ),
    Metric("agents", "agents", Unit.AGENTS, "Agents who were there.", lambda day: day.agents),
    Metric("occupancy", "occupancy", Unit.SHARE, "Busy time over presence.", lambda day: day.occupancy),
    Metric(
        "jain_index",
        "Jain's index of occupancy",
        Unit.INDEX,
        "Evenness of the agents' occupancies.",
        lambda day: day.jain_index,
    ),
)
DAY_METRICS: Final[Mapping[str, Metric[DayFigures]]] = {metric.name: metric for metric in _FIGURES}


def replay_days(
    planner: DayPlanner,
    days: Sequence[RecordedDay],
    policies: Sequence[Policy],
    *,
    seed: int = 1,
    ring_us: int | None = None,
    check: bool = False,
    threads: int | None = None,
) -> Iterator[ReplayedDay]:
    """Replay days of a log under each policy, in order. `threads` None: one a core.

    Planning is Python's work and goes on while the days before are run without the interpreter's lock. Raises
    `ReplayError` and `InvalidCommand` as `run_day` does.
    """
    count = threads or count_processors()
    started: deque[tuple[RecordedDay, list[Future[DayRun]]]] = deque()
    with ThreadPoolExecutor(count, thread_name_prefix="replay") as pool:
        try:
            for day in days:
                plan = planner.plan(day, seed=seed)
                runs = [pool.submit(run_day, plan, policy(plan), ring_us=ring_us, check=check) for policy in policies]
                started.append((day, runs))
                if len(started) > PLANNED_AHEAD * count:
                    yield _finish(planner, *started.popleft())
            while started:
                yield _finish(planner, *started.popleft())
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _finish(planner: DayPlanner, day: RecordedDay, runs: Sequence[Future[DayRun]]) -> ReplayedDay:
    outcomes, shifts = outcomes_of(planner.columns(day)), tuple(record_shifts(day))
    return ReplayedDay(
        day=day.day,
        log=figure_day(outcomes, shifts),
        log_outcomes=outcomes,
        log_shifts=shifts,
        runs=tuple(run.result() for run in runs),
    )


def pool_log(days: Sequence[ReplayedDay]) -> DayFigures:
    """Return the log's figures over all days: every call one observation, every agent of a day one shift."""
    return figure_day(
        Outcomes.join([day.log_outcomes for day in days]), [shift for day in days for shift in day.log_shifts]
    )


def pool_runs(days: Sequence[ReplayedDay], policy: int = 0) -> DayFigures:
    """Return a policy's figures over all days, as `pool_log` does the log's."""
    runs = [day.runs[policy] for day in days]
    return figure_day(Outcomes.join([run.outcomes for run in runs]), [shift for run in runs for shift in run.shifts])


def compare_days(days: Sequence[ReplayedDay]) -> dict[str, DayEstimates]:
    """Return each figure under the first and second policy, their difference in pairs of days, and the log's."""
    found = {}
    for name, metric in DAY_METRICS.items():
        a, b = ([metric.read(day.runs[policy].figures) for day in days] for policy in (0, 1))
        found[name] = DayEstimates(
            a=estimate(a),
            b=estimate(b),
            difference=estimate([None if x is None or y is None else y - x for x, y in zip(a, b, strict=True)]),
            log=estimate([metric.read(day.log) for day in days]),
        )
    return found
