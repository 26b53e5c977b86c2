"""The HTTP server for operations: `/metrics` for Prometheus, `/healthz` and `/readyz` for whoever runs the process.

Keeps one invariant: whoever asks, and however slowly, routing goes on; numbers are read in the event loop, their text
is made in a thread.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, Final, TypeVar

from prometheus_client import make_wsgi_app

from router.server.health import Health
from router.server.metrics import catalogue as m
from router.server.metrics.bounded_http import BoundedServer
from router.server.metrics.catalogue import Reading, single
from router.server.metrics.collector import new_registry
from router.server.metrics.metrics import Metrics

logger = logging.getLogger(__name__)

SCRAPES_MAX: Final = 8
"""More at a time get a 503, so that there are always places for probes."""
LOOP_S_MAX: Final = 5.0
"""An event loop that does not answer for so long is taken for dead."""
_POLL_S: Final = 0.1

T = TypeVar("T")
Environment = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], object]


class Listener:
    """Listen on host:port, port 0 for any free one. `metrics` are those of the server once there is one."""

    def __init__(self, listen: str, health: Health) -> None:
        self.port = 0
        self.metrics: Metrics | None = None
        self._listen = listen
        self._health = health
        self._app = make_wsgi_app(new_registry(self._read))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: BoundedServer | None = None
        self._scrapes = threading.Semaphore(SCRAPES_MAX)

    def start(self) -> None:
        """Listen, in a thread. Raises `OSError` if that is not possible; the message says what is wrong."""
        self._loop = asyncio.get_running_loop()
        host, _, port = self._listen.rpartition(":")
        try:
            self._server = BoundedServer((host.removeprefix("[").removesuffix("]"), int(port)))
        except OSError as error:
            raise OSError(f"cannot listen on metrics_listen {self._listen}: {error.strerror or error}") from None
        self._server.set_app(self._serve)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(_POLL_S,), name="metrics", daemon=True).start()

    async def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            await asyncio.to_thread(self._server.shutdown)
            self._server.server_close()

    def _serve(self, environment: Environment, start_response: StartResponse) -> Iterable[bytes]:
        match environment["PATH_INFO"]:
            case "/metrics":
                return self._serve_metrics(environment, start_response)
            case "/healthz":
                return self._probe(start_response, lambda: "")
            case "/readyz":
                return self._probe(start_response, lambda: self._health.obstacle)
        return _answer(start_response, "404 Not Found", "there is /metrics, /healthz and /readyz")

    def _serve_metrics(self, environment: Environment, start_response: StartResponse) -> Iterable[bytes]:
        if not self._scrapes.acquire(blocking=False):
            words = f"{SCRAPES_MAX} others are reading the metrics"
            return _answer(start_response, "503 Service Unavailable", words)
        return _Text(self._metrics_text(environment, start_response), self._scrapes.release)

    def _metrics_text(self, environment: Environment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            text: Iterable[bytes] = self._app(environment, start_response)
        except TimeoutError:
            return self._dead(start_response)
        except Exception:
            logger.exception("the metrics could not be read")
            return _answer(start_response, "500 Internal Server Error", "a fault of the server, which has logged it")
        return text

    def _probe(self, start_response: StartResponse, obstacle: Callable[[], str]) -> Iterable[bytes]:
        async def ask() -> str:
            return obstacle()

        try:
            problem = self._in_loop(ask())
        except TimeoutError:
            return self._dead(start_response)
        return _answer(start_response, "503 Service Unavailable" if problem else "200 OK", problem or "ok")

    def _dead(self, start_response: StartResponse) -> Iterable[bytes]:
        return _answer(start_response, "503 Service Unavailable", f"the server has not answered for {LOOP_S_MAX:g} s")

    def _read(self) -> Sequence[Reading]:
        """Return all readings. Raises `TimeoutError`. Called in a thread."""
        if self.metrics is None:
            return [single(m.READY, int(self._health.is_ready))]
        return [*self._in_loop(self.metrics.gather()), *self.metrics.disk_readings()]

    def _in_loop(self, asking: Coroutine[Any, Any, T]) -> T:
        assert self._loop is not None
        asked = asyncio.run_coroutine_threadsafe(asking, self._loop)
        try:
            return asked.result(LOOP_S_MAX)
        except TimeoutError:
            asked.cancel()
            raise


def _answer(start_response: StartResponse, status: str, words: str) -> Iterable[bytes]:
    start_response(status, [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")])
    return [f"{words}\n".encode()]


class _Text(list[bytes]):
    """The text of an answer; the HTTP server closes it once it is sent, or cannot be."""

    def __init__(self, parts: Iterable[bytes], close: Callable[[], None]) -> None:
        super().__init__(parts)
        self._close = close

    def close(self) -> None:
        """Make room for another. Only the first time counts."""
        self._close()
        self._close = lambda: None
