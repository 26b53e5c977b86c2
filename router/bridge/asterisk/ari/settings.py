"""Where Asterisk is, and how long to wait for it."""

from __future__ import annotations

from base64 import b64encode

from msgspec import Struct


class AriSettings(Struct, frozen=True):
    """`url` is where Asterisk's HTTP server is, such as `http://127.0.0.1:8088`, with its prefix if it has one."""

    url: str
    app: str
    user: str
    password: str
    time_limit_s: float = 5.0
    """How long to wait for an answer before a request counts as unanswered."""
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


def pause_before(attempt: int, settings: AriSettings, chance: float) -> float:
    """Return how long to wait before an attempt (1 is the first repeat); `chance` is drawn from 0 to 1.

    Half of it is left to chance: clients that lost Asterisk together do not come back together.
    """
    longest: float = min(settings.longest_pause_s, settings.first_pause_s * 2 ** min(attempt - 1, 30))
    return longest * (0.5 + chance / 2)


def authorization(user: str, password: str) -> str:
    """Return the value of the Authorization header. (In an address, a password would get into logs.)"""
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()
