"""Estimates over the wire, by the real predictor: every field of them, and what is asked wrongly."""

from __future__ import annotations

import grpc
import pytest

from router.client import RouterClient
from router.engine import commands as c
from router.engine.vocabulary import CallState
from router.v1 import call_service_pb2 as pb
from router.v1 import call_service_pb2_grpc
from router.v1 import commands_pb2 as m
from tests.server.estimation.rig import CONFIG, MINUTE_US, fill, until
from tests.server.metrics.scrape import observed, scrape
from tests.server.support import client_of, refused, running

PATIENT = CONFIG.replace('refresh = "200ms"', 'refresh = "5s"\nbudget = "2s"')
"""Futures have as long as a busy machine may take for them."""


async def test_an_estimate_from_futures_has_everything() -> None:
    async with running(PATIENT) as server, client_of(server) as client:
        await fill(client, waiting=3)
        estimate = await client.wait_estimate("w1", within_us=[0, MINUTE_US, 86_400_000_000])
        assert estimate.method == "simulated"
        assert (estimate.position, estimate.futures, estimate.callback_offered) == (2, 200, False)
        quantiles = (estimate.p10_us, estimate.p50_us, estimate.p80_us, estimate.p90_us)
        assert None not in quantiles
        assert list(quantiles) == sorted(quantiles)  # type: ignore[type-var]
        assert estimate.mean_us is not None
        assert estimate.interval_us is not None
        low_us, high_us = estimate.interval_us
        assert 0 <= low_us <= high_us
        times_us, chances = zip(*estimate.answered_within, strict=True)
        assert times_us == (0, MINUTE_US, 86_400_000_000)
        assert list(chances) == sorted(chances)
        assert 0 <= chances[0] <= chances[-1] <= 1
        default = await client.wait_estimate("w1")
        assert [time_us for time_us, _ in default.answered_within] == [20_000_000], "the queue's target"


async def test_a_call_that_has_not_come_is_estimated_and_nothing_changes() -> None:
    async with running(PATIENT) as server, client_of(server) as client:
        await fill(client, waiting=3)
        before = server.shell.engine.state_hash()
        estimate = await client.wait_estimate(c.Enqueue("", "loans"))
        assert (estimate.method, estimate.position, estimate.futures) == ("simulated", 4, 200)
        assert server.shell.engine.state_hash() == before
        quick = await client.wait_estimate(c.Enqueue("", "loans"), quick=True)
        assert (quick.futures, quick.position) == (0, 4)


async def test_what_the_state_alone_tells_needs_no_futures() -> None:
    async with running(CONFIG) as server, client_of(server) as client:
        await client.apply(c.SignIn("ada", {"loans": 5}))
        free = await client.wait_estimate(c.Enqueue("", "loans"))
        assert (free.method, free.mean_us) == ("immediate", 0)
        await client.apply(c.Enqueue("c1", "loans"))
        assert (await client.wait_estimate("c1")).method == "immediate"
        await client.apply(c.Accept(1))
        await client.apply(c.Enqueue("c2", "loans"))
        await client.apply(c.PauseQueue("loans"))
        paused = await client.wait_estimate("c2")
        assert (paused.method, paused.mean_us, paused.position) == ("none", None, 1)
        await client.apply(c.Complete("c1"))
        over = await client.wait_estimate("c1")
        assert (over.method, over.position) == ("none", None)
        assert server.shell.estimation.meter.sets["failed"] == 0


async def test_the_answer_to_enqueue_has_an_estimate_at_once() -> None:
    async with running(CONFIG) as server, client_of(server) as client:
        await fill(client, waiting=2)
        reply = await client.apply(c.Enqueue("c1", "loans"))
        assert reply.result.call_state is CallState.WAITING
        assert reply.wait_estimate is not None
        assert reply.wait_estimate.futures == 0
        assert reply.wait_estimate.position == 3
        assert reply.wait_estimate.mean_us
        async with client.stream(wait_estimates=True) as stream:
            (result,) = await stream.apply([c.Enqueue("c2", "loans")])
        assert result.wait_estimate is not None  # type: ignore[union-attr]
        assert result.wait_estimate.position == 4  # type: ignore[union-attr]


async def test_it_is_counted() -> None:
    async with observed(CONFIG) as (server, port), client_of(server) as client:
        await fill(client, waiting=2)
        await client.wait_estimate("w0")
        await until(lambda: server.shell.estimation.meter.announcements["first"] == 2)
        samples = await scrape(port)
        assert samples("wait_estimates_total", method="simulated") == 1
        assert samples("future_sets_total", of="waiting") >= 1
        assert samples("future_sets_total", of="failed") == 0
        assert samples("futures_total") >= 200
        assert samples("futures_of_last_set") == 200
        assert samples("future_set_seconds_count") == samples("future_set_pause_seconds_count") >= 1
        assert 0 < samples("future_set_age_seconds") < 10
        assert samples("wait_announcements_total", change="first") == 2
        for method in ("futures", "learned"):
            assert samples("wait_interval_calls_total", method=method) == 0
        assert samples("calls_overflowed_by_estimate_total", queue="loans") == 0


BAD = [
    ({"within": [(-1, 0)]}, "within[0]", "0 s to a day"),
    ({"within": [(86_401, 0)]}, "within[0]", "86,401 s is out of range"),
    ({"within": [(1, 0), (1, -5)]}, "within[1].nanos", "sign"),
    ({"within": [(1, 0)] * 17}, "within", "at most 16"),
]


@pytest.mark.parametrize(("fields", "field", "text"), BAD)
async def test_a_bad_question_is_told_what_is_wanted(
    client: RouterClient, fields: dict[str, list[tuple[int, int]]], field: str, text: str
) -> None:
    request = pb.GetWaitEstimateRequest(enqueue=m.Enqueue(queue="loans"))
    for seconds, nanos in fields["within"]:
        request.within.add(seconds=seconds, nanos=nanos)
    async with grpc.aio.insecure_channel(client.address) as channel:
        stub = call_service_pb2_grpc.CallServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await stub.GetWaitEstimate(request)
    assert failed.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert field in str(failed.value.details())
    assert text in str(failed.value.details())


async def test_unknown_names_are_refused(client: RouterClient) -> None:
    assert (await refused(client.wait_estimate("nobody"))).reason == "UNKNOWN_CALL"
    assert (await refused(client.wait_estimate(c.Enqueue("", "nowhere")))).reason == "UNKNOWN_QUEUE"
    error = await refused(client.wait_estimate(c.Enqueue("", "loans", channel="pigeon"), quick=True))
    assert error.reason == "UNKNOWN_CHANNEL"
