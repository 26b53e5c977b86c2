"""Leases: moments by client, put off far more often than they come.

Keeps one invariant: each client with a lease stands in the heap once, at its moment or earlier.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence


class Leases:
    """Until when each client's lease runs, in any unit of time. `renew` is O(1) for a lease that runs."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []
        self._queued: set[str] = set()

    def __len__(self) -> int:
        return len(self._until)

    def __contains__(self, client_id: str) -> bool:
        return client_id in self._until

    def renew(self, client_id: str, until: float) -> None:
        """Let a lease begin, or run until a moment that is not before the one that it has."""
        self._until[client_id] = until
        if client_id not in self._queued:
            self._queued.add(client_id)
            heapq.heappush(self._heap, (until, client_id))

    def drop(self, client_id: str) -> None:
        """Let a lease end."""
        self._until.pop(client_id, None)

    def expired(self, now: float) -> Sequence[str]:
        """End and return the leases that have run out. O(log n) for each, and for each that was renewed since."""
        clients = []
        while self._heap and self._heap[0][0] <= now:
            _, client_id = heapq.heappop(self._heap)
            self._queued.discard(client_id)
            until = self._until.get(client_id)
            if until is None:
                continue
            if until > now:
                self.renew(client_id, until)
            else:
                del self._until[client_id]
                clients.append(client_id)
        return clients
