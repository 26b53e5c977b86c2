"""The alarm: it wakes when it rings or when the time has come, and needs one timer for many waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from router.server.writing.alarm import Alarm


async def waiting(alarm: Alarm, seconds: float | None = None) -> asyncio.Task[None]:
    task = asyncio.create_task(alarm.wait(seconds))
    await asyncio.sleep(0)
    return task


async def test_it_rings() -> None:
    alarm = Alarm()
    alarm.ring()  # nobody hears it
    task = await waiting(alarm)
    await asyncio.sleep(0.01)
    assert not task.done()
    alarm.ring()
    alarm.ring()
    await asyncio.wait_for(task, 5)


async def test_it_goes_off_when_the_time_has_come_and_not_much_before() -> None:
    alarm, loop = Alarm(), asyncio.get_running_loop()
    for seconds in (0.02, 0.0, -1.0):
        began_s = loop.time()
        await asyncio.wait_for(alarm.wait(seconds), 5)
        assert loop.time() - began_s >= seconds - 0.002


async def test_a_sooner_time_counts_although_a_later_one_was_set() -> None:
    alarm = Alarm()
    first = await waiting(alarm, 60.0)
    alarm.ring()
    await first
    await asyncio.wait_for(alarm.wait(0.01), 5)


async def test_many_waits_need_one_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    alarm, loop, timers = Alarm(), asyncio.get_running_loop(), 0
    call_at = loop.call_at

    def counted(when: float, callback: Callable[..., Any], *arguments: Any, **settings: Any) -> asyncio.TimerHandle:
        nonlocal timers
        timers += 1
        return call_at(when, callback, *arguments, **settings)

    monkeypatch.setattr(loop, "call_at", counted)
    for number in range(100):
        task = await waiting(alarm, 60.0 + number)
        alarm.ring()
        await task
    assert timers == 1


async def test_a_wait_that_is_given_up_leaves_nothing_behind() -> None:
    alarm = Alarm()
    task = await waiting(alarm)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    alarm.ring()
    other = await waiting(alarm)
    assert not other.done()
    alarm.ring()
    await other
