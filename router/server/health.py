"""Whether the server is fit for work, as gRPC's health service and the probes over HTTP tell it.

Keeps one invariant: SERVING is said exactly while commands are taken and become durable.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Final

from grpc_health.v1 import health, health_pb2

logger = logging.getLogger(__name__)

STUCK_S: Final = 5.0
"""A disk that has not answered for so long makes the server NOT_SERVING, until it answers."""
_LOOK_S: Final = 0.25

_Status = health_pb2.HealthCheckResponse


class Phase(StrEnum):
    """Where a server is in its life. What it is not ready for is in the words."""

    STARTING = "it is starting: the state is being brought back"
    RUNNING = ""
    STOPPING = "it is stopping: nothing new is taken"
    FAILED = "it has failed and will end"


class Health:
    """The health of one server. `servicer` answers for it over gRPC, for the whole and for each of `services`."""

    def __init__(self) -> None:
        self.servicer = health.aio.HealthServicer()  # type: ignore[attr-defined]
        self._services: Sequence[str] = ()
        self._phase = Phase.STARTING
        self._is_stuck = False

    @property
    def obstacle(self) -> str:
        """Why the server is not ready for work; empty while it is."""
        if self._phase is Phase.RUNNING and self._is_stuck:
            return f"the disk has not answered for {STUCK_S:g} s"
        return self._phase.value

    @property
    def is_ready(self) -> bool:
        """Whether commands are taken and become durable."""
        return not self.obstacle

    async def serve(self, services: Sequence[str]) -> None:
        """Say that the server takes commands from now on, by these services."""
        self._services = services
        self._phase = Phase.RUNNING
        await self._tell()

    async def stop(self) -> None:
        """Say that nothing new is taken any more."""
        if self._phase is not Phase.FAILED:
            self._phase = Phase.STOPPING
        await self._tell()

    async def fail(self) -> None:
        """Say that the server has failed."""
        self._phase = Phase.FAILED
        await self._tell()

    async def watch(self, stuck_s: Callable[[], float]) -> None:
        """Look at how long the disk has not answered, until cancelled."""
        while True:
            is_stuck = stuck_s() > STUCK_S
            if is_stuck != self._is_stuck:
                self._is_stuck = is_stuck
                if is_stuck:
                    logger.error("not ready: the disk has not answered for %g s; no command is answered", STUCK_S)
                else:
                    logger.warning("the disk answers again")
                await self._tell()
            await asyncio.sleep(_LOOK_S)

    async def _tell(self) -> None:
        status = _Status.SERVING if self.is_ready else _Status.NOT_SERVING
        for name in ("", *self._services):
            await self.servicer.set(name, status)
