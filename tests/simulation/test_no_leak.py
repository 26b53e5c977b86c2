"""Goal: nothing from after a call's arrival enters its estimate.

Method: everything after a moment is altered: who is answered when and by whom, how long talks go on, who gives up, who
calls later. Every estimate of a call that came before must be the very same, to the last microsecond.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from router.engine import SECOND_US, Engine
from router.simulation import READERS
from router.simulation.recorded.evaluation import EvaluationSettings, Evaluator
from router.simulation.recorded.log_days import LogDay, read_log_days
from router.wait import Predictor, WaitEstimate
from tests.simulation.logs import make_rows, recorded_data, write_log

DAYS = ["2024-03-04", "2024-03-05", "2024-03-06", "2024-03-07"]
CALLS = 300


class Witness:
    """A predictor whose estimates are kept, by call, in order."""

    def __init__(self, engine: Engine) -> None:
        self._predictor = Predictor(engine, shadow=True, answers_min=100)
        self._observe = self._predictor.observe
        self.said: dict[str, list[WaitEstimate]] = {}

    def observe(self) -> None:
        self._observe()

    def estimate(self, call: str, *, futures: int, threads: int) -> WaitEstimate:
        found = self._predictor.estimate(call, futures=futures, threads=threads)
        self.said.setdefault(call, []).append(found)
        return found


def estimate_all(days: list[LogDay], trained: int, *, every_call: bool) -> dict[str, list[WaitEstimate]]:
    witnesses: list[Witness] = []

    def witness(engine: Engine) -> Witness:
        witnesses.append(Witness(engine))
        return witnesses[0]

    settings = EvaluationSettings(futures=12, training_futures=8, threads=1, every_call=every_call)
    evaluator = Evaluator(witness, settings)
    for number, day in enumerate(days):
        if number < trained:
            evaluator.train(day, estimated=True)
        else:
            evaluator.score(day)
    return witnesses[0].said


def alter_after(rows: list[str], cut_s: int, seed: int) -> list[str]:
    """Return rows of a day that goes another way after a moment; calls that came by then keep their rows."""
    numbers = random.Random(seed)
    altered = []
    for row in rows:
        day, *fields = row.split(",")
        arrived, kind, agent, answered, released, ended = map(int, fields)
        if arrived > cut_s:
            arrived += numbers.randrange(1, 600)
            kind = numbers.choice((0, 1, 2, 7))
        if arrived > cut_s or (answered == -1 and ended > cut_s) or answered > cut_s:
            agent, answered, released = -1, -1, -1
            ended = max(arrived, cut_s) + numbers.randrange(1, 900)
            if numbers.random() < 0.7:
                agent, answered = numbers.randrange(500, 540), ended
                released = ended = answered + numbers.randrange(1, 900)
        elif released > cut_s:
            released = ended = cut_s + numbers.randrange(1, 3000)
        altered.append((arrived, f"{day},{arrived},{kind},{agent},{answered},{released},{ended}"))
    kept = [row for arrived, row in altered if arrived <= cut_s]
    return kept + [row for _, row in sorted(each for each in altered if each[0] > cut_s)]


def busiest_arrival(rows: list[str]) -> tuple[int, int]:
    """Return an arrival at which many calls wait, and how many: theirs are the fates that are altered."""
    lives = []
    for row in rows:
        _, arrived, _, _, answered, _, ended = row.split(",")
        lives.append((int(arrived), int(answered) if answered != "-1" else int(ended)))
    found = [(sum(1 for came, went in lives if came <= arrived < went), arrived) for arrived, _ in lives]
    waiting, arrived = max(found)
    return arrived, waiting


def read_days(path: Path, rows: list[str]) -> list[LogDay]:
    return read_log_days([write_log(path, rows)], READERS["vanad"])


def check_the_past(whole: list[LogDay], altered: list[LogDay], cut_s: int, trained: int) -> tuple[int, set[str]]:
    """Compare the estimates of all calls up to the cut, and return how many there were, and their methods."""
    last = whole[-1]
    past = {f"{last.day}/{row + 1}" for row in range(len(last)) if last.arrived_us[row] <= cut_s * SECOND_US}
    past |= {f"{day.day}/{row + 1}" for day in whole[:-1] for row in range(len(day))}
    said, other = (estimate_all(days, trained, every_call=True) for days in (whole, altered))
    first = {call: found[0] for call, found in said.items() if call in past}
    assert first == {call: found[0] for call, found in other.items() if call in past}
    assert said != other  # what comes later was indeed another day
    # leaving out calls that turn out to be answered at once changes no estimate of the others
    fewer = {call: found[0] for call, found in estimate_all(whole, trained, every_call=False).items() if call in past}
    assert fewer == {call: first[call] for call in fewer}
    assert len(fewer) < len(first)
    return len(first), {found.method for found in first.values()}


@pytest.mark.parametrize("seed", range(3))
def test_the_future_changes_no_estimate(tmp_path: Path, seed: int) -> None:
    history = [row for number, day in enumerate(DAYS[:-1]) for row in make_rows(10 * seed + number, CALLS, day)]
    today = make_rows(10 * seed + 9, CALLS, DAYS[-1])
    cut_s, waiting = busiest_arrival(today[CALLS // 2 :])
    assert waiting >= 4
    altered = alter_after(today, cut_s, seed)
    count, methods = check_the_past(
        read_days(tmp_path / "whole.csv", history + today),
        read_days(tmp_path / "altered.csv", history + altered),
        cut_s,
        trained=2,
    )
    assert count > 3 * CALLS
    assert "corrected" in methods


@pytest.mark.long
def test_the_future_changes_no_estimate_of_recorded_days(tmp_path: Path) -> None:
    days = read_log_days([recorded_data("calls_2014-05.csv.gz")], READERS["vanad"])
    days = [day for day in days if "2014-05-15" <= day.day <= "2014-05-20"]
    cut_s = 14 * 3600
    altered = read_days(tmp_path / "altered.csv", alter_after(rows_of(days[-1]), cut_s, seed=1))
    count, methods = check_the_past(days, [*days[:-1], *altered], cut_s, trained=2)
    assert count > 10_000
    assert "corrected" in methods


def rows_of(day: LogDay) -> list[str]:
    def seconds(time_us: int) -> int:
        return time_us // SECOND_US if time_us >= 0 else -1

    rows = []
    for row in range(len(day)):
        arrived, answered, released, gave_up = (
            seconds(int(times[row])) for times in (day.arrived_us, day.answered_us, day.released_us, day.gave_up_us)
        )
        ended = released if gave_up < 0 else gave_up
        agent = day.agents[row] or "-1"
        rows.append(f"{day.day},{arrived},{day.types[row]},{agent},{answered},{released},{ended}")
    return rows
