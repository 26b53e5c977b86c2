"""How long does a recorded day take, and how long nine months of them? A day in under 0.1 s, nine months in under 10 s.

Method: the VANAD recordings, which are not part of this repository (ROUTER_DATA_DIR, default ../shared/data); skipped
where they are absent. Reading the files, learning from them and planning the days is Python's work and timed apart
from the replays, which run natively on one thread a core. The nine months hold by the clock or, where other work takes
the processor away, in the processor's time of all threads together, which is more than the clock's on a free machine.
What was timed is checked by counts of every day; a day's figures are held against the reference replay, command by
command, in tests/simulation.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.figures import goal, note
from router.config import with_preset
from router.engine import Settings
from router.simulation import (
    READERS,
    DayPlan,
    DayPlanner,
    DayRun,
    figure_recording,
    plan_day,
    read_log,
    replay_days,
    replay_settings,
    run_day,
)

DAYS = {"2014-03-12": (5_628, 17_052), "2014-05-26": (10_421, 31_006)}  # calls, and commands under seed 1
MONTHS = [f"calls_2014-{month:02d}.csv.gz" for month in range(1, 10)]
CALLS = {"calls_2014-05.csv.gz": 142_334}
ALL_DAYS, ALL_CALLS = 230, 1_180_901
DAY_S_MAX = 0.1
NINE_MONTHS_S_MAX = 10.0


def recording(name: str) -> Path:
    """Return a file of the recordings, or skip the benchmark."""
    folder = Path(os.environ.get("ROUTER_DATA_DIR") or Path(__file__).parents[2] / "shared" / "data")
    path = folder / "vanad" / name
    if not path.exists():
        pytest.skip(f"there is no recorded {name} here: set ROUTER_DATA_DIR to the folder of recorded days")
    return path


def balanced(plan: DayPlan) -> Settings:
    return with_preset(replay_settings(plan.types), "balanced")


@pytest.mark.parametrize("day", DAYS)
def test_a_day(benchmark: BenchmarkFixture, quick: bool, day: str) -> None:
    log = read_log(recording(f"vanad_day_{day}.csv"), READERS["vanad"])
    plan = plan_day(log, log.day())
    settings = balanced(plan)
    runs: list[DayRun] = []
    benchmark.group = "replay of a day"
    benchmark.pedantic(lambda: runs.append(run_day(plan, settings)), rounds=1 if quick else 10, warmup_rounds=1)
    calls, commands = DAYS[day]
    assert {(run.figures.calls.offered, run.commands) for run in runs} == {(calls, commands)}
    if quick:
        return
    best_s = benchmark.stats.stats.min
    figures = {"calls": calls, "commands": commands, "ms": 1000 * best_s, "calls/s": calls / best_s}
    note(benchmark, "replay-day", day, figures)
    goal(benchmark, f"Replay of a recorded day, {calls:,} calls", best_s, at_most=DAY_S_MAX, unit="s")
    assert best_s < DAY_S_MAX


class Spent(NamedTuple):
    """Time by what it was spent on: by the clock, and the processor's, of all threads."""

    clock_s: defaultdict[str, float]
    processor_s: defaultdict[str, float]

    @contextmanager
    def on(self, what: str) -> Iterator[None]:
        clock_s, processor_s = time.perf_counter(), time.process_time()
        yield
        self.clock_s[what] += time.perf_counter() - clock_s
        self.processor_s[what] += time.process_time() - processor_s


def test_months(benchmark: BenchmarkFixture, quick: bool) -> None:
    paths = [recording(name) for name in ([*CALLS] if quick else MONTHS)]
    benchmark.pedantic(lambda: replay_months(benchmark, paths, quick), rounds=1)


def replay_months(benchmark: BenchmarkFixture, paths: list[Path], quick: bool) -> None:
    spent = Spent(defaultdict(float), defaultdict(float))
    days = calls = commands = 0
    for path in paths:
        with spent.on("reading the files"):
            log = read_log(path, READERS["vanad"])
        with spent.on("learning"):
            planner = DayPlanner(log)
        with spent.on("planning and replaying"):
            found = list(replay_days(planner, log.days, [balanced]))
        with spent.on("the log's own figures"):
            recorded = [figure_recording(day) for day in log.days]
        assert [day.log for day in found] == recorded
        assert [day.runs[0].figures.calls.offered for day in found] == [len(day.calls) for day in log.days]
        assert all(day.runs[0].figures.calls.waiting == 0 for day in found)
        days += len(found)
        calls += sum(len(day.calls) for day in log.days)
        commands += sum(day.runs[0].commands for day in found)
    assert (days, calls) == ((26, CALLS["calls_2014-05.csv.gz"]) if quick else (ALL_DAYS, ALL_CALLS))
    assert commands > 2 * calls
    if quick:
        return
    total_s, processor_s = (times["learning"] + times["planning and replaying"] for times in spent)
    for what, seconds in spent.clock_s.items():
        figures = {"s": seconds, "s of the processor": spent.processor_s[what]}
        note(benchmark, "replay-months", what, figures)
    best_s = min(total_s, processor_s)
    goal(benchmark, f"Replay of {days} days, {calls:,} calls", best_s, at_most=NINE_MONTHS_S_MAX, unit="s")
    assert min(total_s, processor_s) < NINE_MONTHS_S_MAX
