"""Goal: `skill-router evaluate-wait` scores what it promises and says what is wrong with its input.

Method: made-up logs, with the scores counted anew where that is simple.
"""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from router.cli import evaluate_wait_run
from router.cli.evaluate_wait import command
from tests.simulation.logs import make_rows, write_log

TRAIN = [f"2024-03-0{day}" for day in range(1, 9)]  # with over 500 answers: the correction is in use
SCORED = ["2024-03-09", "2024-03-10"]
LATER = "2024-03-11"
QUICK = ("--futures", 20, "--training-futures", 10)
FORECASTS = ["ours", "les", "hol", "average_les", "average_same_length", "mean_by_type"]


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def days_of(days: list[str]) -> list[str]:
    return [row for day in days for row in make_rows(int(day[-2:]), 220, day)]


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("logs")
    return write_log(folder / "scored.csv", days_of(SCORED)), write_log(folder / "train.csv", days_of(TRAIN))


@pytest.fixture(scope="module")
def found(logs: tuple[Path, Path]) -> dict[str, object]:
    scored, train = logs
    result = invoke(scored, "--train", train, *QUICK, "--json")
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


def test_json_has_every_score_on_the_same_calls(found: dict, logs: tuple[Path, Path]) -> None:  # type: ignore[type-arg]
    rows = [row.split(",") for row in days_of(SCORED)]
    waited = [int(row[4]) - int(row[1]) for row in rows if row[4] != "-1"]
    long = [wait for wait in waited if wait > 1]
    assert found["files"] == [str(logs[0])]
    assert found["train_files"] == [str(logs[1])]
    assert (found["trained_days"], found["scored_days"]) == (TRAIN, SCORED)
    assert found["calls"] == {"arrived": 440, "answered": len(waited), "gave_up": 440 - len(waited)}
    assert sorted(found["big_types"]) == ["0", "1", "2"]
    assert (
        list(found["served"])
        == list(found["censored"])
        == ["big types", "all types", *(f"type {n}" for n in found["big_types"])]
    )
    for name in ("big types", "all types"):
        group = found["served"][name]
        assert group["calls"] == len(long)
        assert group["mean_wait_s"] == pytest.approx(sum(long) / len(long))
        assert list(group["forecasts"]) == FORECASTS
        for forecast in FORECASTS:
            assert group["forecasts"][forecast]["rmse_share"] > 0
        for forecast in ("ours", "les"):
            scores = group["forecasts"][forecast]
            assert list(scores["pinball_s"]) == ["0.1", "0.5", "0.9"]
            assert 0 <= scores["coverage"] <= 1
    by_type = [found["served"][f"type {kind}"]["calls"] for kind in "012"]
    assert sum(by_type) == len(long)
    assert sum(found["methods"].values()) == len(long)
    assert found["shadow"]["assigned"] == len(long)
    assert found["creep"]["updates"] > 0
    assert (found["futures"], found["training_futures"], found["estimated_days"]) == (20, 10, 90)


def test_estimates_beat_what_knows_less(found: dict) -> None:  # type: ignore[type-arg]
    errors = {name: each["mae_s"] for name, each in found["served"]["big types"]["forecasts"].items()}
    assert errors["ours"] < min(errors[name] for name in FORECASTS[1:])
    assert list(found["methods"]) == ["corrected"]


def test_the_mean_by_type_is_that_of_the_training(found: dict) -> None:  # type: ignore[type-arg]
    rows = [row.split(",") for row in days_of(TRAIN)]
    waits = [int(row[4]) - int(row[1]) for row in rows if row[4] != "-1" and row[2] == "1"]
    long = [wait for wait in waits if wait > 1]
    score = found["served"]["type 1"]
    bias = score["forecasts"]["mean_by_type"]["bias_s"]
    assert bias + score["mean_wait_s"] == pytest.approx(sum(long) / len(long))


def test_the_same_arguments_give_the_same_output_whatever_the_order_and_the_threads(
    found: dict,  # type: ignore[type-arg]
    logs: tuple[Path, Path],
    tmp_path: Path,
) -> None:
    files = [write_log(tmp_path / f"{day}.csv", make_rows(int(day[-2:]), 220, day)) for day in [*TRAIN, *SCORED]]
    late, early = files[8:][::-1], files[:8][::-1]
    result = invoke(*late, "--threads", 3, *QUICK, "--json", "--train", *early)
    again = json.loads(result.stdout)
    named = ("files", "train_files")
    assert {key: each for key, each in again.items() if key not in named} == {
        key: each for key, each in found.items() if key not in named
    }


