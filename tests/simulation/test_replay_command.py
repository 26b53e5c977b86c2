"""Goal: `skill-router replay` prints what it promises and tells scripts the truth by its exit code."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from router.cli.main import main
from router.cli.replay import command
from tests.simulation.logs import REPOSITORY, make_rows, write_log


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return write_log(tmp_path / "calls.csv", make_rows(1))


def test_tables_show_both_sides_the_verdict_and_the_hash(log: Path) -> None:
    result = invoke(log)
    assert result.exit_code == 0, result.output
    for expected in ("our policy", "the log", "abandoned, of all", "Fairness contract: holds", "preset balanced"):
        assert expected in result.stdout
    assert re.search(r"Event hash: [0-9a-f]{64} ", result.stdout)
    assert "docs/replay.md" in result.stdout


def test_json_is_pure_and_complete(log: Path) -> None:
    result = invoke(log, "--json", "--preset", "fcfs-longest-idle", "--seed", 5)
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found["preset"] == "fcfs-longest-idle"
    assert found["seed"] == 5
    assert found["fairness"]["holds"] is True
    assert found["log"]["calls"]["offered"] == found["policy"]["calls"]["offered"] == 150
    assert found["engine"]["decisions"] > 0
    assert set(found["policy"]["by_type"]) == {"0", "1", "2"}
    assert found["warnings"] == []


def test_output_is_the_same_every_time(log: Path) -> None:
    assert invoke(log, "--json").stdout == invoke(log, "--json").stdout
    assert invoke(log).stdout == invoke(log).stdout


def test_seed_and_ring_change_the_day(log: Path) -> None:
    hashes = {
        json.loads(invoke(log, "--json", "--no-check", *options).stdout)["event_hash"]
        for options in ([], ["--seed", 2], ["--ring", 0], ["--skill-calls-min", 11])
    }
    assert len(hashes) == 4


def test_the_progress_bar_stays_out_of_the_output(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = invoke(log, "--json").stdout
    monkeypatch.setattr("router.cli.progress.PROGRESS_AFTER_S", -1.0)
    assert invoke(log, "--json").stdout == plain


def test_no_check_says_so(log: Path) -> None:
    assert "Fairness contract: not checked" in invoke(log, "--no-check").stdout
    assert json.loads(invoke(log, "--no-check", "--json").stdout)["fairness"] is None


def config_with(folder: Path, *kinds: int, requirement: str = "") -> Path:
    path = folder / "router.toml"
    path.write_text("\n".join(f"[queues.type-{kind}]\n{requirement}" for kind in kinds))
    return path


def test_a_config_needs_a_queue_for_every_type(log: Path, tmp_path: Path) -> None:
    result = invoke(log, "--config", config_with(tmp_path, 0, 1))
    assert result.exit_code == 1
    assert "queues are missing for calls of 2024-03-04: type-2" in result.output
    assert "such as [queues.type-2]" in result.output
    result = invoke(log, "--config", config_with(tmp_path, 0, 1, 2), "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["config"].endswith("router.toml")


def test_a_broken_config_is_refused(log: Path, tmp_path: Path) -> None:
    path = tmp_path / "router.toml"
    path.write_text("[queues.type-1]\nno_such_key = 1\n")
    result = invoke(log, "--config", path)
    assert result.exit_code == 1
    assert "router.toml:2" in result.output


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("day,t_arr\n", r"calls.csv:1: columns are missing: type"),
        ("day,t_arr,type,agent,t_ans,t_rel,t_end\n2024-03-04,100\n", r"calls.csv:2: the row is torn"),
        ("day,t_arr,type,agent,t_ans,t_rel,t_end\n2024-03-04,1,1,-1,-1,-1,2\n", r"no answered call"),
    ],
)
def test_a_broken_log_exits_1_with_one_error(tmp_path: Path, content: str, expected: str) -> None:
    path = tmp_path / "calls.csv"
    path.write_text(content)
    result = invoke(path)
    assert result.exit_code == 1
    assert re.search(expected, result.stderr)
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_wrong_usage_exits_2(log: Path, tmp_path: Path) -> None:
    two_days = write_log(tmp_path / "two.csv", [*make_rows(1, 20), *make_rows(2, 20, day="2024-03-05")])
    for arguments in ([two_days], [log, "--day", "2024-03-09"], [log, "--preset", "best"], [tmp_path / "none.csv"], []):
        assert invoke(*arguments).exit_code == 2, arguments
    assert "2024-03-04, 2024-03-05" in invoke(two_days).output
    assert invoke(two_days, "--day", "2024-03-05").exit_code == 0


def test_a_restore_after_the_last_command_is_refused(log: Path) -> None:
    last = json.loads(invoke(log, "--json").stdout)["engine"]["commands"]
    assert invoke(log, "--restore-at", last).exit_code == 0
    result = invoke(log, "--restore-at", 1, "--restore-at", last + 1)
    assert result.exit_code == 1
    assert f"Error: --restore-at {last + 1}: the day has {last:,} commands" in result.stderr
    assert result.stdout == ""


def test_the_example_day_is_what_its_script_makes_and_replays() -> None:
    examples = REPOSITORY / "examples"
    made = subprocess.run(
        [sys.executable, examples / "make_day.py"], capture_output=True, text=True, timeout=60, check=True
    )
    assert (examples / "day.csv").read_text(encoding="utf-8") == made.stdout
    found = json.loads(invoke(examples / "day.csv", "--json").stdout)
    assert found["log"]["calls"]["offered"] == 200
    assert found["fairness"]["holds"] is True


def test_help_teaches() -> None:
    result = CliRunner().invoke(main, ["replay", "--help"])
    assert result.exit_code == 0
    for expected in ("--config", "--preset", "--day", "--seed", "--json", "--no-check", "Exit code"):
        assert expected in result.stdout


def test_every_option_is_documented() -> None:
    text = (REPOSITORY / "docs" / "replay.md").read_text(encoding="utf-8")
    for parameter in command.params:
        for name in parameter.opts:
            if name.startswith("--") and name != "--help":
                assert f"`{name}" in text, name
