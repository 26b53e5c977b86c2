"""Goal: who is there at midnight goes on, and who leaves every day before it does leave.

Method: one agent for five days, learned by the predictor, and four callers shortly before 24:00.
"""

from __future__ import annotations

import pytest

from router.engine import SECOND_US, Complete, Engine, Enqueue, Settings, SignIn, SignOut
from router.wait import Predictor
from tests.wait.futures_cases import plain_queue

DAY_S = 86_400
START_US = 1_699_833_600 * SECOND_US  # a Monday, 0:00
LAST_CALL_S = DAY_S - 130


@pytest.mark.parametrize("leaves_s", [None, DAY_S - 60])
def test_midnight_ends_no_shift_that_goes_on(leaves_s: int | None) -> None:
    engine = Engine(Settings(queues={"q": plain_queue()}), time_us=START_US)
    predictor = Predictor(engine)

    def do(day: int, second: int, *commands: object) -> None:
        for command in commands:
            engine.apply(command, START_US + (day * DAY_S + second) * SECOND_US)
            predictor.observe()

    for day in range(5):
        if day == 0 or leaves_s is not None:
            do(day, 60, SignIn("ada", {}))
        for number in range(20):
            do(day, 1_000 * (number + 1), Enqueue(f"{day}-{number}", "q"))
            do(day, 1_000 * (number + 1) + 100, Complete(f"{day}-{number}"))
        if day == 4:
            break
        if leaves_s is not None:
            do(day, leaves_s, SignOut("ada"))
    do(4, LAST_CALL_S, *[Enqueue(name, "q") for name in ("talks", "first", "second", "third", "fourth")])
    fourth = predictor.situation().run(40).targets[-1]
    assert fourth.call == "fourth"
    if leaves_s is None:
        assert fourth.beyond == 0
        assert 300 < fourth.waits_s.mean() < 500  # four talks
    else:
        assert fourth.beyond == 40
