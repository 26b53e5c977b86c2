"""The HTTP server for operations: `/metrics` for Prometheus, `/healthz` and `/readyz` for whoever runs the process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import web

from router.bridge.asterisk.metrics import BridgeMetrics

_TEXT = "text/plain"
_METRICS = "text/plain; version=0.0.4; charset=utf-8"


class OperationsServer:
    """Listen on host:port, port 0 for any free one. `obstacle` says why the bridge is not ready, or is empty."""

    def __init__(self, listen: str, metrics: BridgeMetrics, obstacle: Callable[[], str]) -> None:
        self.port = 0
        self._listen = listen
        self._metrics = metrics
        self._obstacle = obstacle
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen. Raises `OSError` if that is not possible; the message says what is wrong."""
        app = web.Application()
        app.add_routes(
            [web.get("/metrics", self._tell_metrics), web.get("/healthz", self._alive), web.get("/readyz", self._ready)]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        host, _, port = self._listen.rpartition(":")
        site = web.TCPSite(self._runner, host.removeprefix("[").removesuffix("]"), int(port))
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise OSError(f"cannot listen on {self._listen} for metrics: {error.strerror or error}") from None
        self.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        """Listen no more."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _tell_metrics(self, request: web.Request) -> web.Response:
        self._metrics.refresh()
        # the text is made in a thread, so that no call waits for it
        text = await asyncio.to_thread(self._metrics.text)
        return web.Response(body=text, headers={"Content-Type": _METRICS})

    async def _alive(self, request: web.Request) -> web.Response:
        return _answer("")

    async def _ready(self, request: web.Request) -> web.Response:
        return _answer(self._obstacle())


def _answer(problem: str) -> web.Response:
    return web.Response(
        status=503 if problem else 200,
        text=f"{problem or 'ok'}\n",
        content_type=_TEXT,
        headers={"Cache-Control": "no-store"},
    )
