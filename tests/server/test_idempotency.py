"""A repeated request gets its first answer, over whichever path it comes, and is carried out once."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from router.client import Reply, RouterClient, RouterError
from router.engine import commands as c
from router.engine.events import CallEnqueued
from router.server.server import RouterServer
from tests.server.support import CONFIG, Seen, client_of, refused, running


def without_repeated(reply: Reply) -> Reply:
    assert reply.result.repeated
    return Reply(msgspec.structs.replace(reply.result, repeated=False))


async def test_a_repeat_gets_the_first_answer(server: RouterServer) -> None:
    async with client_of(server, client_id="pbx") as client:
        await client.apply(c.SignIn("ada", {"loans": 7}), request_id="r1")
        first = await client.apply(c.Enqueue("c1", "loans"), request_id="r2")
        assert not first.result.repeated
        await client.apply(c.Accept(1))
        await client.apply(c.Complete("c1"))
        sequence = server.shell.engine.sequence
        again = await client.apply(c.Enqueue("c1", "loans"), request_id="r2")
        assert without_repeated(again) == Reply(first.result)
        assert server.shell.engine.sequence == sequence
        assert server.shell.hub.history.sequence == sequence, "watchers are not sent back in time"


async def test_a_repeated_rejection_is_the_same_rejection(server: RouterServer) -> None:
    async with client_of(server, client_id="pbx") as client:
        first = await refused(client.apply(c.Complete("c1"), request_id="r1"))
        await client.apply(c.Enqueue("c1", "loans"))
        again = await refused(client.apply(c.Complete("c1"), request_id="r1"))
        assert (again.reason, again.message, again.sequence) == (first.reason, first.message, first.sequence)
        assert again.reason == "UNKNOWN_CALL"


async def test_unary_and_stream_are_one_memory(server: RouterServer) -> None:
    async with client_of(server, client_id="pbx") as client:
        first = await client.apply(c.Enqueue("c1", "loans"), request_id="r1")
        async with client.stream() as stream:
            again, other = await stream.apply([c.Enqueue("c1", "loans"), c.SignIn("ada")], ["r1", "r1"])
        assert isinstance(again, Reply)
        assert without_repeated(again) == Reply(first.result)
        assert isinstance(other, RouterError)
        assert other.reason == "REQUEST_ID_REUSED"


async def test_another_command_about_the_same_call_is_something_else(server: RouterServer) -> None:
    async with client_of(server, client_id="pbx") as client:
        await client.apply(c.Enqueue("c1", "loans"))
        await client.apply(c.Cancel("c1"), request_id="r1")
        assert (await refused(client.apply(c.Complete("c1"), request_id="r1"))).reason == "REQUEST_ID_REUSED"


async def test_each_client_has_ids_of_its_own(server: RouterServer) -> None:
    async with client_of(server, client_id="one") as one, client_of(server, client_id="two") as two:
        await one.apply(c.SignIn("ada"), request_id="r1")
        await two.apply(c.SignIn("bob"), request_id="r1")
        assert (await refused(two.apply(c.SignIn("ada"), request_id="r1"))).reason == "REQUEST_ID_REUSED"


async def test_a_malformed_request_is_not_remembered(server: RouterServer) -> None:
    async with client_of(server, client_id="pbx") as client:
        error = await refused(client.apply(c.Enqueue("c1", "loans", priority=99), request_id="r1"))
        assert error.reason == "INVALID_COMMAND"
        assert error.sequence is None
        assert (await client.apply(c.Enqueue("c1", "loans"), request_id="r1")).result.sequence == 2


async def test_many_at_once_are_carried_out_once(server: RouterServer) -> None:
    async with client_of(server, client_id="pbx") as client:
        seen = await Seen(client.watch()).begun()
        requests = [client.apply(c.Enqueue("c1", "loans"), request_id="r1") for _ in range(20)]
        replies = await asyncio.gather(*requests)
        assert sorted(reply.result.repeated for reply in replies) == [False] + [True] * 19
        assert len({reply.result.sequence for reply in replies}) == 1
        await client.apply(c.PauseQueue("loans"))
        await seen.until(lambda s: len(s.events) == 2)
        assert len(seen.of(CallEnqueued)) == 1
        await seen.end()


@pytest.mark.parametrize(
    ("client_id", "request_id", "field"),
    [
        ("", "r1", "client_id"),
        ("x" * 256, "r1", "client_id"),
        ("pbx", "é" * 128, "request_id"),
        ("p\n", "r", "client_id"),
    ],
)
async def test_ids_that_cannot_be(server: RouterServer, client_id: str, request_id: str, field: str) -> None:
    async with client_of(server, client_id=client_id) as client:
        error = await refused(client.apply(c.SignIn("ada"), request_id=request_id))
        assert error.reason == "INVALID_COMMAND"
        assert [violation.field for violation in error.violations] == [field]
        async with client.stream() as stream:
            (outcome,) = await stream.apply([c.SignIn("ada")], [request_id])
        assert isinstance(outcome, RouterError)
        assert outcome.violations == error.violations


async def test_the_longest_ids_are_taken(server: RouterServer) -> None:
    async with client_of(server, client_id="x" * 255) as client:
        assert (await client.apply(c.SignIn("ada"), request_id="y" * 255)).result.sequence == 2


async def test_a_config_applied_twice_by_the_same_request() -> None:
    more = CONFIG + "\n[queues.more]\n"
    async with running() as server, client_of(server, client_id="ops") as client:
        etag = (await client.config()).etag
        first = await client.apply_config(more, expected_etag=etag, request_id="r1")
        assert first.etag != etag
        # the etag that was expected is no longer there, because of this very request
        again = await client.apply_config(more, expected_etag=etag, request_id="r1")
        assert again.result == msgspec.structs.replace(first.result, repeated=True)
        assert again.etag == first.etag
        back = await client.apply_config(CONFIG, expected_etag=first.etag, request_id="r2")
        assert back.etag == etag
        again = await client.apply_config(more, expected_etag=etag, request_id="r1")
        assert again.result == msgspec.structs.replace(first.result, repeated=True)
        assert (await client.config()).etag == etag, "the first answer was given again, nothing was applied"
        other = await refused(client.apply_config(CONFIG, request_id="r1"))
        assert other.reason == "REQUEST_ID_REUSED"


async def test_a_client_sends_again_what_may_have_been_lost(client: RouterClient) -> None:
    """With a client id, a request that meets no server is sent again until there is one."""
    async with running() as gone:
        port = gone.port
    waiting = RouterClient(f"127.0.0.1:{port}", client_id="pbx", timeout_s=10.0)
    request = asyncio.create_task(waiting.apply(c.SignIn("ada")))
    await asyncio.sleep(0.3)
    assert not request.done()
    async with running(listen=f"127.0.0.1:{port}"):
        assert (await request).result.sequence == 2
    await waiting.close()


async def test_without_a_client_id_it_is_not_sent_again() -> None:
    async with running() as gone:
        port = gone.port
    async with RouterClient(f"127.0.0.1:{port}") as client:
        assert (await refused(client.apply(c.SignIn("ada")))).reason == "UNAVAILABLE"
