"""What a process shows to those who run it, from before its state is brought back until its end.

Keeps one invariant: probes and metrics answer from the first moment to the last.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from router.server.health import Health
from router.server.metrics.listener import Listener
from router.server.recovery.recovery import Recovered
from router.server.security.listening import check_metrics
from router.server.server import RouterServer

logger = logging.getLogger(__name__)


class Operations:
    """The health of one server, and where it can be asked for over HTTP, if anywhere."""

    def __init__(self, listen: str) -> None:
        self.health = Health()
        self.listener = Listener(listen, self.health) if listen else None
        self._host = listen.rpartition(":")[0]

    def show(self, server: RouterServer, recovered: Recovered | None = None) -> None:
        """Show the metrics of a server from now on, and what its state was brought back from."""
        if recovered is not None:
            server.metrics.recovered(recovered.duration_s, recovered.replayed, recovered.downtime_us)
        if self.listener is not None:
            self.listener.metrics = server.metrics
            server.metrics_address = f"{self._host}:{self.listener.port}"


@asynccontextmanager
async def operations(listen: str, *, allow_insecure: bool = False) -> AsyncIterator[Operations]:
    """Listen for probes and metrics at host:port; not at all if that is empty.

    Raises `SecurityError` for an address that others can reach, unless `allow_insecure`, and `OSError` for one that
    cannot be used.
    """
    for warning in check_metrics(listen, allow_insecure=allow_insecure):
        logger.warning("%s", warning)
    shown = Operations(listen)
    if shown.listener is None:
        yield shown
        return
    shown.listener.start()
    try:
        yield shown
    finally:
        await shown.listener.close()
