"""What is said about callers that are turned away: enough to find them, never what they showed, and not too often.

Keeps one invariant: however many are turned away, lines and memory are bounded.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

logger = logging.getLogger(__name__)

PEERS_MAX: Final = 1_000
SILENCE_S: Final = 60.0
LINES_MAX: Final = 60
"""Most lines within `SILENCE_S`, all peers together."""


class RefusalLog:
    """Log who was turned away: once per peer and reason within `SILENCE_S`, with the number of those left unsaid."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        # (peer, reason) -> when it was said, and how many were not since
        self._said: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()
        self._window_began_s = float("-inf")
        self._lines = 0
        self._unsaid = 0

    def note(self, reason: str, method: str, peer: str, why: str) -> None:
        """Note one that was turned away. `why` must not hold anything that the caller sent in secret."""
        now_s = self._now_s()
        key = (host_of(peer), reason)
        said_s, unsaid = self._said.get(key, (float("-inf"), 0))
        if now_s - said_s < SILENCE_S or not self._may_say(now_s):
            self._remember(key, said_s, unsaid + 1)
            return
        self._remember(key, now_s, 0)
        more = f"; {unsaid:,} more from there since the last word of it" if unsaid else ""
        logger.warning(
            "refused %s to %s: %s%s",
            method,
            key[0],
            why,
            more,
            extra={"event": "refused", "reason": reason, "rpc": method, "peer": key[0], "unsaid": unsaid},
        )

    def _may_say(self, now_s: float) -> bool:
        if now_s - self._window_began_s >= SILENCE_S:
            if self._unsaid:
                logger.warning("and %d more were refused, from too many addresses to name", self._unsaid)
            self._window_began_s, self._lines, self._unsaid = now_s, 0, 0
        if self._lines >= LINES_MAX:
            self._unsaid += 1
            return False
        self._lines += 1
        return True

    def _remember(self, key: tuple[str, str], said_s: float, unsaid: int) -> None:
        self._said[key] = (said_s, unsaid)
        self._said.move_to_end(key)
        if len(self._said) > PEERS_MAX:
            self._said.popitem(last=False)


def host_of(peer: str) -> str:
    """Return the address in what gRPC calls a peer, such as ipv4:10.0.0.1:4711, without its port."""
    kind, _, address = peer.partition(":")
    if kind not in ("ipv4", "ipv6"):
        return peer
    host = address.rpartition(":")[0]
    return host.replace("%5B", "").replace("%5D", "").strip("[]")
