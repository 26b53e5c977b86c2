"""Goal: `skill-router replay` of several days and under two policies prints what it promises, and refuses nonsense."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from router.cli.replay import command
from router.fairness import Checker, Point, Report, Violation
from tests.simulation.logs import REPOSITORY, make_rows, write_log

DAYS = ["2024-03-04", "2024-03-05", "2024-03-06"]


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


@pytest.fixture
def log(tmp_path: Path) -> Path:
    rows = [row for number, day in enumerate(DAYS) for row in make_rows(number, 80, day)]
    return write_log(tmp_path / "calls.csv", rows)


def config_with(folder: Path, text: str = "", name: str = "router.toml") -> Path:
    path = folder / name
    path.write_text(text + "".join(f"[queues.type-{kind}]\nskills = {{ type-{kind} = 1 }}\n" for kind in range(3)))
    return path


def test_every_day_gets_a_line_and_all_together_a_table(log: Path) -> None:
    result = invoke(log, "--all-days")
    assert result.exit_code == 0, result.output
    assert "3 days, 2024-03-04 to 2024-03-06, under preset balanced, seed 1" in result.stdout
    for day in DAYS:
        line = next(line for line in result.stdout.splitlines() if line.strip().startswith(day))
        assert line.count("%") == 6, line
        assert line.count(" s ") == 2, line
    assert re.search(r"calls offered +│ +240 │ +240", result.stdout)
    assert "All days together" in result.stdout
    assert "not checked (--check does)" in result.stdout
    assert result.stderr == ""


def test_json_has_every_day_as_if_alone(log: Path) -> None:
    result = invoke(log, "--all-days", "--json", "--preset", "fcfs-longest-idle", "--seed", 4, "--ring", 2)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["files"] == [str(log)]
    assert found["policies"] == {"policy": {"config": None, "preset": "fcfs-longest-idle"}}
    assert (found["skill_calls_min"], found["seed"], found["ring_us"]) == ([20], 4, 2_000_000)
    assert [(day["day"], day["file"]) for day in found["days"]] == [(day, str(log)) for day in DAYS]
    options = ["--json", "--preset", "fcfs-longest-idle", "--seed", 4, "--ring", 2]
    for day in found["days"]:
        alone = json.loads(invoke(log, "--day", day["day"], *options).stdout)
        assert day["policy"]["figures"] == alone["policy"]
        assert day["log"] == alone["log"]
        assert (day["policy"]["events"], day["policy"]["engine"]) == (alone["events"], alone["engine"])
    assert found["pooled"]["policy"]["calls"]["offered"] == found["pooled"]["log"]["calls"]["offered"] == 240
    assert found["warnings"] == []


def test_chosen_days_and_several_files(log: Path, tmp_path: Path) -> None:
    other = write_log(tmp_path / "other.csv", make_rows(9, 60, "2024-04-01"))
    found = json.loads(invoke(log, other, "--day", DAYS[1], "--day", "2024-04-01", "--json").stdout)
    assert [(day["file"], day["day"]) for day in found["days"]] == [(str(log), DAYS[1]), (str(other), "2024-04-01")]
    assert found["skill_calls_min"] == [2, 20]
    everything = json.loads(invoke(log, other, "--all-days", "--json").stdout)
    assert [day["day"] for day in everything["days"]] == [*DAYS, "2024-04-01"]
    one_file = json.loads(invoke(other, "--json").stdout)
    assert everything["days"][3]["policy"]["figures"] == one_file["policy"]


def test_output_does_not_depend_on_threads(log: Path) -> None:
    outputs = {invoke(log, "--all-days", "--json", "--threads", threads).stdout for threads in (1, 2, 4)}
    assert len(outputs) == 1
    assert invoke(log, "--all-days").stdout == invoke(log, "--all-days", "--threads", 1).stdout


def test_the_progress_bar_stays_out_of_the_output(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = invoke(log, "--all-days", "--json").stdout
    monkeypatch.setattr("router.cli.progress.PROGRESS_AFTER_S", -1.0)
    assert invoke(log, "--all-days", "--json").stdout == plain


def test_a_comparison_shows_both_their_difference_and_the_log(log: Path) -> None:
    result = invoke(log, "--all-days", "--compare-preset", "fcfs-longest-idle")
    assert result.exit_code == 0, result.output
    for expected in (
        "A  preset balanced",
        "B  preset fcfs-longest-idle",
        "B − A",
        "the log",
        "Student's t",
        "By type of call",
    ):
        assert expected in result.stdout, expected
    offered = next(line for line in result.stdout.splitlines() if "calls offered" in line)
    assert offered.split()[2:] == ["80", "80", "+0", "±0", "80"]


def test_a_comparison_in_json_is_paired_and_meets_the_same_callers(log: Path, tmp_path: Path) -> None:
    other = config_with(tmp_path, "[queue_defaults]\nwaiting_max = 1\n", "other.toml")
    arguments = [log, "--all-days", "--config", config_with(tmp_path), "--compare", other, "--json", "--check"]
    result = invoke(*arguments)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert [found["policies"][side]["config"][-11:] for side in "ab"] == ["router.toml"[-11:], "/other.toml"[-11:]]
    for name in ("refused", "wait_all_mean_us", "occupancy"):
        figure = found["figures"][name]
        pairs = [b - a for a, b in zip(figure["a"]["values"], figure["b"]["values"], strict=True)]
        assert figure["difference"]["values"] == pairs
        assert figure["difference"]["low"] <= figure["difference"]["mean"] <= figure["difference"]["high"]
        assert len(pairs) == 3
    assert found["figures"]["refused"]["unit"] == "count"
    assert found["figures"]["refused"]["difference"]["mean"] > 0
    assert found["figures"]["offered"]["difference"]["values"] == [0, 0, 0]
    for day in found["days"]:
        assert day["a"]["figures"]["calls"]["offered"] == day["b"]["figures"]["calls"]["offered"]
        assert day["a"]["fairness"]["holds"] is day["b"]["fairness"]["holds"] is True
    only_b = json.loads(invoke(log, "--all-days", "--config", other, "--json").stdout)
    assert [day["policy"]["figures"] for day in only_b["days"]] == [day["b"]["figures"] for day in found["days"]]


def test_a_comparison_of_one_day_has_no_interval(log: Path) -> None:
    result = invoke(log, "--day", DAYS[0], "--compare-preset", "most-skilled")
    assert result.exit_code == 0, result.output
    assert "One day: no intervals" in result.stdout
    assert "±" not in result.stdout
    found = json.loads(invoke(log, "--day", DAYS[0], "--compare-preset", "most-skilled", "--json").stdout)
    difference = found["figures"]["wait_all_mean_us"]["difference"]
    assert (difference["low"], difference["high"], len(difference["values"])) == (None, None, 1)


def test_the_second_policy_has_the_first_ones_config_if_it_names_none(log: Path, tmp_path: Path) -> None:
    config = config_with(tmp_path, "[queue_defaults]\nwaiting_max = 1\n")
    arguments = [log, "--all-days", "--config", config, "--compare-preset", "most-skilled", "--json"]
    found = json.loads(invoke(*arguments).stdout)
    assert found["policies"]["b"] == {"config": str(config), "preset": "most-skilled"}
    assert found["figures"]["refused"]["b"]["mean"] > 0


def test_a_config_is_refused_before_anything_runs(log: Path, tmp_path: Path) -> None:
    short = tmp_path / "short.toml"
    short.write_text("[queues.type-0]\n[queues.type-1]\n")
    result = invoke(log, "--all-days", "--compare", short)
    assert result.exit_code == 1
    assert f"{short}: queues are missing for calls of 2024-03-04: type-2" in result.stderr
    assert result.stdout == ""
    short.write_text("[queues.type-0]\nno_such_key = 1\n")
    result = invoke(log, "--all-days", "--compare", short)
    assert result.exit_code == 1
    assert "short.toml:2" in result.stderr


def test_settings_too_small_for_a_day_are_named(log: Path, tmp_path: Path) -> None:
    result = invoke(log, "--all-days", "--config", config_with(tmp_path, "[engine]\nagents_max = 2\n"))
    assert result.exit_code == 1
    assert re.search("Error: the settings do not fit the day: .*agents", result.stderr.replace("AGENTS", "agents"))
    assert result.stdout == ""


def test_a_broken_file_among_good_ones_is_named(log: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.csv"
    broken.write_text("day,t_arr\n")
    result = invoke(log, broken, "--all-days")
    assert result.exit_code == 1
    assert "broken.csv:1: columns are missing" in result.stderr
    assert result.stdout == ""


def test_unanswered_types_are_warned_of_for_each_side(log: Path, tmp_path: Path) -> None:
    config = tmp_path / "router.toml"
    config.write_text("[queues.type-0]\nskills = { nobody = 1 }\n[queues.type-1]\n[queues.type-2]\n")
    result = invoke(log, "--all-days", "--compare", config)
    assert result.exit_code == 0, result.output
    assert "Warning: no call of type 0 was answered under B" in result.stderr
    assert "under A" not in result.stderr


def test_a_broken_contract_ends_with_1_and_says_on_which_day(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Strict(Checker):
        def report(self) -> Report:
            found = super().report()
            assert found.calls == 80
            violation = Violation(point=Point.RULES, sequence=7, time_us=0, calls=(), agents=(), sentence="it broke")
            return msgspec.structs.replace(found, violations=(violation,), violation_counts={Point.RULES: 1})

    monkeypatch.setattr("router.simulation.recorded.day_run.Checker", Strict)
    assert invoke(log, "--all-days").exit_code == 0
    result = invoke(log, "--all-days", "--check", "--compare-preset", "most-skilled")
    assert result.exit_code == 1
    for day in DAYS:
        assert f"{day} under A:" in result.stdout
        assert f"{day} under B:" in result.stdout
    assert "command 7: it broke" in result.stdout
    assert "holds" not in result.stdout


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("options", [["--day", DAYS[0]], ["--all-days"]])
def test_an_interruption_ends_with_130_and_a_word(
    log: Path, options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("router.simulation.recorded.day_plan.midnight_us", lambda _: signal.raise_signal(signal.SIGINT))
    result = invoke(log, *options)
    assert result.exit_code == 130
    assert result.stdout == ""
    assert result.stderr == "Interrupted: the replay was stopped, and there is nothing to report.\n"


def test_wrong_usage_exits_2(log: Path, tmp_path: Path) -> None:
    other = write_log(tmp_path / "other.csv", make_rows(9, 60, "2024-04-01"))
    for arguments, expected in [
        ([log, other], "--day or --all-days"),
        ([log, "--all-days", "--day", DAYS[0]], "exclude each other"),
        ([log, "--all-days", "--restore-at", 5], "--restore-at is for one day"),
        ([log, "--day", DAYS[0], "--compare-preset", "balanced", "--restore-at", 5], "--restore-at is for one day"),
        ([log, "--compare-preset", "balanced"], "or --all-days"),
        ([log, "--day", DAYS[0], "--day", "2024-03-09"], "2024-03-09 not in the log"),
        ([log, other, "--day", "2024-05-01"], "2024-05-01 not in the log"),
        ([log, "--all-days", "--threads", 0], "threads"),
        ([log, "--all-days", "--compare-preset", "best"], "compare-preset"),
    ]:
        result = invoke(*arguments)
        assert result.exit_code == 2, (arguments, result.output)
        assert expected in " ".join(re.sub(r"[│╭╮╰╯─]", " ", result.stderr).split()), arguments
        assert result.stdout == ""


def test_the_config_of_the_docs_replays_the_invented_day(tmp_path: Path) -> None:
    page = (REPOSITORY / "docs" / "replay.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"^```toml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    config = tmp_path / "other.toml"
    config.write_text(text, encoding="utf-8")
    result = invoke(REPOSITORY / "examples" / "day.csv", "--compare", config)
    assert result.exit_code == 0, result.output
    mean_wait = next(line for line in result.stdout.splitlines() if line.startswith(" mean wait of all"))
    assert "+0.0 s" not in mean_wait  # the weight that the config tries makes a difference
