"""Sessions over real connections, with short leases: silence, loss, the way back, giving up, restarts of the server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import msgspec
import pytest
import pytest_asyncio

from router.client import LiveAgent, LiveCall, RouterClient, SessionState
from router.client.sessions import reconcile_request
from router.config import RouterConfig, parse_config
from router.engine import commands as c
from router.engine import events as e
from router.engine.vocabulary import Availability, CallState
from router.server.server import RouterServer
from router.server.sessions.reconcile.report import ENTRIES_MAX
from router.v1 import command_service_pb2, command_service_pb2_grpc, commands_pb2, session_service_pb2_grpc
from router.v1 import session_service_pb2 as pb
from tests.security.support import TOKENS, caller, guarded
from tests.server import support
from tests.server.support import CONFIG, Seen, client_of, durable, refused, running

LEASE_S = 0.5
ADA = c.SignIn("ada", {"loans": 9})
DAN = c.SignIn("dan", {"loans": 9})


class Bounds:
    """The lease and the retention of servers that are started from now on."""

    def __init__(self) -> None:
        self.lease_s = LEASE_S
        self.retention_s = 3_600.0

    def parse(self, text: str, path: str) -> RouterConfig:
        config = parse_config(text, path)
        lease_us, retention_us = round(self.lease_s * 1_000_000), round(self.retention_s * 1_000_000)
        server = msgspec.structs.replace(config.server, lease_us=lease_us, lost_session_retention_us=retention_us)
        return msgspec.structs.replace(config, server=server)


@pytest.fixture(autouse=True)
def bounds(monkeypatch: pytest.MonkeyPatch) -> Bounds:
    """Let servers have leases far below what a config may say."""
    bounds = Bounds()
    monkeypatch.setattr(support, "parse_config", bounds.parse)
    return bounds


@pytest_asyncio.fixture
async def pbx(server: RouterServer) -> AsyncIterator[RouterClient]:
    async with client_of(server, client_id="pbx") as client:
        yield client


@pytest_asyncio.fixture
async def chat(server: RouterServer) -> AsyncIterator[RouterClient]:
    async with client_of(server, client_id="chat") as client:
        yield client


async def until(condition: Callable[[], Awaitable[Any]], timeout_s: float = 10.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not await condition():
            await asyncio.sleep(0.01)


async def lost(server: RouterServer, client_id: str = "pbx") -> None:
    """Wait until a session is lost, and all that follows is done."""

    async def is_lost() -> bool:
        return client_id in server.shell.sessions.lost

    await until(is_lost)
    await server.shell.keeper.settle()


def on_shift(*sign_ins: c.SignIn) -> list[LiveAgent]:
    return [LiveAgent(sign_in) for sign_in in sign_ins]


# A lease


async def test_a_heartbeat_begins_a_session_and_another_one_keeps_it(pbx: RouterClient) -> None:
    first = await pbx.heartbeat()
    assert (first.state, first.began, first.lease_us) == (SessionState.HELD, True, 500_000)
    second = await pbx.heartbeat()
    assert (second.state, second.began) == (SessionState.HELD, False)


async def test_silence_loses_the_session_and_what_it_brought_comes_back_in_place(
    server: RouterServer, pbx: RouterClient, chat: RouterClient
) -> None:
    seen = await Seen(chat.watch()).begun()
    await pbx.heartbeat()
    await pbx.apply(ADA)
    for call in ("c1", "c2", "c3"):
        await pbx.apply(c.Enqueue(call, "loans"))
    assert (await pbx.call("c1")).agent == "ada"
    async with chat.keep_session(on_lost=never):
        await chat.apply(c.Enqueue("theirs", "loans"))
        await lost(server)
        # the others' agent comes after the loss, and there is nothing for him but theirs
        await chat.apply(DAN)
        assert [(await chat.call(call)).detached for call in ("c1", "c2", "c3", "theirs")] == [True] * 3 + [False]
        assert (await chat.call("theirs")).agent == "dan"
        assert await chat.waiting("loans") == ["c1", "c2", "c3"]
        ada = await chat.agent("ada")
        assert (ada.availability, ada.reason) == (Availability.NOT_READY, "connection_lost")
        assert (await chat.agent("dan")).availability is Availability.READY
        # back: lost, until it says what it has
        assert (await pbx.heartbeat()).state is SessionState.LOST
        await chat.apply(c.Accept((await chat.call("theirs")).offer or 0))
        await chat.apply(c.Complete("theirs"))
        await chat.apply(c.EndWrapUp("dan"))
        assert await chat.waiting("loans") == ["c1", "c2", "c3"]
        found = await pbx.reconcile([LiveCall(call) for call in ("c3", "c2", "c1")], on_shift(ADA))
        assert [(one.kind.name, one.agent, one.repaired) for one in found.differences] == [
            ("AVAILABILITY", "ada", True)
        ]
        assert found.agreed == 3
        assert (await pbx.heartbeat()).state is SessionState.HELD
        # by rank, though listed in the other order
        assert sorted([(await pbx.call(call)).agent or "" for call in ("c1", "c2")]) == ["ada", "dan"]
        assert await pbx.waiting("loans") == ["c3"]
    await seen.until(lambda s: len(s.of(e.CallAttached)) == 3)
    assert [event.call for event in seen.of(e.CallAttached)] == ["c1", "c2", "c3"]
    assert [event.agent for event in seen.of(e.AgentAvailabilityChanged)] == ["ada", "ada"]
    await seen.end()


async def never() -> None:
    raise AssertionError("the session was lost")


async def test_a_client_without_a_session_is_not_watched(
    server: RouterServer, client: RouterClient, pbx: RouterClient
) -> None:
    async with client_of(server, client_id="silent") as silent:
        await silent.apply(ADA)
        await silent.apply(c.Enqueue("c1", "cards"))
    await pbx.heartbeat()
    await lost(server)
    assert (await client.agent("ada")).availability is Availability.READY
    assert not (await client.call("c1")).detached


async def test_any_sign_of_life_renews_the_lease(server: RouterServer, pbx: RouterClient) -> None:
    """One client only commands, one only streams, one only repeats an old request: a silent one is lost before them."""
    async with (
        client_of(server, client_id="commands") as commands,
        client_of(server, client_id="streams") as streams,
        client_of(server, client_id="repeats") as repeats,
        streams.stream(hold_session=True) as stream,
    ):
        for client in (commands, repeats):
            await client.heartbeat()
        await repeats.apply(c.SignIn("eve"), request_id="once")
        for _ in range(2):
            await pbx.heartbeat()
            while "pbx" not in server.shell.sessions.lost:
                await commands.apply(c.SignIn("bob"))
                await commands.apply(c.SignOut("bob"))
                await stream.apply([])
                assert (await repeats.apply(c.SignIn("eve"), request_id="once")).result.repeated
                await asyncio.sleep(0.01)
            await pbx.reconcile([], [])
        assert sorted(server.shell.sessions.held) == ["commands", "pbx", "repeats", "streams"]
        assert stream.session_state is SessionState.HELD


async def test_an_open_stream_that_is_silent_loses_its_session(server: RouterServer, pbx: RouterClient) -> None:
    async with pbx.stream(hold_session=True) as stream:
        (reply,) = await stream.apply([ADA])
        assert not isinstance(reply, Exception)
        assert stream.session_state is SessionState.HELD
        await lost(server)
        assert (await pbx.agent("ada")).reason == "connection_lost"
        # what it sends is carried out all the same, and it is told
        (reply,) = await stream.apply([c.Enqueue("c1", "loans")])
        assert not isinstance(reply, Exception)
        assert stream.session_state is SessionState.LOST
        await pbx.reconcile([LiveCall("c1")], on_shift(ADA))
        await stream.apply([])
        assert stream.session_state is SessionState.HELD
    assert (await pbx.call("c1")).agent == "ada"


async def test_who_may_not_hold_a_session_does_not_keep_one_alive(tmp_path: Path) -> None:
    async with (
        guarded(tmp_path) as server,
        caller(server, TOKENS["pbx"], client_id="pbx") as pbx,
        caller(server, TOKENS["supervisor"], client_id="pbx") as supervisor,
        supervisor.stream() as stream,
    ):
        await pbx.heartbeat()
        async with asyncio.timeout(10):
            while "pbx" not in server.shell.sessions.lost:
                await stream.apply([])
                await supervisor.apply(c.SignIn("ada"))
                await supervisor.apply(c.SignOut("ada"))
                await asyncio.sleep(0.01)


async def test_a_stream_that_does_not_hold_says_nothing_of_sessions(pbx: RouterClient) -> None:
    async with pbx.stream() as stream:
        await stream.apply([])
        assert stream.session_state is None


async def test_a_session_that_was_ended_is_not_lost(
    server: RouterServer, pbx: RouterClient, chat: RouterClient
) -> None:
    await pbx.heartbeat()
    await pbx.apply(ADA)
    await pbx.end_session()
    await pbx.end_session()
    # this one began later and falls silent too
    await chat.heartbeat()
    await lost(server, "chat")
    assert server.shell.sessions.state_of("pbx") is None
    assert (await pbx.agent("ada")).availability is Availability.READY
    assert (await pbx.heartbeat()).began


async def test_a_lost_session_cannot_be_ended(server: RouterServer, pbx: RouterClient) -> None:
    await pbx.heartbeat()
    await lost(server)
    error = await refused(pbx.end_session())
    assert (error.reason, error.code) == ("SESSION_LOST", grpc.StatusCode.FAILED_PRECONDITION)
    assert "Reconcile" in error.message
    await pbx.reconcile([], [])
    await pbx.end_session()


async def test_a_session_that_is_lost_for_too_long_is_given_up(bounds: Bounds) -> None:
    bounds.retention_s = 0.3
    config = CONFIG.replace("automatic = true", 'automatic = true\nwrap_up = { mode = "manual", duration = "1m" }')
    async with running(config) as server, client_of(server, client_id="pbx") as pbx, client_of(server) as client:
        await pbx.heartbeat()
        await pbx.apply(c.SignIn("bob", {"cards": 9}))
        await pbx.apply(c.Enqueue("talking", "cards"))
        await pbx.apply(c.Enqueue("waiting", "loans"))
        await client.apply(c.Enqueue("theirs", "loans"))
        await lost(server)

        async def is_given_up() -> bool:
            return server.shell.sessions.state_of("pbx") is None

        await until(is_given_up)
        assert (await client.call("talking")).state is CallState.COMPLETED
        assert (await client.call("waiting")).state is CallState.ABANDONED
        assert (await client.call("theirs")).state is CallState.WAITING
        assert (await client.agent("bob")).availability is Availability.SIGNED_OUT
        assert not (await client.agent("bob")).engagements
        assert server.shell.sessions.state() == ((), ())
        # what the client still has it is told about
        assert (await pbx.heartbeat()).began
        found = await pbx.reconcile([LiveCall("waiting")], on_shift(c.SignIn("bob", {"cards": 9})))
        assert [one.kind.name for one in found.differences] == ["CALL_FINISHED", "AGENT_UNKNOWN"]


# The server's own absence


async def test_the_time_in_which_the_server_did_not_run_is_nobodys_silence(
    server: RouterServer, pbx: RouterClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = server.shell.keeper
    jump_s = [0.0]
    monkeypatch.setattr(keeper, "_monotonic_s", lambda: time.monotonic() + jump_s[0])
    await pbx.heartbeat()
    # as if the process had been suspended for a minute; its clock went on
    jump_s[0] = 60.0

    async def has_noticed() -> bool:
        return keeper._missed_s > 59

    await until(has_noticed)
    await keeper.settle()
    assert server.shell.sessions.held == ("pbx",)
    await lost(server)


async def test_a_session_outlives_a_restart_and_its_lease_begins_anew(tmp_path: Path) -> None:
    async with durable(tmp_path, crash=True) as server, client_of(server, client_id="pbx") as pbx:
        await pbx.heartbeat()
        await pbx.apply(ADA)
        await pbx.apply(c.Enqueue("c1", "loans"))
        port = server.port
    await asyncio.sleep(LEASE_S * 1.5)
    async with durable(tmp_path, CONFIG.replace("127.0.0.1:0", f"127.0.0.1:{port}")) as server:
        assert server.shell.sessions.held == ("pbx",)
        async with client_of(server, client_id="pbx") as pbx:
            heartbeat = await pbx.heartbeat()
            assert (heartbeat.state, heartbeat.began) == (SessionState.HELD, False)
            assert not (await pbx.call("c1")).detached
            await lost(server)
            assert (await pbx.call("c1")).detached


@pytest.mark.parametrize("crash", [True, False])
async def test_a_lost_session_is_still_lost_after_a_restart(tmp_path: Path, crash: bool) -> None:
    async with durable(tmp_path, crash=crash) as server, client_of(server, client_id="pbx") as pbx:
        await pbx.heartbeat()
        await pbx.apply(ADA)
        await pbx.apply(c.Enqueue("c1", "cards"))
        await lost(server)
        before_us = server.shell.sessions.lost_at_us("pbx")
        assert before_us is not None
    async with durable(tmp_path) as server, client_of(server, client_id="pbx") as pbx:
        assert server.shell.sessions.lost == ("pbx",)
        assert (server.shell.sessions.lost_at_us("pbx") or 0) > before_us
        assert (await pbx.heartbeat()).state is SessionState.LOST
        assert (await pbx.call("c1")).detached
        found = await pbx.reconcile([LiveCall("c1")], on_shift(ADA))
        assert [one.kind.name for one in found.differences] == ["AVAILABILITY"]
        assert not (await pbx.call("c1")).detached


async def test_a_loss_that_was_cut_short_is_finished_after_a_restart(tmp_path: Path) -> None:
    async with durable(tmp_path, crash=True) as server, client_of(server, client_id="pbx") as pbx:
        await pbx.heartbeat()
        await pbx.apply(ADA)
        await pbx.apply(c.Enqueue("c1", "cards"))
        # the server dies as soon as it has said that the session is lost
        keeper = server.shell.keeper
        await server.shell.writer.carry_out(keeper._plans.lose("pbx"))
        assert (await pbx.agent("ada")).availability is Availability.READY
    async with durable(tmp_path) as server, client_of(server) as client:
        await server.shell.keeper.settle()
        assert (await client.agent("ada")).reason == "connection_lost"
        assert (await client.call("c1")).detached


async def test_a_lost_session_has_a_lease_to_come_back_after_a_long_downtime(tmp_path: Path, bounds: Bounds) -> None:
    async with durable(tmp_path, crash=True) as server, client_of(server, client_id="pbx") as pbx:
        await pbx.heartbeat()
        await pbx.apply(c.Enqueue("c1", "cards"))
        await lost(server)
    # had the server been up, the session would have been given up at once
    bounds.lease_s, bounds.retention_s = 5.0, 0.001
    async with durable(tmp_path) as server, client_of(server, client_id="pbx") as pbx:
        assert (await pbx.heartbeat()).state is SessionState.LOST
        assert (await pbx.reconcile([LiveCall("c1")], [])).agreed == 1
        assert (await pbx.heartbeat()).state is SessionState.HELD


# Keeping a session in Python


async def test_a_kept_session_is_renewed_and_ended(server: RouterServer, pbx: RouterClient, chat: RouterClient) -> None:
    async with pbx.keep_session(never) as session:
        assert session.began
        await chat.heartbeat()
        await lost(server, "chat")
        assert server.shell.sessions.held == ("pbx",)
        assert not session.lost
    assert server.shell.sessions.held == ()


async def test_a_kept_session_that_fails_is_not_ended(server: RouterServer, pbx: RouterClient) -> None:
    async def fail() -> None:
        async with pbx.keep_session(never):
            await pbx.apply(ADA)
            raise RuntimeError("a bug of the client")

    with pytest.raises(RuntimeError):
        await fail()
    await lost(server)
    assert (await pbx.agent("ada")).reason == "connection_lost"


async def test_a_kept_session_comes_back_after_the_server_forgot_it() -> None:
    """In memory only, a server that starts again knows nothing: the client is called and tells it everything."""
    calls: list[str] = []
    came_back = asyncio.Event()
    async with running() as first:
        port = first.port
        client = RouterClient(f"127.0.0.1:{port}", client_id="pbx")

        async def come_back() -> None:
            calls.append("come back")
            if len(calls) == 1:
                raise RuntimeError("the first time fails")
            await client.reconcile([LiveCall("c1", enqueue=c.Enqueue("c1", "cards"))], on_shift(ADA))
            came_back.set()

        session = client.keep_session(come_back)
        await session.__aenter__()
        assert not session.lost
        await client.apply(ADA)

    async def has_noticed() -> bool:
        return session.error is not None

    await until(has_noticed)
    async with running(CONFIG.replace("127.0.0.1:0", f"127.0.0.1:{port}")):
        await asyncio.wait_for(came_back.wait(), 10)
        assert calls == ["come back"] * 2
        assert (await client.call("c1")).state is CallState.WAITING
        assert (await client.agent("ada")).availability is Availability.READY
        await session.__aexit__(None, None, None)
        assert (session.lost, session.error) == (False, None)
        await client.close()


# What is refused


def stub(server: RouterServer) -> Any:
    return session_service_pb2_grpc.SessionServiceStub(grpc.aio.insecure_channel(f"127.0.0.1:{server.port}"))


@pytest.mark.parametrize("client_id", ["", "x" * 256, "a\nb"])
async def test_a_client_says_which_one_it_is(server: RouterServer, client_id: str) -> None:
    async with client_of(server, client_id=client_id) as client:
        for request in (client.heartbeat(), client.end_session(), client.reconcile([], [])):
            error = await refused(request)
            assert (error.reason, error.violations[0].field) == ("INVALID_COMMAND", "client_id")
        async with client.stream(hold_session=True) as stream:
            error = await refused(stream.apply([]))
        assert (error.reason, error.violations[0].field) == ("INVALID_COMMAND", "client_id")
    assert server.shell.sessions.held == ()


OTHER = commands_pb2.Enqueue(call="c2", queue="loans")


def a_call(name: str = "c1", **fields: Any) -> pb.LiveCall:
    return pb.LiveCall(call=name, **(fields or {"waiting": True}))


def an_agent(name: str = "ada") -> pb.LiveAgent:
    return pb.LiveAgent(sign_in=commands_pb2.SignIn(agent=name))


@pytest.mark.parametrize(
    ("calls", "agents", "field", "said"),
    [
        ([a_call(), a_call("")], [], "calls[1].call", "missing"),
        ([a_call("x" * 256)], [], "calls[0].call", "too long"),
        ([a_call("a\x00b")], [], "calls[0].call", "control character"),
        ([pb.LiveCall(call="c1")], [], "calls[0].state", "one of waiting, ringing, talking"),
        ([a_call(waiting=False)], [], "calls[0].waiting", "true"),
        ([a_call(ringing=0)], [], "calls[0].ringing", "1 or more"),
        ([a_call(ringing=-3)], [], "calls[0].ringing", "-3"),
        ([a_call(talking="")], [], "calls[0].talking", "missing"),
        ([a_call("c1"), a_call("c2"), a_call("c1")], [], "calls[2].call", "c1 is listed twice, first in calls[0]"),
        (
            [a_call(waiting=True, enqueue=commands_pb2.Enqueue(call="c2", queue="loans"))],
            [],
            "calls[0].enqueue.call",
            "",
        ),
        ([a_call(waiting=True, enqueue=commands_pb2.Enqueue())], [], "calls[0].enqueue.queue", "missing"),
        (
            [a_call(waiting=True, enqueue=commands_pb2.Enqueue(queue="loans", urgency=17))],  # type: ignore[arg-type]
            [],
            "calls[0].enqueue.urgency",
            "17",
        ),
        ([], [pb.LiveAgent()], "agents[0].sign_in.agent", "missing"),
        ([], [an_agent(), an_agent()], "agents[1].sign_in.agent", "listed twice"),
        ([], [pb.LiveAgent(sign_in=commands_pb2.SignIn(agent="ada"), reason="x\x7f")], "agents[0].reason", "control"),
        ([a_call()] * (ENTRIES_MAX + 1), [], "calls", "at most 100,000"),
    ],
)
async def test_a_malformed_report_is_refused_whole(
    server: RouterServer, pbx: RouterClient, calls: list[pb.LiveCall], agents: list[pb.LiveAgent], field: str, said: str
) -> None:
    await pbx.apply(ADA)
    await pbx.apply(c.Enqueue("mine", "loans"))
    before = server.shell.engine.sequence
    request = pb.ReconcileRequest(client_id="pbx", calls=calls, agents=agents)
    error = await refused(pbx._read(stub(server).Reconcile, request))
    assert (error.reason, error.code) == ("INVALID_COMMAND", grpc.StatusCode.INVALID_ARGUMENT)
    assert error.violations[0].field == field
    assert said in error.violations[0].description
    assert server.shell.engine.sequence == before


async def test_several_violations_are_told_at_once_but_not_without_end(server: RouterServer, pbx: RouterClient) -> None:
    request = pb.ReconcileRequest(client_id="pbx", calls=[pb.LiveCall()] * 50, agents=[pb.LiveAgent()])
    error = await refused(pbx._read(stub(server).Reconcile, request))
    assert [one.field for one in error.violations] == [f"calls[{number}].call" for number in range(10)]


async def test_a_python_call_that_contradicts_itself_is_refused_here(pbx: RouterClient) -> None:
    with pytest.raises(ValueError, match="c1: `ringing` and `talking` are both given"):
        await pbx.reconcile([LiveCall("c1", ringing=1, talking="ada")], [])
    with pytest.raises(ValueError, match="c1: its `enqueue` is of call c2"):
        await pbx.reconcile([LiveCall("c1", enqueue=c.Enqueue("c2", "loans"))], [])


async def test_a_batch_with_and_without_commands_holds_a_session(server: RouterServer) -> None:
    """On the wire: an empty batch with `hold_session` is a heartbeat that is answered at once."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        stream: Any = command_service_pb2_grpc.CommandServiceStub(channel).Apply()
        await stream.write(command_service_pb2.ApplyRequest(batch=7, client_id="pbx", hold_session=True))
        response = await stream.read()
        assert (response.batch, list(response.results)) == (7, [])
        assert response.session_state == pb.SESSION_STATE_HELD
        assert response.header.sequence == server.shell.engine.sequence
        stream.cancel()


