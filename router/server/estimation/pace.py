"""How often the routing may be held up by estimates: work of theirs on its thread, and the rest after it.

Keeps one invariant: of any long stretch of time the work takes at most the given share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic


class Share:
    """Work that may take at most a `share` of the time, whatever each piece of it costs."""

    def __init__(self, share: float, now_s: Callable[[], float] = monotonic) -> None:
        self._rest = 1 / share - 1
        self._now_s = now_s
        self.free_s = float("-inf")
        """From when on more work may be done, in real time that never falls."""

    @contextmanager
    def work(self) -> Iterator[None]:
        """Do a piece of work, and rest accordingly after it."""
        begun_s = self._now_s()
        try:
            yield
        finally:
            ended_s = self._now_s()
            self.free_s = max(self.free_s, ended_s) + self._rest * (ended_s - begun_s)
