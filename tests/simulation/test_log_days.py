"""Goal: days are read in order, each once, and what happens in them comes in the order in which a centre sees it.

Method: small logs by hand; made-up busy days against a naive order, and cut in the middle.
"""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from router.engine import SECOND_US
from router.simulation import READERS, RecordingError, read_log
from router.simulation.recorded.columns import columns_of
from router.simulation.recorded.log_days import LogDay, Step, pool_columns, read_log_days
from tests.simulation.logs import make_rows, write_log

DAY = "2024-03-04"


def read(tmp_path: Path, rows: list[str]) -> LogDay:
    (day,) = read_log_days([write_log(tmp_path / "calls.csv", rows)], READERS["vanad"])
    return day


def steps(day: LogDay) -> list[tuple[int, str, int]]:
    return [(time // SECOND_US, step.name, row) for time, step, row in day.steps()]


def test_one_instant_has_an_order(tmp_path: Path) -> None:
    rows = [
        f"{DAY},10,5,-1,-1,-1,50",  # 0 gives up at 50
        f"{DAY},20,5,1,30,50,50",  # 1 is released at 50
        f"{DAY},40,5,1,50,60,60",  # 2 is answered at 50
        f"{DAY},50,5,2,50,50,50",  # 3 comes at 50, answered and released at once
        f"{DAY},50,5,-1,-1,-1,50",  # 4 comes and goes
        f"{DAY},50,5,3,55,55,55",  # 5 has a talk of no length
    ]
    assert steps(read(tmp_path, rows)) == [
        (10, "ARRIVES", 0),
        (20, "ARRIVES", 1),
        (30, "ANSWERED", 1),
        (40, "ARRIVES", 2),
        (50, "RELEASED", 1),
        (50, "GIVES_UP", 0),
        (50, "ANSWERED", 2),
        (50, "ARRIVES", 3),
        (50, "ANSWERED", 3),
        (50, "RELEASED", 3),
        (50, "ARRIVES", 4),
        (50, "GIVES_UP", 4),
        (50, "ARRIVES", 5),
        (55, "ANSWERED", 5),
        (55, "RELEASED", 5),
        (60, "RELEASED", 2),
    ]


@pytest.mark.parametrize("seed", range(4))
def test_every_call_goes_its_way_and_time_never_falls(tmp_path: Path, seed: int) -> None:
    day = read(tmp_path, make_rows(seed, 300, DAY))
    lives: dict[int, list[str]] = {}
    last = 0
    for time, step, row in steps(day):
        assert time >= last
        last = time
        lives.setdefault(row, []).append(step)
    ways = {("ARRIVES", "ANSWERED", "RELEASED"), ("ARRIVES", "GIVES_UP")}
    assert len(lives) == 300
    assert {tuple(life) for life in lives.values()} == ways


@pytest.mark.parametrize("seed", range(4))
def test_what_comes_later_changes_nothing_before(tmp_path: Path, seed: int) -> None:
    rows = make_rows(seed, 200, DAY)
    whole = steps(read(tmp_path, rows))
    numbers = random.Random(seed)
    cut = numbers.choice(whole)[0]
    kept = [row for row in rows if int(row.split(",")[1]) <= cut]
    assert [step for step in steps(read(tmp_path, kept)) if step[0] <= cut] == [
        step for step in whole if step[0] <= cut
    ]


def test_days_come_in_order_whatever_the_order_of_the_files(tmp_path: Path) -> None:
    late = write_log(tmp_path / "a.csv", make_rows(1, 30, "2024-04-01") + make_rows(2, 30, "2024-04-03"))
    early = write_log(tmp_path / "b.csv", make_rows(3, 30, "2024-03-31") + make_rows(4, 30, "2024-04-02"))
    seen: list[Path] = []
    days = read_log_days([late, early], READERS["vanad"], on_file=seen.append)
    assert [day.day for day in days] == ["2024-03-31", "2024-04-01", "2024-04-02", "2024-04-03"]
    assert [day.source for day in days] == [str(early), str(late), str(early), str(late)]
    assert seen == [late, early]


def test_a_day_in_two_files_is_refused(tmp_path: Path) -> None:
    one = write_log(tmp_path / "a.csv", make_rows(1, 30, DAY))
    other = write_log(tmp_path / "b.csv", make_rows(2, 30, DAY))
    with pytest.raises(RecordingError) as caught:
        read_log_days([one, other], READERS["vanad"])
    assert str(caught.value) == f"{other}:2: day {DAY} is in {one} too; each day must be given once, in one file"


def test_columns_are_those_of_the_calls(tmp_path: Path) -> None:
    path = write_log(tmp_path / "a.csv", make_rows(1, 80, "2024-04-01") + make_rows(2, 80, "2024-04-03"))
    expected = columns_of(list(read_log(path, READERS["vanad"]).calls()))
    found = pool_columns(read_log_days([path], READERS["vanad"]))
    assert found.types == expected.types
    for name in ("type_places", "arrived_us", "waited_us", "handled_us"):
        assert np.array_equal(getattr(found, name), getattr(expected, name)), name
    assert len(pool_columns([])) == 0


def test_midnight_is_local_and_the_epoch_is_the_epoch(tmp_path: Path) -> None:
    day = read(tmp_path, make_rows(1, 10, "1970-01-02"))
    assert day.starts_us == 86_400 * SECOND_US
    assert [Step(step) for step in Step] == list(Step)