async def test_a_batch_is_carried_out_and_told_although_its_session_cannot_begin(
    server: RouterServer, pbx: RouterClient, chat: RouterClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("router.server.sessions.session_plans.SESSIONS_MAX", 1)
    async with chat.stream(hold_session=True) as stream:
        await stream.apply([])
        assert stream.session_state is SessionState.HELD
        await chat.end_session()
        await pbx.heartbeat()
        results = await stream.apply([c.Enqueue("c1", "loans"), ADA])
        assert not any(isinstance(result, Exception) for result in results)
        assert stream.session_state is None
        assert (await refused(chat.heartbeat())).reason == "OVERLOADED"
        await pbx.end_session()
        await stream.apply([])
        assert stream.session_state is SessionState.HELD
    assert server.shell.sessions.held == ("chat",)


# Volume


async def test_a_long_list_holds_up_nobody(server: RouterServer, pbx: RouterClient, client: RouterClient) -> None:
    """While thousands of calls are enqueued, compared and ended, each turn of the others comes after few of them."""
    number = 3_000
    calls = [LiveCall(f"c{one}", enqueue=c.Enqueue(f"c{one}", "loans")) for one in range(number)]
    agents = on_shift(*(c.SignIn(f"a{one}", {"cards": 1}, ready=False) for one in range(300)))
    engine, most, turns = server.shell.engine, 0, 0
    for listed_calls, listed_agents in ((calls, agents), ([], [])):
        task = asyncio.create_task(pbx.reconcile(listed_calls, listed_agents, timeout_s=60))
        before = engine.sequence
        while not task.done():
            await asyncio.sleep(0)
            most, turns, before = max(most, engine.sequence - before), turns + 1, engine.sequence
        assert len((await task).differences) == 3_300
    assert most <= 512
    assert turns > 50
    assert server.shell.sessions.state() == ((), ())


MANY = [LiveCall(f"c{one}", enqueue=c.Enqueue(f"c{one}", "cards")) for one in range(500)]


async def test_who_reconciles_while_the_loss_goes_on_gets_everything_back(
    server: RouterServer, pbx: RouterClient
) -> None:
    await pbx.heartbeat()
    await pbx.reconcile(MANY, on_shift(ADA))
    keeper = server.shell.keeper
    keeper._leases.drop("pbx")
    keeper._start("pbx", keeper._lose)

    while not server.shell.engine.call("c0").detached:
        await asyncio.sleep(0)
    assert not server.shell.engine.call("c499").detached
    found = await pbx.reconcile(MANY, on_shift(ADA))
    assert [one.kind.name for one in found.differences] == ["AVAILABILITY"]
    assert not any(one.detached for one in server.shell.engine.calls())
    assert server.shell.sessions.held == ("pbx",)
    assert (await pbx.heartbeat()).state is SessionState.HELD


async def test_two_reports_at_once_are_taken_one_after_the_other(server: RouterServer, pbx: RouterClient) -> None:
    reports = await asyncio.gather(*(pbx.reconcile(MANY, on_shift(ADA)) for _ in range(3)))
    assert sorted(len(found.differences) for found in reports) == [0, 0, 501]
    assert sorted(found.agreed for found in reports) == [0, 501, 501]


async def test_a_reconcile_that_is_given_up_half_way_can_be_done_again(server: RouterServer, pbx: RouterClient) -> None:
    await pbx.heartbeat()
    await pbx.reconcile(MANY, on_shift(ADA))
    await lost(server)
    keeper = server.shell.keeper
    request = reconcile_request("pbx", MANY, on_shift(ADA), dry_run=False)
    reconciling = asyncio.create_task(keeper.reconcile(request, "test"))
    while server.shell.engine.call("c0").detached:
        await asyncio.sleep(0)
    reconciling.cancel()
    await asyncio.gather(reconciling, return_exceptions=True)
    assert server.shell.engine.call("c499").detached
    assert (await pbx.heartbeat()).state is SessionState.LOST
    found = await pbx.reconcile(MANY, on_shift(ADA))
    assert (found.differences, found.agreed) == ((), 501)
    assert not any(one.detached for one in server.shell.engine.calls())
    assert (await pbx.heartbeat()).state is SessionState.HELD
