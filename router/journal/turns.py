"""A lock for two threads that take turns.

Keeps one invariant: a thread that waits comes before the one that has just had its turn, however soon that asks again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """Give one thread at a time its turn."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._next = threading.Lock()

    @property
    def waited_for(self) -> bool:
        """Whether a thread waits for its turn."""
        return self._next.locked()

    @contextmanager
    def take(self) -> Iterator[None]:
        """Wait for a turn, and have it for as long as the context lasts."""
        # who waits for the turn holds `next`, so that a thread that comes back at once has to queue behind it
        with self._next:
            self._turn.acquire()
        try:
            yield
        finally:
            self._turn.release()
