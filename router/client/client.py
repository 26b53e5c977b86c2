"""The client: one connection to a server, one method for each thing to do or to read.

Keeps one invariant: whatever goes wrong is a `RouterError` with a reason; no gRPC exception gets out.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Final

import grpc
from google.protobuf.message import Message

from router.client.channel import failure_of, metadata_of, open_channel
from router.client.errors import RouterError, error_of_rpc
from router.client.replies import (
    AppliedConfig,
    Config,
    ConfigProblem,
    Moment,
    Reply,
    ServerStatistics,
    WaitEstimate,
    WaitUpdate,
    decode_wait_estimate,
)
from router.client.sessions import (
    Heartbeat,
    KeptSession,
    Reconciled,
    decode_heartbeat,
    decode_reconciled,
    reconcile_request,
)
from router.client.stream import CommandStream
from router.client.wait_watch import WaitWatch, wait_watch_request
from router.client.watch import Watch, watch_request
from router.engine.commands import Command, Enqueue
from router.engine.views import AgentView, CallExplanation, CallView, Decision, Eligibility, QueueView
from router.v1 import (
    administration_service_pb2,
    administration_service_pb2_grpc,
    agent_service_pb2,
    agent_service_pb2_grpc,
    call_service_pb2,
    call_service_pb2_grpc,
    command_service_pb2_grpc,
    session_service_pb2,
    session_service_pb2_grpc,
    watch_service_pb2_grpc,
)
from router.wire.commands import encode_command, field_of
from router.wire.results import decode_result
from router.wire.sessions import LiveAgent, LiveCall
from router.wire.times import from_duration, from_timestamp, to_duration
from router.wire.views import AGENT_VIEW, CALL_EXPLANATION, CALL_VIEW, DECISION, ELIGIBILITY, QUEUE_VIEW, STATISTICS

DEFAULT_ADDRESS: Final = "127.0.0.1:50051"

_PAUSE_S: Final = 0.05
_SPREAD: Final = 1.5
"""Pauses are up to so many times longer, so that those who were refused together do not come back together."""


class RouterClient:
    """A client of one server. Use it as an async context manager, or call `close`.

    With a `client_id`, every command gets a request id of its own unless one is given, and is sent again for up to
    `timeout_s` while the server cannot be reached or has too much to do: it is carried out once all the same.

    `token` goes with every request. With `root_certificates`, or a `certificate` and its `key` (all PEM), or `tls`, the
    connection is encrypted; without root certificates the usual public ones are trusted. Raises `ValueError` for a
    token that would go to another machine unencrypted, unless `allow_insecure`.

    >>> async with RouterClient("127.0.0.1:50051", client_id="pbx-1") as client:  # doctest: +SKIP
    ...     reply = await client.apply(Enqueue("call-1", "loans"))
    """

    def __init__(
        self,
        address: str = DEFAULT_ADDRESS,
        *,
        client_id: str = "",
        timeout_s: float = 10.0,
        token: str = "",
        tls: bool = False,
        root_certificates: bytes | None = None,
        certificate: bytes | None = None,
        key: bytes | None = None,
        allow_insecure: bool = False,
    ) -> None:
        self.address = address
        self.client_id = client_id
        self.timeout_s = timeout_s
        tls = tls or root_certificates is not None or certificate is not None
        self._tls = tls
        self._metadata = metadata_of(token, address, encrypted=tls or allow_insecure)
        self._channel = open_channel(
            address, tls=tls, root_certificates=root_certificates, certificate=certificate, key=key
        )
        self._calls: Any = call_service_pb2_grpc.CallServiceStub(self._channel)
        self._agents: Any = agent_service_pb2_grpc.AgentServiceStub(self._channel)
        self._administration: Any = administration_service_pb2_grpc.AdministrationServiceStub(self._channel)
        self._commands: Any = command_service_pb2_grpc.CommandServiceStub(self._channel)
        self._watching: Any = watch_service_pb2_grpc.WatchServiceStub(self._channel)
        self._sessions: Any = session_service_pb2_grpc.SessionServiceStub(self._channel)

    async def __aenter__(self) -> RouterClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection; streams and watches end."""
        await self._channel.close(None)

    async def wait_until_ready(self, timeout_s: float | None = None) -> None:
        """Wait until the server can be reached. Raises `RouterError` (UNAVAILABLE) after `timeout_s`."""
        timeout_s = self.timeout_s if timeout_s is None else timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                await self._channel.channel_ready()
        except TimeoutError:
            why = await failure_of(self._channel)
            message = f"no server at {self.address} within {timeout_s:g} s" + (f": {why}" if why else "")
            if not self._tls and why.endswith("Socket closed"):
                message += "; something is there: does it want TLS?"
            raise RouterError(grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE", message) from None

    # --- commands

    async def apply(self, command: Command, *, request_id: str = "") -> Reply:
        """Carry out one command. Raises `RouterError` when it is refused, `TypeError` for `Configure` and `Advance`."""
        part = encode_command(command)
        name = part.DESCRIPTOR.name
        send, request_type = self._write_method(name)
        request = request_type(
            client_id=self.client_id, request_id=self._request_id(request_id), **{field_of(part): part}
        )
        response = await self._send_write(send, request)
        estimate = None
        if name == "Enqueue" and response.HasField("wait_estimate"):
            estimate = decode_wait_estimate(response.wait_estimate)
        return Reply(decode_result(response.header, response.result), estimate)

    def stream(self, *, wait_estimates: bool = False, hold_session: bool = False) -> CommandStream:
        """Return a stream for batches of commands; `wait_estimates` asks for one with each `Enqueue`.

        With `hold_session` each batch begins this client's session or renews its lease; an empty one is a heartbeat.
        """
        call = self._commands.Apply(metadata=self._metadata)
        return CommandStream(call, self.client_id, wait_estimates, hold_session)

    def watch(
        self,
        *,
        after_sequence: int | None = None,
        queues: Collection[str] = (),
        agents: Collection[str] = (),
        calls: Collection[str] = (),
        kinds: Collection[type[Any]] = (),
        resume: bool = True,
        on_open: Callable[[], object] | None = None,
    ) -> AsyncIterator[Moment]:
        """Yield events after a sequence, or from now on, that are about one of each list that is not empty.

        The first moment has no events and says that the watch has begun (unless it starts in the past). With `resume`
        a lost connection is made again and nothing is missed; each attempt calls `on_open` first, and the next moment
        says that it succeeded. Raises `RouterError`: HISTORY_GONE when that is impossible, WATCHER_TOO_SLOW without
        `resume`.
        """
        request = watch_request(after_sequence, queues, agents, calls, kinds)

        def open_stream(request: Message) -> Any:
            if on_open is not None:
                on_open()
            return self._watching.Watch(request, metadata=self._metadata)

        return Watch(open_stream, request, resume).moments()

    def watch_wait_estimates(
        self,
        *,
        queues: Collection[str] = (),
        calls: Collection[str] = (),
        min_change_us: int | None = None,
        resume: bool = True,
    ) -> AsyncIterator[WaitUpdate]:
        """Yield what callers should hear: of each waiting call of the queues and calls named, when it changes.

        That is when its position changes, or the moment at which it is expected to be answered moves by
        `min_change_us` (10 s) and 20 %; and once more when its wait is over. With `resume` a lost connection is made
        again; then what was told already may come again. Raises `RouterError`.
        """
        request = wait_watch_request(queues, calls, min_change_us)
        return WaitWatch(partial(self._calls.WatchWaitEstimates, metadata=self._metadata), request, resume).updates()

    # --- sessions

    async def heartbeat(self) -> Heartbeat:
        """Begin this client's session, or renew its lease. Raises `RouterError`."""
        request = session_service_pb2.HeartbeatRequest(client_id=self.client_id)
        return decode_heartbeat(await self._read(self._sessions.Heartbeat, request))

    def keep_session(self, on_lost: Callable[[], Awaitable[object]]) -> KeptSession:
        """Return a session to be kept by `async with`; `on_lost` is awaited when the router has lost this client.

        It should call `reconcile`. Until it has returned without an exception, it is called again after a while.
        """
        return KeptSession(self, on_lost)

    async def end_session(self) -> None:
        """End this client's session, if it has one. Raises `RouterError` (SESSION_LOST)."""
        request = session_service_pb2.EndSessionRequest(client_id=self.client_id)
        await self._read(self._sessions.EndSession, request)

    async def reconcile(
        self,
        calls: Iterable[LiveCall],
        agents: Iterable[LiveAgent],
        *,
        dry_run: bool = False,
        timeout_s: float | None = None,
    ) -> Reconciled:
        """Compare all live calls and agents of this client with the router's, repair what differs, and say what did.

        What is not given is over: without anything, every call and agent of this client is ended. Raises `RouterError`.
        """
        request = reconcile_request(self.client_id, calls, agents, dry_run)
        return decode_reconciled(await self._read(self._sessions.Reconcile, request, timeout_s))

    # --- state

    async def call(self, call: str) -> CallView:
        """Return one call. Raises `RouterError` (UNKNOWN_CALL)."""
        response = await self._read(self._calls.GetCall, call_service_pb2.GetCallRequest(call=call))
        return CALL_VIEW.decode(response.call)

    async def wait_estimate(
        self, of: str | Enqueue, *, within_us: Sequence[int] = (), quick: bool = False
    ) -> WaitEstimate:
        """Estimate the wait of a call, or of one as it would be enqueued. Raises `RouterError`.

        `within_us` are times for which `answered_within` is wanted, in place of the queue's target. With `quick` no
        futures are run: the answer comes at once, from what the server has learnt.
        """
        within = [to_duration(time_us) for time_us in within_us]
        request = call_service_pb2.GetWaitEstimateRequest(within=within, quick=quick)
        if isinstance(of, str):
            request.call = of
        else:
            request.enqueue.CopyFrom(encode_command(of))  # type: ignore[arg-type]
        response = await self._read(self._calls.GetWaitEstimate, request)
        return decode_wait_estimate(response.wait_estimate)

    async def agent(self, agent: str) -> AgentView:
        """Return one agent. Raises `RouterError` (UNKNOWN_AGENT)."""
        response = await self._read(self._agents.GetAgent, agent_service_pb2.GetAgentRequest(agent=agent))
        return AGENT_VIEW.decode(response.agent)

    async def agents(self) -> AsyncIterator[AgentView]:
        """Yield all agents by name."""
        request = agent_service_pb2.ListAgentsRequest(page_size=1_000)
        while True:
            response = await self._read(self._agents.ListAgents, request)
            for message in response.agents:
                yield AGENT_VIEW.decode(message)
            if not response.next_page_token:
                return
            request.page_token = response.next_page_token

    async def queue(self, queue: str) -> QueueView:
        """Return one queue. Raises `RouterError` (UNKNOWN_QUEUE)."""
        response = await self._get_queue(queue, 0)
        return QUEUE_VIEW.decode(response.queue)

    async def waiting(self, queue: str, limit: int = 100) -> list[str]:
        """Return the first `limit` waiting calls of a queue, at most 1,000. Raises `RouterError`."""
        return list((await self._get_queue(queue, limit)).waiting)

    async def queues(self) -> list[QueueView]:
        """Return all queues by name."""
        request = administration_service_pb2.ListQueuesRequest()
        response = await self._read(self._administration.ListQueues, request)
        return [QUEUE_VIEW.decode(message) for message in response.queues]

    async def statistics(self) -> ServerStatistics:
        """Return counters of the work done. Its `sequence` is where a watch may begin to miss nothing after it."""
        request = administration_service_pb2.GetStatisticsRequest()
        response = await self._read(self._administration.GetStatistics, request)
        return ServerStatistics(
            sequence=response.header.sequence,
            time_us=from_timestamp(response.header.time),
            statistics=STATISTICS.decode(response.statistics),
            engine_time_us=from_duration(response.engine_time),
            started_us=from_timestamp(response.started),
            clock_speed=response.clock_speed,
            watchers=response.watchers,
        )

    # --- config

    async def config(self) -> Config:
        """Return the config that rules now."""
        request = administration_service_pb2.GetConfigRequest()
        response = await self._read(self._administration.GetConfig, request)
        return Config(response.toml, response.etag)

    async def validate_config(self, toml: str) -> list[ConfigProblem]:
        """Check a config; nothing is applied. Empty: it is good."""
        request = administration_service_pb2.ValidateConfigRequest(toml=toml)
        response = await self._read(self._administration.ValidateConfig, request)
        return [ConfigProblem(entry.line, entry.key, entry.problem, entry.wanted) for entry in response.problems]

    async def apply_config(
        self, toml: str, *, expected_etag: str = "", moves: Mapping[str, str] | None = None, request_id: str = ""
    ) -> AppliedConfig:
        """Apply a config, if the present one has `expected_etag` or none is given.

        `moves` says for removed queues with calls which queue takes them. Raises `RouterError`: INVALID_CONFIG,
        ETAG_MISMATCH, QUEUE_HAS_CALLS, …
        """
        request = administration_service_pb2.ApplyConfigRequest(
            client_id=self.client_id,
            request_id=self._request_id(request_id),
            toml=toml,
            expected_etag=expected_etag,
            moves=moves or {},
        )
        response = await self._send_write(self._administration.ApplyConfig, request)
        return AppliedConfig(decode_result(response.header, response.result), response.etag)

    # --- explanations

    async def explain_call(self, call: str) -> CallExplanation:
        """Say why a call is where it is. Raises `RouterError` (UNKNOWN_CALL)."""
        request = administration_service_pb2.ExplainCallRequest(call=call)
        response = await self._read(self._administration.ExplainCall, request)
        return CALL_EXPLANATION.decode(response.explanation)

    async def shadow_agent(self, call: str) -> str | None:
        """Return the agent whom a waiting call would get now if a server in shadow mode decided; None if nobody.

        Raises `RouterError` (UNKNOWN_CALL).
        """
        request = administration_service_pb2.ExplainCallRequest(call=call)
        response = await self._read(self._administration.ExplainCall, request)
        return response.shadow_agent if response.HasField("shadow_agent") else None

    async def explain_agent(self, call: str, agent: str) -> Eligibility:
        """Say whether an agent may take a call now, and if not, why not. Raises `RouterError`."""
        request = administration_service_pb2.ExplainAgentRequest(call=call, agent=agent)
        response = await self._read(self._administration.ExplainAgent, request)
        return ELIGIBILITY.decode(response.eligibility)

    async def decisions(self, call: str) -> list[Decision]:
        """Return the last decisions about a call enqueued with `explain`. Raises `RouterError` (UNKNOWN_CALL)."""
        request = administration_service_pb2.ListDecisionsRequest(call=call)
        response = await self._read(self._administration.ListDecisions, request)
        return [DECISION.decode(message) for message in response.decisions]

    # --- how

    async def _get_queue(self, queue: str, limit: int) -> Any:
        request = administration_service_pb2.GetQueueRequest(queue=queue, waiting_limit=limit)
        return await self._read(self._administration.GetQueue, request)

    def _request_id(self, given: str) -> str:
        return given or (uuid.uuid4().hex if self.client_id else "")

    def _write_method(self, name: str) -> tuple[Any, Any]:
        for stub, module in (
            (self._calls, call_service_pb2),
            (self._agents, agent_service_pb2),
            (self._administration, administration_service_pb2),
        ):
            if hasattr(stub, name):
                return getattr(stub, name), getattr(module, f"{name}Request")
        raise TypeError(f"{name} is not a command that can be sent")

    async def _send_write(self, send: Any, request: Any) -> Any:
        """Send a write; send it again while the server cannot be reached or has too much to do, if it is idempotent."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self.timeout_s
        pause_s = _PAUSE_S
        while True:
            try:
                return await self._read(send, request, max(0.001, until - loop.time()))
            except RouterError as error:
                wait_s = max(pause_s, (error.retry_after_us or 0) / 1_000_000) * random.uniform(1.0, _SPREAD)
                if not request.request_id or not _is_passing(error) or loop.time() + wait_s >= until:
                    raise
            await asyncio.sleep(wait_s)
            pause_s *= 2

    async def _read(self, send: Any, request: Message, timeout_s: float | None = None) -> Any:
        try:
            timeout_s = self.timeout_s if timeout_s is None else timeout_s
            return await send(request, timeout=timeout_s, metadata=self._metadata)
        except grpc.aio.AioRpcError as failure:
            raise error_of_rpc(failure) from None


def _is_passing(error: RouterError) -> bool:
    """Say whether the same request may succeed a little later: the server was not there, or had too much to do."""
    return error.reason == "OVERLOADED" or error.code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
