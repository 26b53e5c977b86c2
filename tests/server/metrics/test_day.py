"""A scripted day through a real server, on a clock that the test turns: every number of the metrics is known.

Method: commands over gRPC, unary and in batches; the metrics are read over HTTP and parsed as Prometheus does.
"""

from __future__ import annotations

import asyncio

import grpc
import pytest

from router.client import RouterClient, RouterError
from router.engine import commands as c
from router.engine.vocabulary import Urgency
from router.server.clock import Clock
from router.v1 import administration_service_pb2, administration_service_pb2_grpc
from tests.server.metrics.scrape import Samples, observed, scrape
from tests.server.support import CONFIG, Seen, client_of

SECOND_NS = 1_000_000_000
START_NS = 1_700_000_000 * SECOND_NS
DAY = CONFIG.replace("[queues.loans]", '[queues.loans]\ntarget = { normal = "10s", urgent = "5s" }')


class Hands:
    """A clock that stands until it is turned."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.clock = Clock(wall_ns=lambda: START_NS, monotonic_ns=lambda: self.now_ns)

    def at(self, seconds: float) -> None:
        self.now_ns = round(seconds * SECOND_NS)


def buckets(samples: Samples, name: str, **labels: str) -> list[float]:
    """Return how many values are in each bucket, not added up."""
    family = samples.families[f"skill_router_{name}"]
    found = [s for s in family.samples if s.name.endswith("_bucket") and labels.items() <= s.labels.items()]
    counts = [sample.value for sample in found]
    return [after - before for before, after in zip([0.0, *counts], counts, strict=False)]


async def play(client: RouterClient, hands: Hands) -> None:
    """Loans: one answered in time, one too late, an urgent one too late for its own target, one who gives up.

    Cards: one assigned at once. General: two wait, a third overflows to cards and waits there.
    """
    await client.apply(c.SignIn("ada", {"loans": 5}))
    await client.apply(c.Enqueue("l1", "loans"))
    hands.at(4)
    await client.apply(c.Accept(1))
    hands.at(10)
    await client.apply(c.Enqueue("l2", "loans"))
    await client.apply(c.Enqueue("l3", "loans"))
    await client.apply(c.UpdateCall("l3", urgency=Urgency.URGENT))
    await client.apply(c.Complete("l1"))
    hands.at(16)
    await client.apply(c.EndWrapUp("ada"))
    await client.apply(c.Accept(2))
    hands.at(20)
    await client.apply(c.Complete("l3"))
    await client.apply(c.EndWrapUp("ada"))
    await client.apply(c.Reject(3, "busy"))
    await client.apply(c.SetAvailability("ada", ready=False, reason="lunch"))
    hands.at(30)
    await client.apply(c.Cancel("l2"))
    async with client.stream() as stream:
        await stream.apply(
            [
                c.SignIn("bob", {"cards": 1}, {"chat": 1}),
                c.Enqueue("k1", "cards", channel="chat"),
                c.Enqueue("g1", "general"),
                c.Enqueue("g2", "general"),
                c.Enqueue("g3", "general", channel="chat"),
                c.Complete("nobody"),
                c.Accept(-1),
            ]
        )
    hands.at(40)
    await client.apply(c.PauseQueue("general"), request_id="once")
    await client.apply(c.PauseQueue("general"), request_id="once")


async def test_the_numbers_of_a_day() -> None:
    hands = Hands()
    async with observed(DAY, clock=hands.clock) as (server, port), client_of(server, client_id="pbx") as client:
        before = await scrape(port)
        assert before("calls_enqueued_total", queue="loans") == 0
        seen = await Seen(client.watch()).begun()
        await play(client, hands)
        samples = await scrape(port)
        check_calls(samples)
        check_agents(samples)
        check_commands(samples, samples("last_sequence") - before("last_sequence"))
        assert samples("watchers") == 1
        assert samples("watch_lag_events") == 0
        assert samples("last_sequence") == samples("durable_sequence") == server.shell.engine.sequence
        assert samples("ready") == 1
        assert samples("build_info", version="0.1.0") == 1
        await seen.end()


def check_calls(samples: Samples) -> None:
    assert [samples("calls", queue="general", state=s) for s in ("waiting", "offered", "assigned")] == [2, 0, 0]
    assert [samples("calls", queue="cards", state=s) for s in ("waiting", "offered", "assigned")] == [1, 0, 1]
    assert samples("queue_head_wait_seconds", queue="general") == 10
    assert samples("queue_head_wait_seconds", queue="cards") == 10
    assert samples("queue_head_wait_seconds", queue="loans") == 0
    assert samples("queue_paused", queue="general") == 1
    assert samples("queue_paused", queue="loans") == 0
    assert [samples("calls_enqueued_total", queue=q) for q in ("loans", "cards", "general")] == [3, 1, 3]
    assert samples("calls_overflowed_total", queue="general", cause="queue_full") == 1
    # 4 s, and 6 s of the urgent one; 20 s of the one who gave up
    assert samples("call_wait_seconds_sum", queue="loans", end="answered") == 10
    assert buckets(samples, "call_wait_seconds", queue="loans", end="answered")[:4] == [0, 0, 1, 1]
    assert samples("call_wait_seconds_sum", queue="loans", end="abandoned") == 20
    assert samples("call_wait_seconds_count", queue="cards", end="answered") == 1
    assert samples("call_wait_seconds_count", queue="general", end="refused") == 0
    assert samples("service_level_calls_total", queue="loans") == 3
    assert samples("service_level_met_total", queue="loans") == 1
    assert samples("service_level_met_total", queue="cards") == 1
    assert samples("service_level_target_seconds", queue="loans", urgency="urgent") == 5
    assert samples("call_handle_seconds_sum", queue="loans") == 6 + 4
    assert samples("offers_total", queue="loans") == 3
    outcomes = ("accepted", "rejected", "expired", "withdrawn")
    assert [samples("offer_outcomes_total", queue="loans", outcome=one) for one in outcomes] == [2, 1, 0, 0]


def check_agents(samples: Samples) -> None:
    assert [samples("agents", state=s) for s in ("idle", "busy", "not_ready", "signed_out")] == [0, 1, 1, 0]
    # ada: busy from 0 to 20, with no moment between; not ready from 20 on. bob: busy from 30 on
    assert samples("agent_seconds_total", state="busy") == 30
    assert samples("agent_seconds_total", state="not_ready") == 20
    assert samples("agent_seconds_total", state="idle") == 0
    assert samples("wrap_ups") == 0


def check_commands(samples: Samples, numbered: float) -> None:
    assert samples("commands_total", command="enqueue", outcome="done") == 7
    assert samples("commands_total", command="complete", outcome="done") == 2
    assert samples("commands_total", command="complete", outcome="rejected") == 1
    assert samples("commands_total", command="pause_queue", outcome="done") == 1
    assert samples("commands_total", command="pause_queue", outcome="repeated") == 1
    assert samples("rejections_total", reason="UNKNOWN_CALL") == 1
    assert samples("refusals_total", reason="INVALID_COMMAND") == 1
    # every command that was numbered took its time in the engine; the malformed one and the repeated one did not
    assert samples("apply_seconds_count") == numbered == 21
    assert samples("answer_seconds_count") > 0
    assert samples("decisions_total") > 0
    assert samples("commands_pending") == 0


async def test_rpcs_are_counted_by_how_they_end() -> None:
    async with observed() as (server, port), client_of(server) as client:
        await client.apply(c.SignIn("ada"))
        for _ in range(2):
            with pytest.raises(RouterError, match="UNKNOWN_AGENT"):
                await client.agent("nobody")
        await method_that_there_is_not(server.port)
        watching = await Seen(client.watch()).begun()
        async with client.stream() as stream:
            await stream.apply([c.SignOut("ada")])
            samples = await scrape(port)
            assert samples("rpcs_under_way", kind="stream") == samples("rpcs_under_way", kind="watch") == 1
            assert samples("rpcs_under_way", kind="unary") == 0
        await watching.end()
        # the server learns a little later that a client has gone
        async with asyncio.timeout(10):
            while (samples := await scrape(port))("rpcs_under_way", kind="watch"):
                await asyncio.sleep(0.01)
        service = "/router.v1.AgentService"
        assert samples("rpcs_total", method=f"{service}/SignIn", code="OK") == 1
        assert samples("rpcs_total", method=f"{service}/GetAgent", code="NOT_FOUND") == 2
        assert samples("rpc_seconds_count", method=f"{service}/GetAgent") == 2
        assert samples("rpcs_total", method="/router.v1.CommandService/Apply", code="OK") == 1
        assert samples("rpcs_total", method="/router.v1.WatchService/Watch", code="CANCELLED") == 1
        assert samples("rpcs_total", method="unknown", code="UNIMPLEMENTED") == 1
        assert samples("refusals_total", reason="UNKNOWN_AGENT") == 2


async def method_that_there_is_not(port: int) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        with pytest.raises(grpc.aio.AioRpcError, match="UNIMPLEMENTED"):
            await channel.unary_unary("/router.v1.AgentService/Drink")(b"")


async def test_a_deadline_that_passes_is_told_from_a_client_that_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    method = "/router.v1.AdministrationService/ValidateConfig"
    begun = asyncio.Event()

    async def never(*_: object) -> None:
        begun.set()
        await asyncio.Event().wait()

    async with observed() as (server, port), grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        monkeypatch.setattr(server.shell.configs, "parse", never)
        stub = administration_service_pb2_grpc.AdministrationServiceStub(channel)
        request = administration_service_pb2.ValidateConfigRequest(toml="x")
        late = stub.ValidateConfig(request, timeout=1)
        await begun.wait()  # what passes its deadline before the server has it is not the server's to count
        with pytest.raises(grpc.aio.AioRpcError, match="DEADLINE_EXCEEDED"):
            await late
        begun.clear()
        going = stub.ValidateConfig(request)
        await begun.wait()
        going.cancel()
        async with asyncio.timeout(10):
            while (samples := await scrape(port))("rpcs_under_way", kind="unary"):
                await asyncio.sleep(0.01)
        assert samples("rpcs_total", method=method, code="DEADLINE_EXCEEDED") == 1
        assert samples("rpcs_total", method=method, code="CANCELLED") == 1
