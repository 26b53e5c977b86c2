"""The demo, short, from end to end: a real server in a process of its own, and figures that add up."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console

from router.cli.demo_figures import Scoreboard
from router.cli.demo_report import live_board, print_report
from router.cli.demo_result import DemoResult
from router.cli.demo_workload import LINES, make_plan
from router.cli.server_process import ServerFailed, serving
from router.engine.settings import MINUTE_US, SECOND_US

SECONDS = 240
SEED = 5


def run_demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "router.cli", "demo", "--seconds", str(SECONDS), "--seed", str(SEED), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def played() -> tuple[dict[str, Any], str]:
    """Play four minutes in a few seconds, and return the result with what went to stderr."""
    run = run_demo("--speed", "60", "--json")
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout), run.stderr


def test_every_call_is_accounted_for(played: tuple[dict[str, Any], str]) -> None:
    figures = played[0]["figures"]
    plan = make_plan(SEED, SECONDS * SECOND_US)
    assert figures["total"]["offered"] == len(plan.calls)
    for name, queue in [("all", figures["total"]), *figures["queues"].items()]:
        assert queue["offered"] == queue["answered"] + queue["abandoned"] + queue["refused"] + queue["waiting"], name
    assert figures["queues"].keys() == {line.queue for line in LINES}
    for line in LINES:
        expected = sum(call.enqueue.queue == line.queue for call in plan.calls)
        assert figures["queues"][line.queue]["offered"] == expected
    assert figures["total"]["answered"] > 0.8 * len(plan.calls)
    assert figures["offers"]["made"] >= figures["offers"]["accepted"] == figures["total"]["answered"]


def test_figures_are_in_range(played: tuple[dict[str, Any], str]) -> None:
    figures, engine = played[0]["figures"], played[0]["engine"]
    occupancy = figures["occupancy"]
    assert 0 <= occupancy["lowest"] <= occupancy["mean"] <= occupancy["highest"] <= 1
    assert 0 < occupancy["jain"] <= 1
    assert 0 <= figures["total"]["service_level"] <= 1
    assert figures["total"]["wait_mean_s"] <= figures["total"]["wait_p95_s"] <= SECONDS
    assert engine["decisions"] > 0
    assert engine["engine_us_per_decision"] > 0
    assert engine["rpc_p50_ms"] <= engine["rpc_p99_ms"]


def test_the_same_commands_give_the_same_assignments(played: tuple[dict[str, Any], str]) -> None:
    rerun = played[0]["rerun"]
    assert rerun["same"]
    assert rerun["assignments"] == played[0]["figures"]["total"]["answered"]


def test_one_decision_is_explained(played: tuple[dict[str, Any], str]) -> None:
    decision = played[0]["decision"]
    winner, runner_up = decision["winner"], decision["runner_up"]
    assert [term["name"] for term in winner["terms"]] == [term["name"] for term in runner_up["terms"]]
    assert winner["total_nano"] >= runner_up["total_nano"]
    for candidate in (winner, runner_up):
        parts = sum(term["contribution_nano"] for term in candidate["terms"])
        assert abs(candidate["total_nano"] - parts) <= len(candidate["terms"])


def test_progress_goes_to_stderr_and_the_report_can_be_printed(played: tuple[dict[str, Any], str]) -> None:
    assert re.search(r"server on 127\.0\.0\.1:\d+", played[1])
    result = msgspec.convert(played[0], DemoResult)
    console = Console(width=80, record=True, file=io.StringIO())
    print_report(console, result)
    text = console.export_text()
    for word in ("card loss", "in target", "p95 wait", "occupancy", "Jain", "per decision", "One decision", "total"):
        assert word in text
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_the_board_shows_every_queue() -> None:
    board = Scoreboard({line.queue: MINUTE_US for line in LINES}, MINUTE_US)
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(live_board(board, 15 * MINUTE_US, 60 * MINUTE_US))
    text = console.export_text()
    assert "11:45:00" in text
    assert all(label in text for label in ("card loss", "repayment", "loans", "complaints"))


def test_without_json_a_person_can_read_it() -> None:
    run = run_demo("--speed", "120")
    assert run.returncode == 0, run.stderr
    assert "The hour in figures" in run.stdout
    assert "One decision, explained" in run.stdout


def test_a_server_that_does_not_start_is_an_error_that_says_why(tmp_path: Path) -> None:
    config = tmp_path / "broken.toml"
    config.write_text("[queues.loans]\ntargte = '20s'\n")
    with pytest.raises(ServerFailed, match="targte"), serving(config):
        pass


@pytest.mark.parametrize("arguments", [("--seconds", "0"), ("--speed", "0"), ("--seed", "-1")])
def test_a_value_out_of_range_is_called_wrongly(arguments: tuple[str, ...]) -> None:
    run = run_demo(*arguments)
    assert run.returncode == 2
    assert arguments[0] in run.stderr
