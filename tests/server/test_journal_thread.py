"""The journal's thread: calls in order, one at a time, with their outcomes; none that was given up; an end in time."""

from __future__ import annotations

import asyncio
import threading

import pytest

from router.server.writing.journal_thread import JournalThread
from tests.server.scripted_journal import ScriptedJournal


async def opened() -> JournalThread:
    return await JournalThread.open(ScriptedJournal)


async def test_calls_are_run_in_order_in_one_thread_and_return_or_raise() -> None:
    thread, seen = await opened(), []

    def call(number: int) -> int:
        seen.append((number, threading.current_thread().name))
        if number == 3:
            raise ValueError("three")
        return number * 2

    futures = [thread.call(lambda number=number: call(number)) for number in range(6)]  # type: ignore[misc]
    outcomes = await asyncio.gather(*futures, return_exceptions=True)
    assert [outcome for outcome in outcomes if not isinstance(outcome, Exception)] == [0, 2, 4, 8, 10]
    assert str(outcomes[3]) == "three"
    assert seen == [(number, "journal") for number in range(6)]
    assert thread.busy_s == 0.0
    assert await thread.close(5)


async def test_what_is_given_up_before_its_turn_is_not_run() -> None:
    thread, gate, ran = await opened(), threading.Event(), []
    first = thread.call(gate.wait)
    given_up = thread.call(lambda: ran.append("given up"))
    last = thread.call(lambda: ran.append("last"))
    await asyncio.sleep(0.01)
    assert thread.busy_s >= 0.01
    given_up.cancel()
    gate.set()
    await asyncio.gather(first, last)
    assert ran == ["last"]
    assert await thread.close(5)


async def test_closing_does_not_wait_for_a_call_that_does_not_return() -> None:
    thread, gate = await opened(), threading.Event()
    stuck = thread.call(lambda: gate.wait(30))
    assert not await thread.close(0.05)
    gate.set()
    await stuck
    assert await thread.close(5)
    assert await thread.close(5), "twice does no harm"


async def test_nothing_can_be_asked_for_after_the_end() -> None:
    thread = await opened()
    assert await thread.close(5)
    with pytest.raises(RuntimeError, match="ended"):
        thread.call(lambda: None)
    assert thread.busy_s == 0.0


async def test_a_journal_that_cannot_be_opened_leaves_no_thread() -> None:
    def opener() -> ScriptedJournal:
        raise OSError("no such directory")

    before = threading.active_count()
    with pytest.raises(OSError, match="no such directory"):
        await JournalThread.open(opener)
    async with asyncio.timeout(5):
        while threading.active_count() > before:
            await asyncio.sleep(0.001)
