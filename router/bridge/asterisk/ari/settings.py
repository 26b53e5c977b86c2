"""Where Asterisk is, and how long to wait for it."""

from __future__ import annotations

import socket
import ssl
from base64 import b64encode
from typing import Any

from msgspec import Struct


class AriSettings(Struct, frozen=True):
    """`url` is where Asterisk's HTTP server is, such as `http://127.0.0.1:8088`, with its prefix if it has one."""

    url: str
    app: str
    user: str
    password: str
    time_limit_s: float = 5.0
    """How long to wait for an answer before a request counts as unanswered."""
    ca: bytes | None = None
    """The authorities of Asterisk's certificate, as PEM; None: the usual public ones. For an https address."""
    attempts: int = 3
    """How often a request is sent at most, where no answer comes."""
    connections: int = 32
    """How many requests are under way at most. Asterisk's own limit (`sessionlimit` in http.conf) is 100."""
    keep_alive_s: float = 10.0
    """Shorter than Asterisk's (`session_keep_alive`: 15 s), so that no request meets a connection that is closing."""
    first_pause_s: float = 0.1
    longest_pause_s: float = 5.0
    """Between attempts to connect: each pause is up to twice the one before, and at most this long."""
    heartbeat_s: float = 10.0
    """How often a quiet WebSocket is tried."""

    def __repr__(self) -> str:
        return f"AriSettings({self.url}, {self.app}, {self.user})"

    @property
    def late_limit_s(self) -> float:
        """How long an unanswered request may still be carried out: then its connection is given up."""
        return 2 * self.time_limit_s

    def new_socket(self, address: tuple[Any, ...]) -> socket.socket:
        """Return a socket whose kernel gives up what it could not deliver when we do: nothing comes later than that."""
        family, kind, protocol, *_ = address
        made = socket.socket(family, kind, protocol)
        option = getattr(socket, "TCP_USER_TIMEOUT", None)
        if option is not None:
            made.setsockopt(socket.IPPROTO_TCP, option, round(self.late_limit_s * 1_000))
        return made

    def tls(self) -> ssl.SSLContext | bool:
        """Return how Asterisk's certificate is checked. Raises `ValueError` for `ca` that is no PEM."""
        if self.ca is None:
            return True
        try:
            return ssl.create_default_context(cadata=self.ca.decode("ascii"))
        except (ssl.SSLError, UnicodeDecodeError) as error:
            raise ValueError(f"no certificate can be read from it: {error}") from None


def pause_before(attempt: int, settings: AriSettings, chance: float) -> float:
    """Return how long to wait before an attempt (1 is the first repeat); `chance` is drawn from 0 to 1.

    Half of it is left to chance: clients that lost Asterisk together do not come back together.
    """
    longest: float = min(settings.longest_pause_s, settings.first_pause_s * 2 ** min(attempt - 1, 30))
    return longest * (0.5 + chance / 2)


def authorization(user: str, password: str) -> str:
    """Return the value of the Authorization header. (In an address, a password would get into logs.)"""
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()
