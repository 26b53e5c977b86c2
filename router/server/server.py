"""The gRPC server around one engine: services, health, reflection, and an orderly end.

Keeps one invariant: the health service says SERVING exactly as long as commands are taken.
"""

from __future__ import annotations

import asyncio
import logging
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import grpc
from grpc_health.v1 import health as grpc_health
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from router.config import RouterConfig
from router.journal import JournalError
from router.server.clock import Clock
from router.server.health import Health
from router.server.memory import memory_limit
from router.server.metrics import Metrics
from router.server.recovery.snapshots import Snapshots
from router.server.rpcs.admission import AdmissionLayer, backlog_options
from router.server.rpcs.methods import Methods
from router.server.rpcs.observing import ObservingLayer
from router.server.rpcs.refusing import RefusalLayer
from router.server.rpcs.unary import UnaryLayers
from router.server.security.audit import Audit
from router.server.security.security import Security
from router.server.services.administration_service import AdministrationService
from router.server.services.agent_service import AgentService
from router.server.services.call_service import CallService
from router.server.services.command_service import CommandService
from router.server.services.session_service import SessionService
from router.server.services.watch_service import HEARTBEAT_S, WatchService
from router.server.shell import Shell, new_shell
from router.v1 import (
    administration_service_pb2,
    administration_service_pb2_grpc,
    agent_service_pb2,
    agent_service_pb2_grpc,
    call_service_pb2,
    call_service_pb2_grpc,
    command_service_pb2,
    command_service_pb2_grpc,
    session_service_pb2,
    session_service_pb2_grpc,
    watch_service_pb2,
    watch_service_pb2_grpc,
)

if TYPE_CHECKING:
    # an extra, which is imported by whoever wants it
    from router.server.tracing import Tracing

logger = logging.getLogger(__name__)

GRACE_S: Final = 5.0
"""How long RPCs that are under way may take, at most, to end once the server stops."""
_CLOSE_S_MIN: Final = 0.5
_TURN_AWAY_S: Final = 1.0
_QUIET_S: Final = 0.02

SERVICE_NAMES: Final = tuple(
    module.DESCRIPTOR.services_by_name[name].full_name
    for module, name in (
        (call_service_pb2, "CallService"),
        (agent_service_pb2, "AgentService"),
        (watch_service_pb2, "WatchService"),
        (administration_service_pb2, "AdministrationService"),
        (command_service_pb2, "CommandService"),
        (session_service_pb2, "SessionService"),
    )
)
"""The services of the public contract."""


class ListenError(OSError):
    """The server cannot listen where it should; the message says why."""


