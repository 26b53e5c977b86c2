"""Goal: a shell can fire many deadlines in steps of bounded work. Method: the same deadlines in one go and in steps."""

from __future__ import annotations

import random

import msgspec
import pytest

import router
from router import SECOND_US

QUEUE = router.QueueSettings(
    max_overtake_wait_us=router.ByUrgency(60 * SECOND_US, 50 * SECOND_US, 40 * SECOND_US), wait_max_us=90 * SECOND_US
)
RELAXING = router.Requirement((router.Step((router.SkillTerm("loans"),)), router.Step(after_us=20 * SECOND_US)))


def crowded_engine(calls: int) -> router.Engine:
    engine = router.Engine(router.Settings(queues={"loans": QUEUE}))
    rng = random.Random(calls)
    time_us = 0
    for number in range(calls):
        time_us += rng.randrange(20_000)
        engine.apply(router.Enqueue(f"c{number}", "loans", requirement=RELAXING), time_us)
    return engine


def test_steps_bring_what_one_go_brings() -> None:
    engine, stepped = crowded_engine(300), crowded_engine(300)
    until_us = engine.time_us + 200 * SECOND_US
    events = engine.advance(until_us)
    assert len(events) == 3 * 300
    in_steps = []
    while stepped.time_us < until_us:
        some = stepped.advance(stepped.due_time(until_us, 32))
        assert len(some) == 32 or stepped.time_us == until_us
        in_steps += some
    assert [msgspec.structs.replace(one, sequence=0) for one in in_steps] == [
        msgspec.structs.replace(one, sequence=0) for one in events
    ]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 50, 899, 900])
def test_it_is_the_time_of_that_deadline(limit: int) -> None:
    engine = crowded_engine(300)
    times = sorted(one.time_us for one in crowded_engine(300).advance(engine.time_us + 200 * SECOND_US))
    # The deadlines that are known: of each call the step, the bound and the limit.
    assert engine.due_time(10**15, limit) == times[limit - 1]
    assert engine.due_time(times[limit - 1] - 1, limit) == times[limit - 1] - 1


def test_it_changes_nothing_and_goes_no_further_than_asked() -> None:
    engine = crowded_engine(5)
    before = engine.snapshot()
    assert engine.due_time(10**15, 16) == 10**15
    assert engine.due_time(engine.time_us, 1) == engine.time_us
    assert router.Engine().due_time(7, 1) == 7
    assert engine.snapshot() == before


def test_one_instant_cannot_be_split() -> None:
    engine = router.Engine(router.Settings(queues={"loans": QUEUE}))
    for number in range(10):
        engine.apply(router.Enqueue(f"c{number}", "loans"), SECOND_US)
    time_us = engine.due_time(10**15, 3)
    assert time_us == engine.next_deadline() == 61 * SECOND_US
    assert len(engine.advance(time_us)) == 10
