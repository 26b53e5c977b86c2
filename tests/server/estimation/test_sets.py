"""When sets of futures are run and for whom; what happens when they fail; and that routing goes on whatever they do."""

from __future__ import annotations

import asyncio
import logging
from time import monotonic
from typing import Any

import pytest

from router.client import RouterClient
from router.engine import commands as c
from router.engine.vocabulary import CallState
from router.server.estimation.pace import Share
from tests.server.estimation.rig import CONFIG, MINUTE_US, Script, fill, scripted, until
from tests.server.support import client_of, running

SLOW = CONFIG.replace('refresh = "200ms"', 'refresh = "1h"\nbudget = "5s"')


async def test_nothing_is_run_while_nobody_waits() -> None:
    async with running(CONFIG) as server, client_of(server) as client:
        script = scripted(server)
        await client.apply(c.SignIn("ada", {"loans": 5}))
        reply = await client.apply(c.Enqueue("c1", "loans"))
        assert reply.result.call_state is CallState.OFFERED
        await asyncio.sleep(0.5)
        assert script.taken == []
        await client.apply(c.Enqueue("c2", "loans"))
        await until(lambda: script.sets >= 2)
        await client.apply(c.Cancel("c2"))
        await asyncio.sleep(0.1)
        before = script.sets
        await asyncio.sleep(0.5)
        assert script.sets == before


async def test_a_call_that_has_come_does_not_wait_for_the_next_refresh() -> None:
    async with running(SLOW) as server, client_of(server) as client:
        script = scripted(server)
        for number in range(3):
            await client.apply(c.Enqueue(f"c{number}", "loans"))
            await until(lambda: server.shell.estimation.stays.of_call[f"c{number}"].estimate is not None, 5)  # noqa: B023
        assert script.sets <= 3


async def test_who_comes_while_others_wait_for_a_set_does_not_hasten_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(SLOW) as server, client_of(server) as client:
        script = scripted(server)
        sets: Any = server.shell.estimation._sets
        await client.apply(c.Enqueue("c0", "loans"))
        await until(lambda: sets.over == 1)
        # as after a set that took half an hour
        sets._rested_s = monotonic() + 3_600
        due_s, looks = sets._due_s, []
        monkeypatch.setattr(sets, "_due_s", lambda: looks.append(1) or due_s())
        await client.apply(c.Enqueue("c1", "loans"))
        await until(lambda: len(looks) > 0)
        before = len(looks)
        for number in range(2, 20):
            await client.apply(c.Enqueue(f"c{number}", "loans"))
        assert len(looks) == before
        assert script.sets == 1
        # but who asks does
        sets._rested_s = float("-inf")
        assert (await client.wait_estimate("c19")).method == "simulated"


async def test_whoever_asks_while_a_set_is_run_shares_it() -> None:
    async with running(SLOW) as server, client_of(server) as client:
        script = scripted(server)
        script.hold.clear()
        for number in range(20):
            await client.apply(c.Enqueue(f"c{number}", "loans"))
        asking = [asyncio.create_task(client.wait_estimate(f"c{number}")) for number in range(20)]
        await asyncio.sleep(0.2)
        script.hold.set()
        estimates = await asyncio.gather(*asking)
        assert {estimate.method for estimate in estimates} == {"simulated"}
        assert script.sets <= 2  # one may have begun before the last of them had come


async def test_routing_goes_on_while_a_set_is_run() -> None:
    """A set that takes five seconds delays no decision, and the server ends without waiting for it."""
    async with running(SLOW) as server, client_of(server) as client:
        script = scripted(server)
        script.hold.clear()
        await client.apply(c.SignIn("ada", {"loans": 5}))
        await client.apply(c.Enqueue("c0", "cards"))
        await asyncio.to_thread(script.began.wait, 5)
        begun_s = monotonic()
        for number in range(50):
            reply = await client.apply(c.Enqueue(f"l{number}", "loans"))
            assert reply.result.call_state is CallState.OFFERED
            assert reply.wait_estimate is not None
            assert reply.result.offer is not None
            await client.apply(c.Accept(reply.result.offer))
            await client.apply(c.Complete(f"l{number}"))
        assert monotonic() - begun_s < 4
        assert script.sets == 1
        begun_s = monotonic()
    assert monotonic() - begun_s < 3


async def test_an_answer_is_not_held_up_by_futures_that_take_too_long() -> None:
    config = CONFIG.replace('refresh = "200ms"', 'refresh = "1h"\nbudget = "100ms"')
    async with running(config) as server, client_of(server) as client:
        script = scripted(server)
        script.hold.clear()
        await client.apply(c.Enqueue("c0", "loans"))
        for of in ("c0", c.Enqueue("", "loans")):
            begun_s = monotonic()
            estimate = await client.wait_estimate(of)
            assert estimate.futures == 0
            assert monotonic() - begun_s < 2


async def test_a_call_that_is_only_thought_of_has_a_set_of_its_own() -> None:
    async with running(SLOW) as server, client_of(server) as client:
        script = scripted(server, Script(means_us={"": 3 * MINUTE_US}))
        estimate = await client.wait_estimate(c.Enqueue("", "cards"), within_us=[MINUTE_US, 2 * MINUTE_US])
        assert (estimate.method, estimate.mean_us) == ("simulated", 3 * MINUTE_US)
        assert estimate.answered_within == ((MINUTE_US, 0.5), (2 * MINUTE_US, 0.5))
        assert script.taken == ["cards"]


