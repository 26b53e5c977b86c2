"""The writer: order, groups, bounds, and that nothing leaves before its group is done."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from router.engine import Engine
from router.engine import commands as c
from router.engine.errors import UnknownName
from router.engine.settings import QueueSettings, Settings
from router.server._native import Followers
from router.server.clock import Clock
from router.server.errors import Refusal
from router.server.writing.requests import Submission
from router.server.writing.writer import Happening, Writer
from tests.server.support import NoEstimates


class Bench:
    """A writer over a real engine, and everything that it published."""

    def __init__(self, **bounds: int) -> None:
        self.engine = Engine(Settings(queues={"q": QueueSettings()}), time_us=0)
        self.groups: list[list[Happening]] = []
        self.at_publication: list[int] = []
        self.answered = 0
        followers = Followers(self.engine)
        self.writer = Writer(self.engine, Clock(), NoEstimates(), self.publish, followers=followers, **bounds)

    def publish(self, happenings: Sequence[Happening], sequence: int) -> None:
        self.groups.append(list(happenings))
        self.at_publication.append(self.answered)

    async def submit(self, *commands: c.Command) -> list[int]:
        answers = await self.writer.submit([Submission(command) for command in commands])
        self.answered += 1
        return [answer.result.sequence for answer in answers if answer.result is not None]


def sign_ins(prefix: str, count: int) -> list[c.Command]:
    return [c.SignIn(f"{prefix}{number}") for number in range(count)]


async def test_what_waits_together_is_one_group_and_leaves_together() -> None:
    bench = Bench()
    tasks = [asyncio.create_task(bench.submit(c.SignIn(f"a{number}"))) for number in range(10)]
    await asyncio.sleep(0)
    running = asyncio.create_task(bench.writer.run())
    assert [sequences for task in tasks for sequences in await task] == list(range(2, 12))
    assert [len(group) for group in bench.groups] == [10]
    assert bench.at_publication == [0], "events were published before any answer left"
    bench.writer.stop()
    await running


async def test_groups_are_bounded_and_batches_never_split() -> None:
    bench = Bench(group_max=5)
    batches = [sign_ins(f"b{number}-", size) for number, size in enumerate([3, 3, 2, 9, 1])]
    tasks = [asyncio.create_task(bench.submit(*batch)) for batch in batches]
    await asyncio.sleep(0)
    running = asyncio.create_task(bench.writer.run())
    await asyncio.gather(*tasks)
    assert [len(group) for group in bench.groups] == [3, 5, 9, 1]
    bench.writer.stop()
    await running


async def test_more_than_may_wait_is_refused_and_room_comes_back() -> None:
    bench = Bench(pending_max=10)
    tasks = [asyncio.create_task(bench.submit(*sign_ins(f"t{number}-", 5))) for number in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Refusal) as caught:
        await bench.submit(c.SignIn("more"))
    assert caught.value.reason == "OVERLOADED"
    assert caught.value.retry_after_us
    running = asyncio.create_task(bench.writer.run())
    await asyncio.gather(*tasks)
    assert len(await bench.submit(c.SignIn("more"))) == 1
    bench.writer.stop()
    await running


async def test_stop_answers_what_was_taken_and_takes_nothing_more() -> None:
    bench = Bench()
    taken = asyncio.create_task(bench.submit(*sign_ins("a", 300)))
    await asyncio.sleep(0)
    bench.writer.stop()
    with pytest.raises(Refusal, match="SHUTTING_DOWN"):
        await bench.submit(c.SignIn("late"))
    await bench.writer.run()
    assert len(await taken) == 300


async def test_a_client_that_gives_up_does_not_disturb_the_others() -> None:
    bench = Bench()
    lost = asyncio.create_task(bench.submit(c.SignIn("lost")))
    kept = asyncio.create_task(bench.submit(c.SignIn("kept")))
    await asyncio.sleep(0)
    lost.cancel()
    running = asyncio.create_task(bench.writer.run())
    assert await kept == [2]
    with pytest.raises(UnknownName):
        bench.engine.agent("lost")
    assert bench.writer.pending == 0
    bench.writer.stop()
    await running


async def test_an_estimator_that_fails_does_not_stop_routing() -> None:
    bench = Bench()

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    bench.writer.applier.estimator = type("Broken", (), {"observe": fail, "at_once": fail})()
    running = asyncio.create_task(bench.writer.run())
    (answer,) = await bench.writer.submit([Submission(c.Enqueue("c1", "q"), estimate=True)])
    assert answer.result is not None
    assert answer.wait_estimate is None
    bench.writer.stop()
    await running


async def test_an_engine_that_fails_midway_is_used_no_more() -> None:
    bench = Bench()
    failures: list[str] = []
    bench.writer.on_failure = lambda: failures.append("failed")

    class FailsAfterNumbering:
        sequence = 1
        time_us = 0

        def next_deadline(self) -> None:
            return None

        def apply(self, command: c.Command, time_us: int) -> None:
            self.sequence += 1
            raise RuntimeError("half done")

    bench.writer.applier.engine = FailsAfterNumbering()  # type: ignore[assignment]
    tasks = [asyncio.create_task(bench.submit(c.SignIn(f"a{number}"))) for number in range(3)]
    await asyncio.sleep(0)
    await bench.writer.run()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [outcome.reason for outcome in outcomes if isinstance(outcome, Refusal)] == ["ENGINE_FAILED"] * 3
    assert bench.groups == [], "nothing of the group left"
    assert failures == ["failed"]
    with pytest.raises(Refusal, match="ENGINE_FAILED"):
        await bench.submit(c.SignIn("b"))


async def test_time_is_told_inside_the_engine() -> None:
    bench = Bench()
    running = asyncio.create_task(bench.writer.run())
    await bench.submit(*sign_ins("a", 100))
    assert 0 < bench.writer.engine_us < 1_000_000
    bench.writer.stop()
    await running
