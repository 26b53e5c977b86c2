"""Traffic as PBXs make it, over connections that may break at any moment: unary, streams, sessions, watchers, queries.

Keeps one invariant: a request that was sent with a request id is sent again, unchanged, until it is answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc

from router.client import Reply, RouterClient, RouterError
from router.client.errors import error_of_rpc
from router.engine import events as e
from router.v1 import (
    administration_service_pb2,
    administration_service_pb2_grpc,
    agent_service_pb2,
    agent_service_pb2_grpc,
    call_service_pb2,
    call_service_pb2_grpc,
    commands_pb2,
    session_service_pb2,
    session_service_pb2_grpc,
)
from router.wire.views import AGENT_VIEW, CALL_VIEW, QUEUE_VIEW
from tests.recovery.floor import Actor, Floor
from tests.recovery.record import Deed, Outcome, Record

TIMEOUT_S = 10.0
PAUSE_S = 0.03
UNARY_CLIENTS = 3
STREAM_CLIENTS = 2
BATCHES_UNDER_WAY = 3
BATCH_MAX = 12
PACE_S = 0.012
SILENCE_EVERY = 12


class Traffic:
    """All clients of a drill. They go on until `stop`; what they know is in `record`, what they saw in `watched`."""

    def __init__(self, address: str, seed: int, configs: tuple[str, ...]) -> None:
        self.record = Record()
        self.floor = Floor()
        self.watched: deque[e.Event] = deque()
        self.lost_sessions = 0
        self.reconciled = 0
        self._address = address
        self._rng = random.Random(seed)
        self._configs = configs
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        """Make traffic inside the block; leave it when every request is answered. Whatever fails, fails the block."""
        workers = [*self._workers()]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(worker) for worker in workers]
            watching = group.create_task(self._watch())
            yield
            self._stopping.set()
            await asyncio.wait(tasks)
            await self._retry_the_rest()
            watching.cancel()

    async def flowing(self, timeout_s: float) -> None:
        """Wait until something more is answered than was before."""
        before = self.record.acknowledged
        async with asyncio.timeout(timeout_s):
            while self.record.acknowledged == before:
                await asyncio.sleep(0.005)

    def _workers(self) -> Any:
        for number in range(UNARY_CLIENTS):
            name = f"unary{number}"
            actor = Actor(name, self._rng.getrandbits(32), self.floor)
            for _ in range(2):
                yield self._do_one_by_one(actor)
        for number in range(STREAM_CLIENTS):
            name = f"stream{number}"
            actor = Actor(name, self._rng.getrandbits(32), self.floor)
            yield self._do_in_batches(RouterClient(self._address, client_id=name, timeout_s=TIMEOUT_S), actor)
        yield self._configure(RouterClient(self._address, client_id="admin", timeout_s=TIMEOUT_S))
        yield self._hold_session(Actor("session", self._rng.getrandbits(32), self.floor))
        yield self._look(random.Random(self._rng.getrandbits(32)))

    async def _rest(self, mean_s: float = PACE_S) -> None:
        """Pause between two commands, as callers and agents do."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._rng.expovariate(1 / mean_s)):
                await self._stopping.wait()

    # --- one command at a time

    async def _do_one_by_one(self, actor: Actor) -> None:
        named = RouterClient(self._address, client_id=actor.name, timeout_s=TIMEOUT_S)
        async with named as client, RouterClient(self._address, timeout_s=TIMEOUT_S) as nameless:
            while not self._stopping.is_set():
                if actor.rng.random() < 0.05:
                    await self._do_once(nameless, self.record.intend("", actor.new_call(), idempotent=False))
                else:
                    deed = self.record.intend(actor.name, actor.command())
                    await self._do(client, deed)
                    if actor.rng.random() < 0.03:
                        await self._do(client, deed)  # asked again, although it was answered
                await self._rest()

    async def _do(self, client: RouterClient, deed: Deed) -> None:
        """Send a request until it is answered."""
        while not await self._do_once(client, deed):
            await asyncio.sleep(PAUSE_S)

    async def _do_once(self, client: RouterClient, deed: Deed) -> bool:
        """Send a request, and say whether it was answered."""
        self.record.sent(deed)
        try:
            if deed.command is None:
                result = (await client.apply_config(deed.toml, request_id=deed.request_id)).result
            else:
                result = (await client.apply(deed.command, request_id=deed.request_id)).result
        except RouterError as error:
            return self._refused(deed, error)
        self.record.answered(deed, Outcome.of_result(result), repeated=result.repeated)
        return True

    def _refused(self, deed: Deed, error: RouterError) -> bool:
        """Note a rejection; say False where nobody knows what became of the request. Anything else is a failure."""
        outcome = Outcome.of_error(error)
        if outcome is not None:
            self.record.answered(deed, outcome, repeated=False)
            return True
        if is_of_broken_connection(error):
            return False
        raise AssertionError(f"{deed.key} {deed.command} was refused: {error}")

    async def _retry_the_rest(self) -> None:
        """Send what is still without an answer, and some of what has one, once more each."""
        recent = list(self.record.deeds.values())[-400:]  # sent not long ago, so that they are remembered
        answered = [deed for deed in recent if deed.outcome is not None and deed.request_id]
        again = self._rng.sample(answered, min(200, len(answered)))
        for deed in [*self.record.unanswered(), *again]:
            async with RouterClient(self._address, client_id=deed.client_id, timeout_s=TIMEOUT_S) as client:
                await self._do(client, deed)

    # --- batches

    async def _do_in_batches(self, client: RouterClient, actor: Actor) -> None:
        """Keep several batches under way; what a broken stream leaves unknown goes first over the next one."""
        unknown: deque[list[Deed]] = deque()
        async with client:
            while not self._stopping.is_set() or unknown:
                try:
                    async with client.stream() as stream:
                        await self._pour(stream, actor, unknown)
                except RouterError as error:
                    if not is_of_broken_connection(error):
                        raise
                await asyncio.sleep(PAUSE_S)

    async def _pour(self, stream: Any, actor: Actor, unknown: deque[list[Deed]]) -> None:
        waiting: deque[asyncio.Future[Any]] = deque()
        sent = 0
        while sent < len(unknown) or not self._stopping.is_set():
            if sent == len(unknown):
                count = actor.rng.randint(1, BATCH_MAX)
                unknown.append([self.record.intend(actor.name, actor.command()) for _ in range(count)])
            batch = unknown[sent]
            sent += 1
            for deed in batch:
                self.record.sent(deed)
            waiting.append(await stream.send([deed.command for deed in batch], [deed.request_id for deed in batch]))
            if len(waiting) == BATCHES_UNDER_WAY:
                self._take(await waiting.popleft(), unknown.popleft())
                sent -= 1
            await self._rest(PACE_S * 3)
        while waiting:
            self._take(await waiting.popleft(), unknown.popleft())

    def _take(self, results: list[Reply | RouterError], batch: list[Deed]) -> None:
        assert len(results) == len(batch), "a batch was answered in part"
        for deed, result in zip(batch, results, strict=True):
            if isinstance(result, RouterError):
                if not self._refused(deed, result):
                    raise result
            else:
                self.record.answered(deed, Outcome.of_result(result.result), repeated=result.result.repeated)

    # --- config, sessions, queries, watching

    async def _configure(self, client: RouterClient) -> None:
        async with client:
            for number in itertools.count():
                await self._rest(0.7)
                if self._stopping.is_set():
                    return
                toml = self._configs[number % len(self._configs)]
                await self._do(client, self.record.intend("admin", None, toml=toml))

    async def _hold_session(self, actor: Actor) -> None:
        """Hold a session with some agents and calls, fall silent at times, and reconcile when that was noticed."""
        async with RouterClient(self._address, client_id=actor.name, timeout_s=TIMEOUT_S) as client:
            channel = grpc.aio.insecure_channel(self._address)
            sessions: Any = session_service_pb2_grpc.SessionServiceStub(channel)
            for beat in itertools.count(1):
                if self._stopping.is_set():
                    break
                with contextlib.suppress(grpc.aio.AioRpcError):
                    request = session_service_pb2.HeartbeatRequest(client_id=actor.name)
                    answer = await sessions.Heartbeat(request, timeout=TIMEOUT_S)
                    self.record.seen(answer.header.sequence)
                    if answer.state == session_service_pb2.SESSION_STATE_LOST or answer.began:
                        self.lost_sessions += not answer.began
                        await self._reconcile(sessions, client, actor)
                for _ in range(3):
                    await self._do(client, self.record.intend(actor.name, actor.command()))
                await self._rest(0.1)
                if beat % SILENCE_EVERY == 0:
                    await self._rest(4.0)
            await channel.close(None)

    async def _reconcile(self, sessions: Any, client: RouterClient, actor: Actor) -> None:
        """Tell the server what there is, as far as this client knows."""
        calls = [
            session_service_pb2.LiveCall(call=call, waiting=True)
            for call in self.floor.waiting
            if call.startswith(f"{actor.name}-")
        ]
        calls += [
            session_service_pb2.LiveCall(call=call, talking=agent)
            for call, agent in self.floor.assigned.items()
            if call.startswith(f"{actor.name}-")
        ]
        agents = [
            session_service_pb2.LiveAgent(sign_in=commands_pb2.SignIn(agent=agent, ready=ready))
            for agent, ready in self.floor.signed_in.items()
            if agent.startswith(f"{actor.name}-")
        ]
        request = session_service_pb2.ReconcileRequest(client_id=actor.name, calls=calls, agents=agents)
        answer = await sessions.Reconcile(request, timeout=TIMEOUT_S)
        self.record.seen(answer.header.sequence)
        self.reconciled += 1

    async def _look(self, rng: random.Random) -> None:
        """Ask about calls, agents and queues, and note as of which sequence the answers are."""
        channel = grpc.aio.insecure_channel(self._address)
        calls: Any = call_service_pb2_grpc.CallServiceStub(channel)
        agents: Any = agent_service_pb2_grpc.AgentServiceStub(channel)
        queues: Any = administration_service_pb2_grpc.AdministrationServiceStub(channel)
        while not self._stopping.is_set():
            try:
                if names := [*self.floor.waiting, *self.floor.assigned]:
                    response = await calls.GetCall(call_service_pb2.GetCallRequest(call=rng.choice(names)), timeout=5)
                    self.record.sighted(response.header.sequence, CALL_VIEW.decode(response.call))
                if names := list(self.floor.signed_in):
                    response = await agents.GetAgent(
                        agent_service_pb2.GetAgentRequest(agent=rng.choice(names)), timeout=5
                    )
                    self.record.sighted(response.header.sequence, AGENT_VIEW.decode(response.agent))
                response = await queues.ListQueues(administration_service_pb2.ListQueuesRequest(), timeout=5)
                for message in response.queues:
                    self.record.sighted(response.header.sequence, QUEUE_VIEW.decode(message))
            except grpc.aio.AioRpcError as failure:
                error = error_of_rpc(failure)
                if not is_of_broken_connection(error) and error.code is not grpc.StatusCode.NOT_FOUND:
                    raise error from None
            await self._rest(PACE_S * 2)
        await channel.close(None)

    async def _watch(self) -> None:
        """See everything there is, from the beginning on."""
        async with RouterClient(self._address) as client:
            async for moment in client.watch(after_sequence=0):
                self.record.seen(moment.sequence)
                for event in moment.events:
                    self.floor.observe(event)
                    self.watched.append(event)


def is_of_broken_connection(error: RouterError) -> bool:
    """Say whether an error leaves it open what became of a request: the server went away, or is going."""
    if error.reason == "JOURNAL_FAILED" or error.code in (
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
    ):
        return True
    # what gRPC's client makes of a stream that breaks while it is written to
    return error.code in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN) and error.reason == error.code.name