async def test_only_a_few_may_be_thought_of_at_once() -> None:
    async with running(SLOW) as server, client_of(server) as client:
        script = scripted(server)
        script.hold.clear()
        asking = [asyncio.create_task(client.wait_estimate(c.Enqueue("", "cards"))) for _ in range(9)]
        await until(lambda: sum(task.done() for task in asking) == 5)
        assert {(await task).futures for task in asking if task.done()} == {0}
        script.hold.set()
        assert [(await task).futures for task in asking].count(200) == 4
        assert len(script.taken) == 4


async def test_futures_that_fail_are_logged_once_and_the_formulas_go_on(caplog: pytest.LogCaptureFixture) -> None:
    async with running(SLOW) as server, client_of(server) as client:
        script = scripted(server, Script(fails=True))
        await fill(client, waiting=3)
        begun_s = monotonic()
        estimates = [await client.wait_estimate(of) for of in ("w0", "w1", c.Enqueue("", "loans"))]
        assert {estimate.futures for estimate in estimates} == {0}
        assert all(estimate.mean_us for estimate in estimates)
        assert monotonic() - begun_s < 4
        assert (await client.apply(c.Complete("in-talk"))).result.call_state is CallState.COMPLETED
        assert server.shell.estimation.meter.sets["failed"] == len(script.taken) == 1
    faults = [record for record in caplog.records if "futures could not be run" in record.getMessage()]
    assert len(faults) == 1
    assert faults[0].levelno == logging.ERROR


async def test_without_futures_estimates_come_at_once() -> None:
    config = CONFIG.replace("[estimates]", "[estimates]\nenabled = false")
    async with running(config) as server, client_of(server) as client:
        script = scripted(server)
        await fill(client, waiting=2)
        estimate = await client.wait_estimate("w1")
        assert (estimate.futures, estimate.position) == (0, 2)
        assert estimate.mean_us is not None
        await asyncio.sleep(0.5)
        assert script.taken == []


async def test_a_set_that_is_over_serves_for_a_while(client: RouterClient) -> None:
    async with running(SLOW) as server, client_of(server) as other:
        script = scripted(server)
        await other.apply(c.Enqueue("c1", "loans"))
        first = await other.wait_estimate("c1")
        await asyncio.sleep(0.05)
        second = await other.wait_estimate("c1", within_us=[1, 11 * MINUTE_US])
        assert script.sets == 1
        assert first.mean_us is not None
        assert second.mean_us is not None
        assert 30_000 < first.mean_us - second.mean_us < 5_000_000, "the time that has passed was not taken off"
        assert [time_us for time_us, _ in second.answered_within] == [1, 11 * MINUTE_US]
        assert 0 < second.answered_within[0][1] < 1e-6
        assert second.answered_within[1][1] == 1


async def test_an_estimate_that_is_too_old_is_not_told() -> None:
    config = CONFIG.replace('refresh = "200ms"', 'refresh = "100ms"\nbudget = "50ms"')
    async with running(config) as server, client_of(server) as client:
        script = scripted(server)
        await client.apply(c.Enqueue("c1", "loans"))
        assert (await client.wait_estimate("c1")).futures == 200
        script.hold.clear()
        await asyncio.sleep(0.3)
        assert (await client.wait_estimate("c1")).futures == 0


async def test_what_a_set_says_of_a_call_that_has_moved_since_is_not_told() -> None:
    async with running(SLOW) as server, client_of(server) as client:
        script = scripted(server)
        script.hold.clear()
        async with client.stream() as stream:
            await stream.apply([c.Enqueue("c1", "loans"), c.Enqueue("c2", "loans")])
        await asyncio.to_thread(script.began.wait, 5)
        await asyncio.sleep(0.3)  # afterwards the thread rests for twice as long
        await client.apply(c.Transfer("c1", "cards"))
        script.hold.set()
        stays = server.shell.estimation.stays.of_call
        await until(lambda: stays["c2"].estimate is not None)
        assert script.sets == 1
        assert stays["c1"].estimate is None
        await until(lambda: stays["c1"].estimate is not None)
        assert script.sets == 2


async def test_too_few_futures_are_not_told() -> None:
    async with running(CONFIG) as server, client_of(server) as client:
        script = scripted(server, Script(futures=9))
        await client.apply(c.Enqueue("c1", "loans"))
        for of in ("c1", c.Enqueue("", "loans")):
            assert (await client.wait_estimate(of)).futures == 0
        assert server.shell.estimation.stays.of_call["c1"].estimate is None
        script.futures = 10
        assert (await client.wait_estimate(c.Enqueue("", "loans"))).futures > 0


def test_work_takes_no_more_than_its_share() -> None:
    now_s = 100.0
    share = Share(0.01, lambda: now_s)
    assert share.free_s < now_s
    with share.work():
        now_s += 0.002
    assert share.free_s == pytest.approx(100.002 + 99 * 0.002)
    with share.work():
        now_s += 0.001
    assert share.free_s == pytest.approx(100.002 + 99 * 0.003)