def _on_estimates_end(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("futures are run no more; routing goes on", exc_info=error)


class RouterServer:
    """Serve an engine over gRPC. `text` is the config's own text, for GetConfig.

    Without `shell`, a new one is made from the config, in memory only: what is not asked for before the end is gone.
    Without `security`, it is what the config says; its paths must be resolved. Raises as `Security` does.
    """

    def __init__(
        self,
        config: RouterConfig,
        text: str,
        *,
        clock: Clock | None = None,
        shell: Shell | None = None,
        listen: str | None = None,
        heartbeat_s: float = HEARTBEAT_S,
        security: Security | None = None,
        health: Health | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        self.settings = config.server
        self.listen = listen or config.server.listen
        self.security = security or Security(config.server, self.listen)
        self.port = 0
        self.metrics_address = ""
        """Where the metrics can be read over HTTP; empty if nowhere."""
        self.failed = False
        self.ended = asyncio.Event()
        """Set when the engine or the journal has failed and the server should be stopped."""
        self.shell = shell or new_shell(config, text, clock or Clock())
        self.shell.writer.on_failure = self._on_failure
        self.health = health or Health()
        self.metrics = Metrics(self.shell, memory_max=memory_limit(config.server.memory_max))
        self.metrics.ready = lambda: self.health.is_ready
        self.metrics.certificate_end_s = lambda: self.security.certificate_end_s
        self.shell.observers.append(self.metrics)
        self.shell.durable_observers.append(Audit())
        self.shell.writer.meters = self.metrics.commands
        for follower in self.metrics.followers:
            self.shell.followers.append(follower)
        self.shell.writer.applier.lane.count_in(self.metrics.commands.native)
        self._tracing = tracing
        if tracing is not None:
            self.shell.writer.tracer = tracing.span_of_work
        self._server = self._new_server(config)
        self._new_methods(config, heartbeat_s).serve_at(self._server)
        self._looking: asyncio.Task[None] | None = None
        self._failing: asyncio.Task[None] | None = None
        self._writing: asyncio.Task[None] | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._estimating: asyncio.Task[None] | None = None
        self._drain_s = config.server.drain_us / 1_000_000
        journal = self.shell.journal
        self._snapshots = None if journal is None else Snapshots(self.shell, journal, config.server)
        self._snapshotting: asyncio.Task[None] | None = None
        self._pausing: asyncio.Future[None] | None = None
        self.stuck = False
        """Whether the disk did not answer until the end, so that the journal's thread cannot end."""

    def _new_server(self, config: RouterConfig) -> grpc.aio.Server:
        options = [
            ("grpc.max_receive_message_length", config.server.message_bytes_max),
            ("grpc.max_send_message_length", -1),
            # two servers on one port would share the calls between them without anybody noticing
            ("grpc.so_reuseport", 0),
            # a peer that is gone without a word is found out, so that its watch does not stay for ever
            ("grpc.keepalive_time_ms", 60_000),
            ("grpc.keepalive_timeout_ms", 20_000),
            ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
            *backlog_options(config.server.rpcs_max),
        ]
        tracing = self._tracing.interceptors() if self._tracing is not None else ()
        return grpc.aio.server(interceptors=tracing, options=options)

    def _new_methods(self, config: RouterConfig, heartbeat_s: float) -> Methods:
        durable = self.shell.writer.durable
        observing = ObservingLayer(self.metrics.rpcs, self.metrics.commands)
        admission = AdmissionLayer(config.server.rpcs_max, config.server.streams_max)
        security = self.security.layer
        unary = UnaryLayers(observing, admission, security, durable)
        layers = (observing, admission, security, RefusalLayer(durable))
        methods: Any = Methods(unary, layers, self.metrics.rpcs.unknown)
        shell = self.shell
        call_service_pb2_grpc.add_CallServiceServicer_to_server(CallService(shell, heartbeat_s), methods)
        agent_service_pb2_grpc.add_AgentServiceServicer_to_server(AgentService(shell), methods)
        administration_service_pb2_grpc.add_AdministrationServiceServicer_to_server(
            AdministrationService(shell), methods
        )
        watch_service_pb2_grpc.add_WatchServiceServicer_to_server(WatchService(shell, heartbeat_s), methods)
        batch_max = config.server.stream_batch_max
        command_service_pb2_grpc.add_CommandServiceServicer_to_server(CommandService(shell, batch_max), methods)
        session_service_pb2_grpc.add_SessionServiceServicer_to_server(SessionService(shell), methods)
        health_pb2_grpc.add_HealthServicer_to_server(self.health.servicer, methods)
        names = [*SERVICE_NAMES, grpc_health.SERVICE_NAME, reflection.SERVICE_NAME]
        reflecting = reflection.aio.ReflectionServicer(names)  # type: ignore[attr-defined]
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(reflecting, methods)
        return methods  # type: ignore[no-any-return]

    async def start(self) -> None:
        """Listen and serve. `port` is then the port in use. Raises `ListenError`."""
        try:
            self.port = self.security.add_port(self._server, self.listen)
        except RuntimeError:
            raise ListenError(
                f"cannot listen on {self.listen}: the port is in use, or the address is not of this machine"
            ) from None
        shadow = self.shell.shadow
        if shadow is not None:
            # first in the writer's line, before anybody's command
            self._pausing = asyncio.ensure_future(self.shell.writer.carry_out(shadow.pausing()))
        self.shell.estimation.begin()
        await self._server.start()
        self._writing = asyncio.create_task(self.shell.writer.run(), name="writer")
        self._writing.add_done_callback(self._on_task_end)
        self._keeping = asyncio.create_task(self.shell.keeper.run(), name="sessions")
        self._keeping.add_done_callback(self._on_task_end)
        self._estimating = asyncio.create_task(self.shell.estimation.run(), name="estimates")
        self._estimating.add_done_callback(_on_estimates_end)
        if self._snapshots is not None:
            self._snapshotting = asyncio.create_task(self._snapshots.run(), name="snapshots")
            self._snapshotting.add_done_callback(self._on_task_end)
        self._looking = asyncio.create_task(
            self.health.watch(lambda: self.shell.writer.committer.stuck_s), name="health"
        )
        self._looking.add_done_callback(self._on_task_end)
        await self.health.serve(SERVICE_NAMES)

    async def stop(self, *, grace_s: float = GRACE_S, drain_s: float | None = None) -> None:
        """Refuse new work with SHUTTING_DOWN, finish and answer what was taken, take a snapshot, and close.

        All within `drain_s`, by default the config's, whatever clients and the disk do: RPCs have `grace_s` of it to
        end, and what cannot be made durable in time is refused with JOURNAL_FAILED.
        """
        until_s = monotonic() + (self._drain_s if drain_s is None else drain_s)
        await self.health.stop()
        if self._keeping is not None:
            self._keeping.cancel()
        if self._estimating is not None:
            self._estimating.cancel()
        self.shell.writer.stop()
        is_done = await self._finish_writing(until_s)
        await self._turn_away(min(until_s, monotonic() + grace_s))
        self.shell.closing.set()
        self.shell.hub.close()
        self.shell.wait_hub.close()
        if self._looking is not None:
            self._looking.cancel()
        closing = self._close_journal(until_s, with_snapshot=is_done and not self.failed)
        await asyncio.gather(closing, self._server.stop(min(grace_s, max(0.0, until_s - monotonic()))))

    async def _finish_writing(self, until_s: float) -> bool:
        """Return whether everything that was taken is done and durable; give it up when it is not until then."""
        writing = self._writing
        if writing is None:
            return True
        await asyncio.wait([writing], timeout=max(0.0, until_s - monotonic()))
        if writing.done():
            return True
        logger.warning(
            "%d commands are not durable in time, and were not acknowledged: the disk is slow",
            self.shell.writer.pending,
        )
        self.shell.writer.abandon()
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        return False

    async def _turn_away(self, until_s: float) -> None:
        """Go on saying SHUTTING_DOWN to those who still send commands, for a while.

        Once gRPC itself stops, they would be told no more than CANCELLED.
        """
        until_s = min(until_s, monotonic() + _TURN_AWAY_S)
        turned_away = -1
        while turned_away != self.shell.writer.turned_away and monotonic() < until_s:
            turned_away = self.shell.writer.turned_away
            await asyncio.sleep(_QUIET_S)

    async def _close_journal(self, until_s: float, *, with_snapshot: bool) -> None:
        if self._snapshotting is not None:
            self._snapshotting.cancel()
            await asyncio.gather(self._snapshotting, return_exceptions=True)
        journal = self.shell.journal
        if journal is None:
            return
        if with_snapshot and self._snapshots is not None and self._snapshots.fits(until_s - monotonic()):
            taking = asyncio.create_task(self._snapshots.take(in_place=True), name="the last snapshot")
            taking.add_done_callback(self._on_task_end)
            await asyncio.wait([taking], timeout=max(0.0, until_s - monotonic()))
            taking.cancel()
        try:
            self.stuck = not await journal.close(max(_CLOSE_S_MIN, until_s - monotonic()))
        except JournalError as error:
            logger.error("the journal was not closed in order: %s", error)
        if self.stuck:
            logger.warning("the disk does not answer: the process ends without it; what was acknowledged is durable")

    def _on_failure(self) -> None:
        self.failed = True
        self.ended.set()
        self._failing = asyncio.create_task(self.health.fail())

    def _on_task_end(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.critical("the server's task %s failed", task.get_name(), exc_info=error)
            self._on_failure()
