"""The router's side: every command gets one outcome, in order, whatever the router and the connection do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import grpc
import pytest

from router.bridge.asterisk.actions import Applied, LearnAgents, Learned, Reconcile, Refused, Send, Unanswered
from router.bridge.asterisk.router_side import EntryRefused, RouterSide
from router.client import LiveCall, Reconciled, RouterClient, RouterError, SessionState
from router.client.stream import CommandStream, Results
from router.engine import Assign, Cancel, Complete, Enqueue, SetAvailability, SignIn
from router.engine.events import CallEnqueued
from router.server.server import RouterServer
from tests.bridge.whole import ROUTER
from tests.server.support import running


class Ear:
    """Who is told; notes everything in order."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.outcomes: dict[int, Any] = {}

    def told(self, event: Any) -> None:
        self.heard.append(event)

    def answered(self, action: Any, outcome: Any) -> None:
        assert action.number not in self.outcomes, "each action has one outcome"
        self.outcomes[action.number] = outcome

    def router_lost(self, why: str) -> None:
        self.heard.append("lost")

    def router_back(self) -> None:
        self.heard.append("back")

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                await asyncio.sleep(0.002)


@asynccontextmanager
async def side_of(server: RouterServer, **settings: Any) -> AsyncIterator[tuple[RouterSide, Ear]]:
    ear = Ear()
    async with RouterClient(f"127.0.0.1:{server.port}", client_id="pbx", timeout_s=2.0) as client:
        side = RouterSide(client, ear, settings.get("time_limit_s", 2.0), lambda *_: None)
        running_side = asyncio.create_task(side.run())
        try:
            await ear.until(lambda: "back" in ear.heard)
            yield side, ear
        finally:
            running_side.cancel()
            await asyncio.gather(running_side, return_exceptions=True)


async def test_commands_go_out_in_order_and_events_come_in() -> None:
    async with running(ROUTER) as server, side_of(server) as (side, ear):
        side.send(Send(1, Enqueue("a", "loans"), "a"))
        side.send(Send(2, Cancel("a"), "a"))
        side.send(Send(3, Cancel("b"), "b"))
        await ear.until(lambda: len(ear.outcomes) == 3)
        assert isinstance(ear.outcomes[1], Applied)
        assert ear.outcomes[1].reply.wait_estimate is not None
        assert isinstance(ear.outcomes[2], Applied)
        assert ear.outcomes[3].reason == "UNKNOWN_CALL"
        await ear.until(lambda: any(isinstance(event, CallEnqueued) for event in ear.heard))


async def test_without_a_link_commands_are_unanswered_and_it_comes_back() -> None:
    async with running(ROUTER) as server, side_of(server) as (side, ear):
        port = server.port
        await server.stop(grace_s=0.05)
        await ear.until(lambda: "lost" in ear.heard)
        side.send(Send(1, Complete("a"), "a"))
        assert 1 not in ear.outcomes, "never while it is being asked"
        await ear.until(lambda: 1 in ear.outcomes)
        assert isinstance(ear.outcomes[1], Unanswered)
        async with running(ROUTER.replace("127.0.0.1:0", f"127.0.0.1:{port}")):
            await ear.until(lambda: ear.heard.count("back") == 2)
            side.send(Send(2, Enqueue("b", "loans"), "b"))
            await ear.until(lambda: 2 in ear.outcomes)
            assert isinstance(ear.outcomes[2], Applied)
            await ear.until(lambda: any(isinstance(event, CallEnqueued) for event in ear.heard))


async def test_agents_of_an_earlier_run_are_learnt_and_nothing_is_changed_by_that() -> None:
    async with running(ROUTER) as server, side_of(server) as (side, ear):
        for number, agent in enumerate(("ada", "ben"), 1):
            side.send(Send(number, SignIn(agent, {"loans": 5})))
        side.send(Send(3, SetAvailability("ben", ready=False, reason="lunch")))
        side.send(Send(5, Enqueue("waits", "loans")))
        side.send(Send(6, Enqueue("talks", "loans")))
        side.send(Send(7, Assign("talks", "ben")))
        await ear.until(lambda: 7 in ear.outcomes)
        side.learn(LearnAgents(4, ("waits", "talks", "nobody")))
        await ear.until(lambda: 4 in ear.outcomes)
        learned = ear.outcomes[4]
        assert isinstance(learned, Learned)
        assert learned.assigned == ("talks",)
        assert sorted((view.agent, view.reason) for view in learned.agents) == [("ada", ""), ("ben", "lunch")]


