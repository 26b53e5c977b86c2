"""Goal: several days come out as each of them alone, in order, and two policies meet the same days."""

from __future__ import annotations

import statistics
from pathlib import Path

import msgspec
import numpy as np
import pytest
from scipy import stats

from router.config import with_preset
from router.engine.settings import Settings
from router.simulation import (
    DAY_METRICS,
    READERS,
    AgentBehaviour,
    DayPlan,
    DayPlanner,
    End,
    Ledger,
    Log,
    Replay,
    ReplayedDay,
    ReplayError,
    compare_days,
    figure_recording,
    pool_log,
    pool_runs,
    read_log,
    replay_days,
    replay_settings,
)
from tests.simulation.logs import make_rows, write_log

DAYS = ["2024-03-04", "2024-03-05", "2024-03-06"]


@pytest.fixture
def log(tmp_path: Path) -> Log:
    rows = [row for number, day in enumerate(DAYS) for row in make_rows(number, 90 + 20 * number, day)]
    return read_log(write_log(tmp_path / "calls.csv", rows), READERS["vanad"])


def plain(plan: DayPlan) -> Settings:
    return replay_settings(plan.types)


def skilled(plan: DayPlan) -> Settings:
    return with_preset(plain(plan), "most-skilled")


def crowded(plan: DayPlan) -> Settings:
    """Nobody but the first in line may wait."""
    queues = {name: msgspec.structs.replace(queue, waiting_max=1) for name, queue in plain(plan).queues.items()}
    return Settings(queues=queues)


def replay(log: Log, *policies: object, threads: int = 2, check: bool = False) -> list[ReplayedDay]:
    planner = DayPlanner(log, skill_calls_min=2)
    return list(replay_days(planner, log.days, policies, seed=3, threads=threads, check=check))  # type: ignore[arg-type]


def test_each_day_is_as_if_alone(log: Log) -> None:
    planner = DayPlanner(log, skill_calls_min=2)
    found = replay(log, plain, crowded)
    assert [day.day for day in found] == DAYS
    for day, recorded in zip(found, log.days, strict=True):
        plan = planner.plan(recorded, seed=3)
        for run, policy in zip(day.runs, (plain, crowded), strict=True):
            alone, ledger = Replay(plan, policy(plan), behaviour=AgentBehaviour(seed=3)), Ledger(plan)
            for happening in alone.run():
                ledger.observe(happening.time_us, happening.command, happening.events)
            assert run.figures == ledger.figures()
            assert run.shifts == tuple(ledger.shifts())
            assert run.outcomes.ends.tolist() == ledger.outcomes().ends.tolist()
            assert run.outcomes.waited_us.tolist() == ledger.outcomes().waited_us.tolist()
            assert run.events == alone.event_hash.events
            assert run.engine == alone.statistics()
            assert run.commands == alone.engine.sequence
        assert day.log == figure_recording(recorded)
    assert found[0].runs[1].figures.calls.refused > 0


def test_the_number_of_threads_changes_nothing(log: Log) -> None:
    one, three = (replay(log, plain, skilled, threads=threads) for threads in (1, 3))
    for a, b in zip(one, three, strict=True):
        assert [run.figures for run in a.runs] == [run.figures for run in b.runs]
        assert [run.engine for run in a.runs] == [run.engine for run in b.runs]


def test_a_check_says_whether_the_contract_held(log: Log) -> None:
    checked, unchecked = replay(log, plain, check=True), replay(log, plain)
    for a, b in zip(checked, unchecked, strict=True):
        report = a.runs[0].fairness
        assert report is not None
        assert report.ok, report.summary()
        assert report.assignments == a.runs[0].figures.calls.answered > 50
        assert b.runs[0].fairness is None
        assert a.runs[0].figures == b.runs[0].figures


def test_all_days_together_weigh_calls_alike(log: Log) -> None:
    found = replay(log, plain)
    pooled, recorded = pool_runs(found), pool_log(found)
    assert pooled.calls.offered == recorded.calls.offered == sum(len(day.calls) for day in log.days)
    outcomes = [day.runs[0].outcomes for day in found]
    waits = np.concatenate([one.waited_us[one.ends == End.ANSWERED] for one in outcomes])
    assert pooled.calls.wait_answered_mean_us == pytest.approx(float(waits.mean()))
    assert recorded.calls.answered == sum(day.log.calls.answered for day in found)
    assert recorded.agents == 6


def test_the_difference_is_paired_by_day(log: Log) -> None:
    found = compare_days(replay(log, plain, crowded))
    assert list(found) == list(DAY_METRICS)
    waits = found["wait_all_mean_us"]
    pairs = [b - a for a, b in zip(waits.a.values, waits.b.values, strict=True) if a is not None and b is not None]
    assert len(pairs) == 3
    assert waits.difference.mean == pytest.approx(statistics.fmean(pairs))
    low, high = stats.t.interval(0.95, 2, statistics.fmean(pairs), stats.sem(pairs))
    assert (waits.difference.low, waits.difference.high) == pytest.approx((low, high))
    assert found["offered"].difference.values == (0, 0, 0)
    assert found["refused"].difference.mean is not None
    assert found["refused"].difference.mean > 0
    assert waits.log.values == tuple(figure_recording(day).calls.wait_all_mean_us for day in log.days)


def test_the_same_policy_twice_differs_in_nothing(log: Log) -> None:
    for name, found in compare_days(replay(log, skilled, skilled)).items():
        assert set(found.difference.values) <= {0, None}, name


def test_settings_that_do_not_fit_stop_the_replay(log: Log) -> None:
    def narrow(plan: DayPlan) -> Settings:
        return msgspec.structs.replace(plain(plan), agents_max=2)

    with pytest.raises(ReplayError, match="agents"):
        replay(log, plain, narrow)
    with pytest.raises(ValueError, match="lack queues of the day: type-0"):
        replay(log, lambda plan: Settings())