def test_text_says_the_same(found: dict, logs: tuple[Path, Path]) -> None:  # type: ignore[type-arg]
    result = invoke(logs[0], "--train", logs[1], *QUICK)
    assert result.exit_code == 0, result.output
    ours = found["served"]["big types"]["forecasts"]["ours"]
    (line,) = (line for line in result.stdout.splitlines()[:10] if line.startswith("skill-router"))
    for value in (f"{100 * ours['rmse_share']:.1f} %", f"{ours['mae_s']:.1f} s", f"{100 * ours['coverage']:.1f} %"):
        assert value in line
    for name in ("LES", "HOL", "Avg-LES(10)", "AvgC(10)", "mean by type", "censored", "type 0"):
        assert name in result.stdout
    assert result.stderr == ""


def test_chosen_days_are_scored_and_earlier_ones_learnt_from(found: dict, tmp_path: Path) -> None:  # type: ignore[type-arg]
    everything = write_log(tmp_path / "all.csv", days_of([*TRAIN, *SCORED, LATER]))
    result = invoke(everything, "--days", f"{SCORED[0]}..{SCORED[1]}", *QUICK, "--json")
    assert result.exit_code == 0, result.output
    again = json.loads(result.stdout)
    for key in ("trained_days", "scored_days", "served", "censored", "creep"):
        assert again[key] == found[key], key
    alone = json.loads(invoke(everything, "--days", TRAIN[1], *QUICK, "--json").stdout)
    assert (alone["trained_days"], alone["scored_days"]) == (TRAIN[:1], TRAIN[1:2])


def test_without_training_it_learns_as_it_goes(logs: tuple[Path, Path]) -> None:
    found = json.loads(invoke(logs[0], *QUICK, "--json").stdout)
    assert found["trained_days"] == []
    assert found["served"]["big types"]["forecasts"]["ours"]["mae_s"] > 0


def test_plots(logs: tuple[Path, Path], tmp_path: Path) -> None:
    folder = tmp_path / "new" / "plots"
    result = invoke(logs[0], "--futures", 5, "--plot", folder)
    assert result.exit_code == 0, result.output
    names = ["calibration.png", "day.png", "waits.png"]
    assert sorted(path.name for path in folder.iterdir()) == names
    assert [line for line in result.stderr.splitlines() if line.startswith("wrote")] == [
        f"wrote {folder / name}" for name in names
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["{scored}", "--train", "{scored}"], 1, "day 2024-03-09 is in"),
        (["{train}", "--train", "{scored}"], 1, "that would be learning from the future"),
        (
            ["{scored}", "--days", "2024-04-01"],
            2,
            "no day of CALLS is in 2024-04-01..2024-04-01; they are from 2024-03-09",
        ),
        (["{scored}", "--days", "yesterday"], 2, "'yesterday' is no day or range of days; 2014-08-01 or"),
        (["{scored}", "--days", "2024-03-08..2024-03-07"], 2, "the last day is before the first"),
        (["--train", "{train}", "{scored}"], 2, "Missing argument"),
        (["{scored}", "--train"], 2, "Option '--train' requires an argument"),
        (["{scored}", "--futures", "0"], 2, "0 is not in the range"),
        (["nowhere.csv"], 2, "does not exist"),
        ([], 2, "Missing argument"),
    ],
)
def test_what_is_wrong_is_said(
    arguments: list[str], code: int, said: str, logs: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    names = {"scored": logs[0], "train": logs[1]}
    result = invoke(*(argument.format(**names) for argument in arguments))
    assert result.exit_code == code, result.output
    assert said in " ".join(result.output.replace("│", " ").split())
    assert "Traceback" not in result.output


def test_a_torn_log_and_one_without_waits_are_refused(tmp_path: Path) -> None:
    torn = write_log(tmp_path / "torn.csv", ["2024-03-04,1,2"])
    result = invoke(torn)
    assert (result.exit_code, result.stderr) == (
        1,
        f"Error: {torn}:2: the row is torn: it has 3 fields; the header has 7\n",
    )
    quiet = write_log(tmp_path / "quiet.csv", ["2024-03-04,10,5,1,11,20,20", "2024-03-04,30,5,-1,-1,-1,60"])
    result = invoke(quiet)
    assert result.exit_code == 1
    assert "no call of the scored days was answered after waiting over a second" in result.stderr
    assert result.stdout == ""


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_ends_it_with_a_sentence(logs: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(evaluate_wait_run, "_choose", interrupt)
    result = invoke(*logs)
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr == "Interrupted: the evaluation was stopped, and there is nothing to report.\n"
