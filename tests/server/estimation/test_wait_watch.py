"""The stream of wait estimates: what is told and when, ends, slow readers, and streams that break off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from router.client import RouterClient, RouterError, WaitUpdate
from router.engine import commands as c
from router.engine.vocabulary import CallState, Urgency
from router.server.estimation.announced import is_change
from router.v1 import call_service_pb2, call_service_pb2_grpc
from tests.server.estimation.rig import CONFIG, MINUTE_US, Script, scripted, until
from tests.server.support import client_of, durable, running


class Told:
    """A watch of wait estimates in the background."""

    def __init__(self, updates: AsyncIterator[WaitUpdate]) -> None:
        self.updates: list[WaitUpdate] = []
        self.error: RouterError | None = None
        self._source = updates
        self._task = asyncio.create_task(self._run())

    def of(self, call: str) -> list[WaitUpdate]:
        return [update for update in self.updates if update.call == call]

    async def end(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            async for update in self._source:
                self.updates.append(update)
        except RouterError as error:
            self.error = error


async def test_the_life_of_a_wait_as_it_is_told() -> None:
    async with running(CONFIG) as server, client_of(server) as client:
        script = scripted(server)
        await client.apply(c.Enqueue("there", "loans"))
        told = Told(client.watch_wait_estimates(queues=["loans"]))
        await until(lambda: told.of("there"))
        await client.apply(c.Enqueue("elsewhere", "cards"))
        await client.apply(c.Enqueue("c1", "loans"))
        await until(lambda: told.of("c1"))
        (first,) = told.of("c1")
        assert (first.queue, first.state) == ("loans", CallState.WAITING)
        assert first.estimate is not None
        assert (first.estimate.method, first.estimate.position, first.estimate.futures) == ("simulated", 2, 200)
        # somebody goes ahead: the position has changed
        await client.apply(c.Enqueue("urgent", "loans", urgency=Urgency.URGENT))
        await until(lambda: len(told.of("c1")) == 2)
        assert told.of("c1")[1].estimate.position == 3  # type: ignore[union-attr]
        # the expected end moves
        script.means_us["c1"] = 8 * MINUTE_US
        await until(lambda: len(told.of("c1")) == 3)
        # it is rung, and answered
        await client.apply(c.Cancel("there"))
        await client.apply(c.Cancel("urgent"))
        reply = await client.apply(c.SignIn("ada", {"loans": 5}))
        assert reply.result.sequence
        await until(lambda: told.of("c1")[-1].state is CallState.OFFERED)
        assert told.of("c1")[-1].estimate.method == "immediate"  # type: ignore[union-attr]
        await client.apply(c.Enqueue("later", "loans"))
        await until(lambda: told.of("later"))
        script.means_us["later"] = 30 * MINUTE_US
        await until(lambda: len(told.of("later")) >= 2)
        assert [update.state for update in told.of("c1")].count(CallState.OFFERED) == 1
        await client.apply(c.Accept(1))
        await until(lambda: told.of("c1")[-1].state is CallState.ASSIGNED)
        assert told.of("c1")[-1].estimate is None
        assert [update.state for update in told.of("there")][-1] is CallState.ABANDONED
        assert told.of("elsewhere") == []
        await told.end()


async def test_small_changes_are_not_told() -> None:
    async with running(CONFIG) as server, client_of(server) as client:
        script = scripted(server, Script(mean_us=5 * MINUTE_US))
        await client.apply(c.Enqueue("c1", "loans"))
        coarse = Told(client.watch_wait_estimates(calls=["c1"]))
        fine = Told(client.watch_wait_estimates(calls=["c1"], min_change_us=1_000_000))
        await until(lambda: coarse.of("c1") and fine.of("c1"))
        sets = script.sets
        script.mean_us += MINUTE_US // 2  # more than 10 s, less than 20 %
        await until(lambda: script.sets >= sets + 3)
        await asyncio.sleep(0.2)
        methods = [update.estimate.method for update in coarse.of("c1") if update.estimate]
        assert methods.count("simulated") == 1
        script.mean_us = 2_000_000
        await until(lambda: coarse.of("c1")[-1].estimate.mean_us < 3_000_000)  # type: ignore[union-attr, operator]
        sets = script.sets
        script.mean_us = 5_000_000
        await until(lambda: fine.of("c1")[-1].estimate.mean_us > 3_000_000)  # type: ignore[union-attr, operator]
        await until(lambda: script.sets >= sets + 3)
        assert coarse.of("c1")[-1].estimate.mean_us < 3_000_000  # type: ignore[union-attr, operator]
        await coarse.end()
        await fine.end()


def test_what_is_a_change() -> None:
    second = 1_000_000
    assert not is_change(100 * second, 100 * second, 120 * second)
    assert is_change(100 * second, 100 * second, 121 * second)
    assert is_change(100 * second, 100 * second, 79 * second)
    assert not is_change(10 * second, 10 * second, 20 * second)
    assert is_change(10 * second, 10 * second, 12 * second + 1, min_change_us=second * 3 // 2)


async def test_a_reader_that_does_not_read_hears_the_newest_and_holds_nothing_up() -> None:
    async with running(CONFIG) as server, client_of(server) as client:
        script = scripted(server)
        async with client.stream() as stream:
            await stream.apply([c.Enqueue(f"c{number}", "loans") for number in range(300)])
        channel = grpc.aio.insecure_channel(f"127.0.0.1:{server.port}")
        call: Any = call_service_pb2_grpc.CallServiceStub(channel).WatchWaitEstimates(
            call_service_pb2.WatchWaitEstimatesRequest()
        )
        before: dict[str, int] = {}
        complete = False
        while not complete:
            response = await call.read()
            complete = response.complete
            before |= {update.call: update.wait_estimate.mean.seconds for update in response.updates}
        assert len(before) == 300
        sets = script.sets
        for minutes in (20, 40, 60, 80):
            script.mean_us = minutes * MINUTE_US
            await until(lambda: script.sets >= sets + 2)  # noqa: B023
            sets = script.sets
            if minutes == 20:
                assert not (await call.read()).complete, "this is said once"
        last: dict[str, int] = {}
        while len(last) < 300 or min(last.values()) < 75 * 60:
            response = await call.read()
            last |= {update.call: update.wait_estimate.mean.seconds for update in response.updates}
        call.cancel()
        await channel.close(None)


async def test_a_stream_that_breaks_off_is_taken_up_again_with_its_ends(tmp_path: Path) -> None:
    async with durable(tmp_path, CONFIG) as server:
        port = server.port
        client = RouterClient(f"127.0.0.1:{port}", client_id="pbx")
        await client.apply(c.Enqueue("stays", "loans"))
        await client.apply(c.Enqueue("goes", "loans"))
        told = Told(client.watch_wait_estimates())
        await until(lambda: told.of("stays") and told.of("goes"))
    before = len(told.updates)
    async with durable(tmp_path, CONFIG, listen=f"127.0.0.1:{port}") as server:
        # while nobody listened the caller hung up
        await client.apply(c.Cancel("goes"))
        await until(lambda: any(update.call == "goes" and update.estimate is None for update in told.updates[before:]))
        await until(lambda: any(update.call == "stays" and update.estimate for update in told.updates[before:]))
        assert told.error is None
        await told.end()
        await client.close()


async def test_the_stream_ends_with_the_server_and_says_so() -> None:
    async with running(CONFIG) as server:
        client = client_of(server)
        told = Told(client.watch_wait_estimates(resume=False))
        await until(lambda: len(server.shell.wait_hub) == 1)
        await server.stop(grace_s=2.0)
        await until(lambda: told.error)
        assert told.error is not None
        assert told.error.reason == "SHUTTING_DOWN"
        await client.close()


async def test_there_are_bounds_on_watches() -> None:
    config = CONFIG.replace("[server]", "[server]\nwatchers_max = 1")
    async with running(config) as server, client_of(server) as client:
        first = Told(client.watch_wait_estimates(resume=False))
        await until(lambda: len(server.shell.wait_hub) == 1)
        second = Told(client.watch_wait_estimates(resume=False))
        await until(lambda: second.error)
        assert second.error is not None
        assert second.error.reason == "OVERLOADED"
        await first.end()
        await until(lambda: len(server.shell.wait_hub) == 0)


@pytest.mark.parametrize(
    ("arguments", "field", "wanted"),
    [
        ({"min_change_us": 999_999}, "min_change", "1 s to a day"),
        ({"min_change_us": 86_400_000_001}, "min_change", "1 s to a day"),
        ({"queues": [f"q{number}" for number in range(1_001)]}, "queues", "at most 1,000"),
        ({"calls": [f"c{number}" for number in range(1_001)]}, "calls", "at most 1,000"),
    ],
)
async def test_a_bad_watch_is_told_what_is_wanted(
    client: RouterClient, arguments: dict[str, object], field: str, wanted: str
) -> None:
    told = Told(client.watch_wait_estimates(**arguments))  # type: ignore[arg-type]
    await until(lambda: told.error)
    assert told.error is not None
    assert told.error.reason == "INVALID_QUERY"
    assert field in str(told.error)
    assert wanted in str(told.error)


async def test_a_watch_of_an_unknown_queue_is_refused_and_of_a_call_to_come_is_not(client: RouterClient) -> None:
    told = Told(client.watch_wait_estimates(queues=["loans", "lonas"]))
    await until(lambda: told.error)
    assert told.error is not None
    assert (told.error.reason, str(told.error)) == ("UNKNOWN_QUEUE", "UNKNOWN_QUEUE: no queue lonas is configured")
    coming = Told(client.watch_wait_estimates(calls=["comes-later"]))
    await client.apply(c.Enqueue("comes-later", "loans"))
    await until(lambda: coming.of("comes-later"))
    await coming.end()


@pytest.mark.parametrize("field", ["queues", "calls"])
async def test_a_text_in_place_of_names_is_refused(client: RouterClient, field: str) -> None:
    with pytest.raises(TypeError, match=rf"{field}: 'loans' is a single text; .* such as \['loans'\]"):
        client.watch_wait_estimates(**{field: "loans"})  # type: ignore[arg-type]
