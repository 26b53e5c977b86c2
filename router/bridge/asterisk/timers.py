"""Timers: what is to be looked at again, and when.

Keeps one invariant: a key has one time at most; setting it again replaces the old one.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator

Key = tuple[str, str]


class Timers:
    """Times by key, the earliest first."""

    def __init__(self) -> None:
        self._times: dict[Key, int] = {}
        self._heap: list[tuple[int, Key]] = []

    def set(self, key: Key, at_us: int) -> None:
        """Look at `key` at a time, instead of when it was set for before."""
        self._times[key] = at_us
        heapq.heappush(self._heap, (at_us, key))

    def clear(self, key: Key) -> None:
        """Forget a key, which need not be known."""
        self._times.pop(key, None)

    def __contains__(self, key: Key) -> bool:
        return key in self._times

    @property
    def next_us(self) -> int | None:
        """The earliest time, None if there is none."""
        while self._heap:
            at_us, key = self._heap[0]
            if self._times.get(key) == at_us:
                return at_us
            heapq.heappop(self._heap)
        return None

    def due(self, now_us: int) -> Iterator[Key]:
        """Yield what is due, each once; what is set meanwhile to be due at once comes with it."""
        while (at_us := self.next_us) is not None and at_us <= now_us:
            _, key = heapq.heappop(self._heap)
            del self._times[key]
            yield key
