"""The gRPC server around one engine: services, health, reflection, and an orderly end.

Keeps one invariant: the health service says SERVING exactly as long as commands are taken.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from router.config import RouterConfig
from router.engine import Engine
from router.server.administration_service import AdministrationService
from router.server.agent_service import AgentService
from router.server.call_service import CallService
from router.server.clock import Clock
from router.server.command_service import CommandService
from router.server.interceptor import RefusalInterceptor
from router.server.shell import Shell
from router.server.watch_service import HEARTBEAT_S, WatchService
from router.server.writer import PENDING_MAX
from router.v1 import (
    administration_service_pb2,
    administration_service_pb2_grpc,
    agent_service_pb2,
    agent_service_pb2_grpc,
    call_service_pb2,
    call_service_pb2_grpc,
    command_service_pb2,
    command_service_pb2_grpc,
    watch_service_pb2,
    watch_service_pb2_grpc,
)

logger = logging.getLogger(__name__)

GRACE_S: Final = 5.0
"""How long RPCs that are under way may take to end once the server stops."""

SERVICE_NAMES: Final = tuple(
    module.DESCRIPTOR.services_by_name[name].full_name
    for module, name in (
        (call_service_pb2, "CallService"),
        (agent_service_pb2, "AgentService"),
        (watch_service_pb2, "WatchService"),
        (administration_service_pb2, "AdministrationService"),
        (command_service_pb2, "CommandService"),
    )
)
"""The services of the public contract."""


class ListenError(OSError):
    """The server cannot listen where it should; the message says why."""


class RouterServer:
    """Serve an engine over gRPC. `text` is the config's own text, for GetConfig.

    Without `engine`, a new one is made from the config. Keeps everything in memory: what is not asked for before the
    end is gone.
    """

    def __init__(
        self,
        config: RouterConfig,
        text: str,
        *,
        clock: Clock | None = None,
        engine: Engine | None = None,
        listen: str | None = None,
        heartbeat_s: float = HEARTBEAT_S,
        pending_max: int = PENDING_MAX,
    ) -> None:
        not_before_us = engine.time_us if engine is not None else 0
        clock = clock or Clock(not_before_us=not_before_us)
        engine = engine or Engine(config.settings, time_us=clock.now_us())
        self.listen = listen or config.server.listen
        self.port = 0
        self.failed = False
        self.ended = asyncio.Event()
        """Set when the engine has failed and the server should be stopped."""
        self.shell = Shell(engine, clock, config, text, on_failure=self._on_failure, pending_max=pending_max)
        self._server = self._new_server(config, heartbeat_s)
        self._health = health.aio.HealthServicer()  # type: ignore[attr-defined]
        self._writing: asyncio.Task[None] | None = None

    def _new_server(self, config: RouterConfig, heartbeat_s: float) -> grpc.aio.Server:
        options = [
            ("grpc.max_receive_message_length", config.server.message_bytes_max),
            ("grpc.max_send_message_length", -1),
            # two servers on one port would share the calls between them without anybody noticing
            ("grpc.so_reuseport", 0),
            # a peer that is gone without a word is found out, so that its watch does not stay for ever
            ("grpc.keepalive_time_ms", 60_000),
            ("grpc.keepalive_timeout_ms", 20_000),
            ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ]
        server = grpc.aio.server(interceptors=[RefusalInterceptor()], options=options)
        shell = self.shell
        call_service_pb2_grpc.add_CallServiceServicer_to_server(CallService(shell), server)
        agent_service_pb2_grpc.add_AgentServiceServicer_to_server(AgentService(shell), server)
        administration_service_pb2_grpc.add_AdministrationServiceServicer_to_server(
            AdministrationService(shell), server
        )
        watch_service_pb2_grpc.add_WatchServiceServicer_to_server(WatchService(shell, heartbeat_s), server)
        batch_max = config.server.stream_batch_max
        command_service_pb2_grpc.add_CommandServiceServicer_to_server(CommandService(shell, batch_max), server)
        return server

    async def start(self) -> None:
        """Listen and serve. `port` is then the port in use. Raises `ListenError`."""
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection(
            [*SERVICE_NAMES, health.SERVICE_NAME, reflection.SERVICE_NAME], self._server
        )
        try:
            self.port = self._server.add_insecure_port(self.listen)
        except RuntimeError:
            raise ListenError(
                f"cannot listen on {self.listen}: the port is in use, or the address is not of this machine"
            ) from None
        await self._server.start()
        self._writing = asyncio.create_task(self.shell.writer.run(), name="writer")
        self._writing.add_done_callback(self._on_writer_end)
        await self._set_health(health_pb2.HealthCheckResponse.SERVING)

    async def stop(self, grace_s: float = GRACE_S) -> None:
        """Refuse new work with SHUTTING_DOWN, finish what was taken, let watchers and streams end, and close."""
        await self._set_health(health_pb2.HealthCheckResponse.NOT_SERVING)
        self.shell.writer.stop()
        self.shell.stopping.set()
        if self._writing is not None:
            await asyncio.gather(self._writing, return_exceptions=True)
        self.shell.hub.close()
        await self._server.stop(grace_s)

    async def _set_health(self, status: Any) -> None:
        for name in ("", *SERVICE_NAMES):
            await self._health.set(name, status)

    def _on_failure(self) -> None:
        self.failed = True
        self.ended.set()

    def _on_writer_end(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.critical("the writer failed", exc_info=error)
            self._on_failure()
