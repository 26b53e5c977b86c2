"""Goal: the real days have the known figures, replay whole and fair, and hash the same in every process.

They are skipped where the recordings are not at hand.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from router.config import DEFAULT_PRESET, with_preset
from router.fairness import Checker
from router.simulation import (
    READERS,
    Ledger,
    Replay,
    busiest_minutes,
    figure_recording,
    plan_day,
    read_log,
    replay_settings,
)
from tests.simulation.logs import REPOSITORY, recorded_data

SECOND = 1_000_000
DAYS = ["2014-03-12", "2014-05-26"]


@pytest.mark.parametrize(
    ("day", "calls", "abandoned", "agents", "within", "mean_wait_s"),
    [("2014-03-12", 5_628, 0.0165, 93, 0.836, 13.9), ("2014-05-26", 10_421, 0.2065, 113, 0.121, 201.3)],
)
def test_the_recorded_figures(
    day: str, calls: int, abandoned: float, agents: int, within: float, mean_wait_s: float
) -> None:
    log = read_log(recorded_data(f"vanad_day_{day}.csv"), READERS["vanad"])
    figures = figure_recording(log.day())
    assert (figures.calls.offered, figures.agents) == (calls, agents)
    assert figures.calls.abandoned_share == pytest.approx(abandoned, abs=0.00005)
    assert figures.calls.answered_within_share == pytest.approx(within, abs=0.0005)
    assert figures.calls.wait_answered_mean_us == pytest.approx(mean_wait_s * SECOND, abs=0.05 * SECOND)


def test_the_evenness_of_the_recorded_day() -> None:
    log = read_log(recorded_data("vanad_day_2014-03-12.csv"), READERS["vanad"])
    assert figure_recording(log.day()).jain_index == pytest.approx(0.968, abs=0.0015)


@pytest.mark.parametrize("day", DAYS)
def test_every_answered_type_has_an_agent(day: str) -> None:
    log = read_log(recorded_data(f"vanad_day_{day}.csv"), READERS["vanad"])
    plan = plan_day(log, log.day())
    served = {kind for agent in plan.agents for kind in agent.types}
    assert served >= {call.type for call in log.day().calls if call.agent}
    assert all(agent.types for agent in plan.agents)


@pytest.mark.parametrize("day", DAYS)
def test_the_day_replays_fairly_and_a_restore_changes_nothing(day: str) -> None:
    log = read_log(recorded_data(f"vanad_day_{day}.csv"), READERS["vanad"])
    plan = plan_day(log, log.day())
    rules = with_preset(replay_settings(plan.types), DEFAULT_PRESET)
    replay, ledger, checker = Replay(plan, rules), Ledger(plan), Checker()
    for happening in replay.run():
        ledger.observe(happening.time_us, happening.command, happening.events)
        checker.observe(happening.time_us, happening.command, happening.events)
    report = checker.report()
    assert report.ok, report.summary()
    calls = ledger.figures().calls
    assert calls.offered == calls.answered + calls.abandoned == len(plan.calls)
    middle = replay.engine.sequence // 2
    restored = Replay(plan, rules, restore_at=[middle // 2, middle, middle + middle // 3])
    for _ in restored.run():
        pass
    assert restored.event_hash.hexdigest() == replay.event_hash.hexdigest()


@pytest.mark.parametrize("day", DAYS)
def test_the_command_prints_the_same_hash_in_three_processes(day: str) -> None:
    path = recorded_data(f"vanad_day_{day}.csv")
    hashes = set()
    for arguments in ([], ["--restore-at", "7777"], ["--restore-at", "100", "--restore-at", "12000"]):
        done = subprocess.run(
            [sys.executable, "-m", "router.cli", "replay", str(path), "--json", "--no-check", *arguments],
            capture_output=True,
            text=True,
            check=True,
            cwd=REPOSITORY,
        )
        assert done.stderr == ""
        hashes.add(json.loads(done.stdout)["event_hash"])
    assert len(hashes) == 1


def test_the_busiest_ten_minutes() -> None:
    log = read_log(recorded_data("vanad_day_2014-05-26.csv"), READERS["vanad"])
    plan = plan_day(log, log.day())
    window = busiest_minutes(plan, 10)
    part = plan.between(window.from_us, window.until_us)
    assert len(part.calls) == window.calls == 309
    assert len(part.agents) > 80


def test_a_month_is_read_and_one_day_chosen() -> None:
    log = read_log(recorded_data("calls_2014-05.csv.gz"), READERS["vanad"])
    whole_day = read_log(recorded_data("vanad_day_2014-05-26.csv"), READERS["vanad"]).day()
    chosen = log.day("2014-05-26")
    assert [(call.arrived_us, call.type, call.agent, call.waited_us) for call in chosen.calls] == [
        (call.arrived_us, call.type, call.agent, call.waited_us) for call in whole_day.calls
    ]
    plan = plan_day(log, chosen)
    assert plan.skill_calls_min == 20
    served = {kind for agent in plan.agents for kind in agent.types}
    assert served >= {call.type for call in chosen.calls if call.agent}