async def test_callbacks_of_an_earlier_run_are_learnt_and_nothing_else() -> None:
    async with running(ROUTER) as server, side_of(server) as (side, ear):
        for number, call in enumerate(("back", "there", "known"), 1):
            side.send(Send(number, Enqueue(call, "loans", callback=call != "there", attributes={"a": call})))
        await ear.until(lambda: 3 in ear.outcomes)
        side.learn(LearnAgents(4, (), (LiveCall("known"), LiveCall("unheard of"))))
        await ear.until(lambda: 4 in ear.outcomes)
        learned = ear.outcomes[4]
        assert isinstance(learned, Learned)
        assert [(view.call, view.attributes) for view in learned.callbacks] == [("back", {"a": "back"})]
        side.send(Send(5, Cancel("there")))
        await ear.until(lambda: 5 in ear.outcomes)
        assert isinstance(ear.outcomes[5], Applied), "it was only asked"


async def test_comparing_and_what_cannot_be_compared() -> None:
    async with running(ROUTER) as server, side_of(server) as (side, ear):
        side.reconcile(Reconcile(1, (LiveCall("a", enqueue=Enqueue("a", "loans")),), ()))
        side.reconcile(Reconcile(2, (LiveCall("a", ringing=1, talking="ada"),), ()))
        await ear.until(lambda: len(ear.outcomes) == 2)
        assert isinstance(ear.outcomes[1], Reconciled)
        assert isinstance(ear.outcomes[2], Refused)


async def test_a_command_that_is_no_message_harms_no_other() -> None:
    async with running(ROUTER) as server, side_of(server) as (side, ear):
        side.send(Send(1, Enqueue("a", "loans"), "a"))
        side.send(Send(2, Enqueue("\ud800", "loans"), "b"))
        side.send(Send(3, Enqueue("c", "loans"), "c"))
        await ear.until(lambda: len(ear.outcomes) == 3)
        assert isinstance(ear.outcomes[1], Applied)
        assert ear.outcomes[2].reason == "INVALID_COMMAND"
        assert isinstance(ear.outcomes[3], Applied)
        assert "lost" not in ear.heard


