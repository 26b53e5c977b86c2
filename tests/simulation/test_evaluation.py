"""Goal: an evaluation scores each call once, by the wait of the log, and asks for no more estimates than it says.

Method: a forecaster that answers by rote, on small logs.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from router.engine import SECOND_US, Engine
from router.simulation import READERS
from router.simulation.recorded.evaluation import Evaluation, EvaluationSettings, Evaluator
from router.simulation.recorded.log_days import LogDay, read_log_days
from router.wait import WaitEstimate
from tests.simulation.logs import make_rows, write_log

DAYS = ["2024-03-04", "2024-03-05"]


class Rote:
    """Says 60 s, and keeps who asked when, with how many futures."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.asked: list[tuple[str, int, int]] = []

    def observe(self) -> None:
        pass

    def estimate(self, call: str, *, futures: int, threads: int) -> WaitEstimate:
        self.asked.append((call, self._engine.time_us // SECOND_US % 86_400, futures))
        return WaitEstimate("simulated", 60 * SECOND_US, 1, 0)


def run(days: list[LogDay], trained: int, **settings: int) -> tuple[Evaluation, Rote]:
    made: list[Rote] = []

    def rote(engine: Engine) -> Rote:
        made.append(Rote(engine))
        return made[0]

    evaluator = Evaluator(rote, EvaluationSettings(futures=7, training_futures=3, **settings))  # type: ignore[arg-type]
    for number, day in enumerate(days):
        if number < trained:
            evaluator.train(day, estimated=True)
        else:
            evaluator.score(day)
    return evaluator.close(), made[0]


def read(tmp_path: Path, rows: list[str]) -> list[LogDay]:
    return read_log_days([write_log(tmp_path / "calls.csv", rows)], READERS["vanad"])


def test_each_call_that_waited_is_scored_once_by_the_log(tmp_path: Path) -> None:
    days = read(tmp_path, make_rows(1, 200, DAYS[0]) + make_rows(2, 200, DAYS[1]))
    found, rote = run(days, trained=1)
    waits = sorted(wait / SECOND_US for wait in days[1].waited_us.tolist() if wait > SECOND_US)
    assert sorted(found.calls.waited_s.tolist()) == waits
    assert set(found.calls.values["mean_s"].tolist()) == {60.0}
    assert int(found.calls.answered.sum()) == sum(
        1 for row in range(200) if days[1].answered[row] and days[1].waited_us[row] > SECOND_US
    )
    first = {call: (time_s, futures) for call, time_s, futures in reversed(rote.asked)}
    expected = {
        f"{day.day}/{row + 1}": (int(day.arrived_us[row]) // SECOND_US, 3 if day is days[0] else 7)
        for day in days
        for row in range(200)
        if day.waited_us[row] > SECOND_US
    }
    assert first == expected


def test_one_call_in_twenty_is_asked_again_every_half_minute_while_it_waits(tmp_path: Path) -> None:
    (day,) = read(tmp_path, make_rows(5, 400, DAYS[0]))
    found, rote = run([day], trained=0)
    for row in range(400):
        arrived, waited = int(day.arrived_us[row]) // SECOND_US, int(day.waited_us[row]) // SECOND_US
        times = [time_s for call, time_s, _ in rote.asked if call == f"{day.day}/{row + 1}"]
        again = range(arrived + 30, arrived + waited, 30) if row % 20 == 0 else range(0)
        assert times == ([arrived, *again] if waited > 1 else [])
    assert found.creep.updates > 5
    assert (found.creep.rose, found.creep.moved_later) == (
        0,
        found.creep.updates,
    )  # always 60 s: the end moves by 30 s each time


def test_a_call_that_waits_over_midnight_is_scored_and_the_next_day_is_another(tmp_path: Path) -> None:
    rows = [
        f"{DAYS[0]},86300,5,1,86300,90000,90000",
        f"{DAYS[0]},86390,5,2,86500,87000,87000",
        f"{DAYS[0]},86395,5,-1,-1,-1,86700",
        f"{DAYS[1]},10,5,1,40,60,60",
    ]
    found, rote = run(read(tmp_path, rows), trained=0)
    assert found.calls.waited_s.tolist() == [110.0, 305.0, 30.0]
    assert found.calls.answered.tolist() == [True, False, True]
    assert [call for call, _, _ in rote.asked] == [f"{DAYS[0]}/2", f"{DAYS[0]}/3", f"{DAYS[1]}/1"]


@pytest.mark.parametrize(("every_call", "asked"), [(False, 0), (True, 1)])
def test_who_is_answered_at_once_is_asked_for_only_if_wanted(tmp_path: Path, every_call: bool, asked: int) -> None:
    found, rote = run(read(tmp_path, [f"{DAYS[0]},10,5,1,11,60,60"]), trained=0, every_call=every_call)
    assert len(rote.asked) == asked
    assert len(found.calls) == 0
