"""The command stream: results in order, one each, whatever became of the command."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from router.client import Reply, RouterClient, RouterError
from router.engine import commands as c
from router.engine.vocabulary import CallState
from router.server import answers
from router.server.server import RouterServer
from router.v1 import command_service_pb2, command_service_pb2_grpc, commands_pb2, results_pb2
from tests.server.support import CONFIG, client_of, running


async def test_a_batch_is_carried_out_in_order(server: RouterServer, client: RouterClient) -> None:
    commands = [
        c.SignIn("ada", {"loans": 7}),
        c.Enqueue("c1", "loans"),
        c.Accept(1),
        c.Accept(1),
        c.Enqueue("c2", "loans", priority=77),
        c.Complete("c1"),
    ]
    async with client.stream() as stream:
        results = await stream.apply(commands)
    replies = [result for result in results if isinstance(result, Reply)]
    errors = [result for result in results if isinstance(result, RouterError)]
    assert [reply.result.sequence for reply in replies] == [2, 3, 4, 6]
    assert replies[1].result.call_state is CallState.OFFERED
    assert [error.reason for error in errors] == ["OFFER_ENDED", "INVALID_COMMAND"]
    assert (errors[0].sequence, errors[1].sequence) == (5, None)
    assert errors[1].violations[0].field == "commands[4].enqueue.priority"
    assert replies[1].wait_estimate is None


async def test_a_fault_in_wording_an_answer_is_that_commands_alone(
    client: RouterClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode_header = answers.encode_header

    def faulty(sequence: int, time_us: int) -> results_pb2.Header:
        if sequence == 3:
            raise RuntimeError("no words")
        return encode_header(sequence, time_us)

    monkeypatch.setattr(answers, "encode_header", faulty)
    async with client.stream() as stream:
        # the second and the third are rejected; what is not ASCII the lane leaves to be worded
        results = await stream.apply([c.Enqueue("é1", "loans"), c.Enqueue("é1", "loans"), c.Complete("é1")])
        (later,) = await stream.apply([c.Cancel("é1")])
    reasons = [result.reason if isinstance(result, RouterError) else "done" for result in (*results, later)]
    assert reasons == ["done", "INTERNAL_ERROR", "CALL_NOT_ASSIGNED", "done"]


async def test_batches_are_pipelined_and_answered_in_order(client: RouterClient) -> None:
    async with client.stream() as stream:
        batches = [[c.Enqueue(f"c{batch}-{number}", "loans") for number in range(20)] for batch in range(100)]
        futures = [await stream.send(batch) for batch in batches]
        results = [result for future in futures for result in await future]
    sequences = [result.result.sequence for result in results if isinstance(result, Reply)]
    assert sequences == list(range(2, 2002))


async def test_two_streams_do_not_mix_inside_a_batch(client: RouterClient) -> None:
    async with client.stream() as one, client.stream() as two:
        results = await asyncio.gather(
            *[
                stream.apply([c.Enqueue(f"{name}-{batch}-{number}", "loans") for number in range(50)])
                for batch in range(10)
                for name, stream in (("a", one), ("b", two))
            ]
        )
    for batch in results:
        numbers = [result.result.sequence for result in batch if isinstance(result, Reply)]
        assert numbers == list(range(numbers[0], numbers[0] + 50))


async def test_wait_estimates_when_asked_for(client: RouterClient) -> None:
    async with client.stream(wait_estimates=True) as stream:
        first, second, other = await stream.apply([c.Enqueue("c1", "loans"), c.Enqueue("c2", "loans"), c.SignIn("ada")])
    assert isinstance(first, Reply)
    assert isinstance(second, Reply)
    assert isinstance(other, Reply)
    assert first.wait_estimate is not None
    assert second.wait_estimate is not None
    assert (first.wait_estimate.position, second.wait_estimate.position) == (1, 2)
    assert other.wait_estimate is None


async def test_an_empty_batch_has_an_answer(client: RouterClient) -> None:
    async with client.stream() as stream:
        assert await stream.apply([]) == []


async def test_a_batch_that_is_too_large_ends_the_stream() -> None:
    async with (
        running(CONFIG.replace("[engine]", "stream_batch_max = 10\n[engine]")) as server,
        client_of(server) as client,
    ):
        async with client.stream() as stream:
            assert len(await stream.apply([c.SignIn(f"a{number}") for number in range(10)])) == 10
            with pytest.raises(RouterError) as caught:
                await stream.apply([c.SignIn(f"b{number}") for number in range(11)])
        assert caught.value.reason == "INVALID_COMMAND"
        assert caught.value.violations[0].description == "11 commands in one batch; at most 10"
        with pytest.raises(RouterError):
            await stream.apply([])
        assert server.shell.engine.sequence == 11


async def test_a_client_that_does_not_read_is_read_no_further(server: RouterServer) -> None:
    """The server takes a bounded number of batches from a client that leaves its results lying."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        call = command_service_pb2_grpc.CommandServiceStub(channel).Apply()
        command = commands_pb2.Command(cancel=commands_pb2.Cancel(call="x" * 250))
        request = command_service_pb2.ApplyRequest(commands=[command] * 1000)
        sent = 0
        try:
            while sent < 400:
                async with asyncio.timeout(1.0):
                    await call.write(request)
                sent += 1
        except TimeoutError:
            pass
        assert sent < 400
        async with client_of(server) as other:
            assert (await other.apply(c.SignIn("ada"))).result.sequence > 1000
        call.cancel()


async def test_a_client_that_vanishes_leaves_no_trouble(server: RouterServer, client: RouterClient) -> None:
    lost = client_of(server)
    stream = lost.stream()
    await stream.__aenter__()
    futures = [await stream.send([c.SignIn(f"a{batch}-{number}") for number in range(100)]) for batch in range(5)]
    await lost.close()
    await asyncio.gather(*futures, return_exceptions=True)
    assert (await client.apply(c.SignIn("ada"))).result.sequence > 1


async def test_a_stream_that_was_not_opened_says_how(client: RouterClient) -> None:
    async with asyncio.timeout(5.0):
        with pytest.raises(RuntimeError, match=r"use `async with client\.stream\(\) as stream`"):
            await client.stream().apply([c.SignIn("ada")])


async def test_the_end_of_a_stream_is_told_at_once_and_why() -> None:
    async with running() as server, client_of(server) as client, client.stream() as stream:
        await stream.apply([c.SignIn("ada")])
        end = asyncio.create_task(stream.wait_ended())
        await asyncio.sleep(0.02)
        assert not end.done()
        await server.stop(grace_s=0.05)
        assert (await asyncio.wait_for(end, 5)).reason == "SHUTTING_DOWN"


async def test_a_stream_that_was_not_opened_has_no_end(client: RouterClient) -> None:
    with pytest.raises(RuntimeError, match="the stream is not open"):
        await client.stream().wait_ended()
