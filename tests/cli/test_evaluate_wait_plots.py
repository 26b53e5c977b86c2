"""Goal: the plots show what the report says, the same picture every time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from router.cli.evaluate_wait_plots import BINS, draw_calibration, draw_day, draw_waits, write_plots
from router.cli.evaluate_wait_run import EvaluationOrder, WaitReport
from router.simulation.recorded.evaluation import Evaluation
from router.simulation.recorded.shadow import Agreement
from router.wait import Creep
from router.wait.scoring.report import make_report
from tests.wait.scoring.made_calls import collect


@pytest.fixture(scope="module")
def report() -> WaitReport:
    numbers = np.random.default_rng(2)
    rows: list[dict[str, object]] = []
    for hour in (9, 10, 11):
        for _ in range(200 if hour < 11 else 20):
            mean = float(numbers.uniform(5, 100))
            rows.append({"arrived": hour * 3600.0, "mean": mean, "waited": mean * float(numbers.uniform(0.5, 1.7))})
    calls = collect([*rows, {"waited": 5000, "type": "1"}, {"waited": 5000, "answered": False}])
    return WaitReport(
        order=EvaluationOrder(files=(Path("a.csv"),)),
        trained_days=(),
        scored_days=("2024-03-04",),
        arrived=len(calls),
        answered=len(calls) - 1,
        gave_up=1,
        evaluation=Evaluation(calls=calls, agreement=Agreement(), creep=Creep(), commands=1),
        scores=make_report(calls, ["5"], np.ones(len(calls))),
    )


def test_calibration_is_what_was_stated_and_what_came(report: WaitReport) -> None:
    left, right = draw_calibration(report).axes
    stated, came = left.lines
    assert list(stated.get_xdata()) == list(stated.get_ydata()) == [0, 100]
    assert list(came.get_xdata()) == pytest.approx([10, 50, 80, 90])
    assert list(came.get_ydata()) == pytest.approx([100 * each.held for each in report.scores.stated])
    heights = [bar.get_height() for bar in right.patches]
    assert heights == pytest.approx(
        [100 * part.quantiles.coverage for part in report.scores.by_level if part.quantiles]
    )
    assert [tick.get_text().split("\n")[0] for tick in right.get_xticklabels()] == ["4", "8", "15", "30", "60"]


def test_the_day_leaves_out_hours_with_few_calls(report: WaitReport) -> None:
    errors, biases = draw_day(report).axes
    by_name = {line.get_label(): line for line in errors.lines}
    assert list(by_name) == ["skill-router", "LES", "HOL", "mean wait"]
    for line in errors.lines:
        assert list(line.get_xdata()) == [9, 10]
    ours = {part.begins: part.point for part in report.scores.by_hour}
    assert list(by_name["skill-router"].get_ydata()) == pytest.approx([ours[9].mae_s, ours[10].mae_s])
    assert list(biases.lines[0].get_ydata()) == pytest.approx([ours[9].bias_s, ours[10].bias_s])


def test_waits_are_of_calls_with_about_the_same_estimate(report: WaitReport) -> None:
    ours, les = draw_waits(report).axes
    median, means, _ = ours.lines
    announced = list(means.get_xdata())
    assert len(announced) == BINS
    assert announced == sorted(announced)
    assert list(means.get_ydata()) == pytest.approx([1.1 * each for each in announced], rel=0.25)
    assert list(median.get_xdata()) == announced
    assert set(les.lines[1].get_xdata()) == {50.0}
    assert ours.get_xlim() == les.get_xlim()
    assert max(announced) < 101  # the type that is not big is left out, and who gave up


def test_the_files_are_the_same_every_time(report: WaitReport, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        assert [path.name for path in write_plots(folder, report)] == ["calibration.png", "day.png", "waits.png"]
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes()
