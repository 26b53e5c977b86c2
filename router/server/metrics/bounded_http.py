"""An HTTP server for few and short requests, a thread each: whoever is slow loses the place, not who comes after.

Keeps one invariant: there are never more than `CONNECTIONS_MAX` connections, and none is older than `CONNECTION_S_MAX`,
or a moment more.
"""

from __future__ import annotations

import socket
import socketserver
import threading
from contextlib import suppress
from time import monotonic
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

CONNECTIONS_MAX: Final = 16
"""If there are so many, the oldest that has not finished asking is cut off for a new one."""
CONNECTION_S_MAX: Final = 10.0
"""How long a client may take to ask and to take the answer, both together."""


class BoundedServer(socketserver.ThreadingMixIn, WSGIServer):
    """Listen at an address. What `set_app` is given answers."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._lock = threading.Lock()
        # oldest first
        self._connections: dict[socket.socket, _Connection] = {}
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Bind without asking anybody for the name of the address, which could take long."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread of its own, or turn it away."""
        with self._lock:
            is_room = len(self._connections) < CONNECTIONS_MAX or self._cut_oldest()
            if is_room:
                self._connections[request] = _Connection()
        if is_room:
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection, and make room for another."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._connections.pop(request, None)

    def asked(self, request: socket.socket) -> None:
        """Learn that a client has said what it wants: it keeps its place until it has the answer."""
        with self._lock:
            if request in self._connections:
                self._connections[request].is_asking = False

    def service_actions(self) -> None:
        """Cut off who is too slow. Called by `serve_forever`, again and again."""
        now_s = monotonic()
        with self._lock:
            for request, connection in list(self._connections.items()):
                if now_s - connection.begun_s >= CONNECTION_S_MAX:
                    self._cut(request)

    def _cut_oldest(self) -> bool:
        """Cut off the oldest client that has not finished asking, and return whether there was one."""
        oldest = next((request for request, connection in self._connections.items() if connection.is_asking), None)
        if oldest is not None:
            self._cut(oldest)
        return oldest is not None

    def _cut(self, request: socket.socket) -> None:
        """End a connection: its thread, wherever it waits, is told by the socket."""
        del self._connections[request]
        with suppress(OSError):
            request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: the client is gone, or too slow."""


class _Connection:
    """Since when it is there, and whether its request is still awaited."""

    __slots__ = ("begun_s", "is_asking")

    def __init__(self) -> None:
        self.begun_s = monotonic()
        self.is_asking = True


class _Handler(WSGIRequestHandler):
    """One request; nothing is said about it in the log."""

    server: BoundedServer

    def parse_request(self) -> bool:
        """Read the rest of a request whose first line is there."""
        is_valid = super().parse_request()
        self.server.asked(self.request)
        return is_valid

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