class OverloadedStream:
    """Passes batches on, but refuses the first `times` of each command that `matches`."""

    def __init__(self, stream: CommandStream, matches: Callable[[Any], bool], times: int, sent: list[Any]) -> None:
        self._stream = stream
        self._matches = matches
        self._times = times
        self._sent = sent

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    async def __aenter__(self) -> OverloadedStream:
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._stream.__aexit__(*error)

    async def send(self, commands: list[Any], ids: list[str]) -> asyncio.Future[Results]:
        self._sent.extend(zip(commands, ids, strict=True))
        if self._times and any(self._matches(command) for command in commands):
            assert len(commands) == 1, "the test sends these alone"
            self._times -= 1
            future: asyncio.Future[Results] = asyncio.get_running_loop().create_future()
            future.set_result([RouterError(grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED", "too much")])
            return future
        return await self._stream.send(commands, ids)


def overload(monkeypatch: pytest.MonkeyPatch, matches: Callable[[Any], bool], times: int) -> list[Any]:
    sent: list[Any] = []
    plain = RouterClient.stream
    monkeypatch.setattr(
        RouterClient, "stream", lambda client, **kw: OverloadedStream(plain(client, **kw), matches, times, sent)
    )
    return sent


async def test_an_overloaded_router_gets_the_same_again_and_others_of_the_call_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent = overload(monkeypatch, lambda command: isinstance(command, Enqueue) and command.call == "a", 2)
    async with running(ROUTER) as server, side_of(server) as (side, ear):
        side.send(Send(1, Enqueue("a", "loans"), "a"))
        await ear.until(lambda: sent)
        await asyncio.sleep(0.02)
        side.send(Send(2, Cancel("a"), "a"))
        side.send(Send(3, Enqueue("b", "loans"), "b"))
        await ear.until(lambda: 3 in ear.outcomes)
        assert 2 not in ear.outcomes
        await ear.until(lambda: len(ear.outcomes) == 3)
        assert isinstance(ear.outcomes[1], Applied)
        assert isinstance(ear.outcomes[2], Applied)
        tries = [request_id for command, request_id in sent if command == Enqueue("a", "loans")]
        assert len(tries) == 3
        assert len(set(tries)) == 1


async def test_a_router_that_stays_overloaded_refuses_callers_but_leaves_other_commands_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("router.bridge.asterisk.command_sender.OVERLOAD_PAUSES_S", (0.01,))
    overload(monkeypatch, lambda command: isinstance(command, Enqueue | Cancel), 4)
    async with running(ROUTER) as server, side_of(server) as (side, ear):
        side.send(Send(1, Enqueue("a", "loans"), "a"))
        await ear.until(lambda: 1 in ear.outcomes)
        assert ear.outcomes[1].reason == "OVERLOADED"
        assert "lost" not in ear.heard
        side.send(Send(2, Cancel("b"), "b"))
        await ear.until(lambda: 2 in ear.outcomes)
        assert isinstance(ear.outcomes[2], Unanswered)
        await ear.until(lambda: ear.heard.count("back") == 2)


async def test_a_lost_session_is_told_as_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(ROUTER) as server, side_of(server, time_limit_s=0.05) as (_, ear):
        real = CommandStream.__dict__.get("session_state")
        monkeypatch.setattr(
            CommandStream, "session_state", property(lambda _: SessionState.LOST, lambda *_: None), raising=False
        )
        await ear.until(lambda: "lost" in ear.heard)
        assert ear.heard[ear.heard.index("lost") + 1] == "back"
        monkeypatch.undo()
        assert CommandStream.__dict__.get("session_state") is real


async def test_a_stream_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(ROUTER) as server, side_of(server, time_limit_s=0.1) as (side, ear):
        plain = CommandStream.apply

        async def hang(*_: Any) -> Results:
            await asyncio.sleep(3600)
            raise AssertionError

        monkeypatch.setattr(CommandStream, "apply", hang)
        await ear.until(lambda: "lost" in ear.heard)
        monkeypatch.setattr(CommandStream, "apply", plain)
        await ear.until(lambda: ear.heard.count("back") == 2)
        assert side.links == 2


async def test_who_is_not_let_in_at_first_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: Any) -> None:
        raise RouterError(grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED", "nobody has this token")

    monkeypatch.setattr(RouterClient, "heartbeat", refuse)
    async with RouterClient("127.0.0.1:1", client_id="pbx") as client:
        side = RouterSide(client, Ear(), 1.0, lambda *_: None)
        with pytest.raises(EntryRefused, match="nobody has this token"):
            await side.run()


async def test_stopping_sends_what_waits_and_leaves_the_session() -> None:
    async with running(ROUTER) as server:
        ear = Ear()
        async with RouterClient(f"127.0.0.1:{server.port}", client_id="pbx") as client:
            side = RouterSide(client, ear, 2.0, lambda *_: None)
            task = asyncio.create_task(side.run())
            await ear.until(lambda: "back" in ear.heard)
            for number in range(500):
                side.send(Send(number, Enqueue(f"call-{number}", "loans"), f"call-{number}"))
            await side.stop()
            with suppress(asyncio.CancelledError):
                await asyncio.wait_for(task, 5)
            assert len(ear.outcomes) == 500
            assert all(isinstance(outcome, Applied) for outcome in ear.outcomes.values())
            assert "lost" not in ear.heard
            assert not (await client.heartbeat()).began


async def test_a_watch_that_meets_a_fault_goes_on_and_is_told_as_a_gap() -> None:
    async with running(ROUTER) as server, side_of(server) as (side, ear):
        told, faults = ear.told, [TypeError("made up")]

        def fail_once(event: Any) -> None:
            if faults:
                raise faults.pop()
            told(event)

        ear.told = fail_once  # type: ignore[method-assign]
        side.send(Send(1, Enqueue("a", "loans"), "a"))
        await ear.until(lambda: ear.heard.count("back") == 2)
        side.send(Send(2, Enqueue("b", "loans"), "b"))
        await ear.until(lambda: any(isinstance(one, CallEnqueued) and one.call == "b" for one in ear.heard))


async def test_after_a_gap_nothing_is_repeated_that_was_asked_for_before(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = overload(monkeypatch, lambda command: isinstance(command, Enqueue), 1)
    async with running(ROUTER) as server, side_of(server) as (side, ear):
        side.send(Send(1, Enqueue("a", "loans"), "a"))
        await ear.until(lambda: sent)
        side.send(Send(2, Cancel("a"), "a"))
        side._break("made up")
        await ear.until(lambda: ear.heard.count("back") == 2 and len(ear.outcomes) == 2)
        assert all(isinstance(outcome, Unanswered) for outcome in ear.outcomes.values())
        side.send(Send(3, Enqueue("b", "loans"), "b"))
        await ear.until(lambda: 3 in ear.outcomes)
        await asyncio.sleep(0.3)
        assert [command.call for command, _ in sent].count("a") == 1
        assert not [command for command, _ in sent if isinstance(command, Cancel)]
