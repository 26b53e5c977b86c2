"""A journal and the threads that may use it: the event loop never waits for the disk.

Keeps one invariant: one thread appends, reads and closes, another one saves snapshots and prunes; each does one call
at a time, in the order of the calls.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import TypeVar

from router.journal import Journal

T = TypeVar("T")


class JournalThread:
    """Run calls that use `journal` in its own thread. Make one with `open`."""

    def __init__(self, journal: Journal, executor: ThreadPoolExecutor) -> None:
        self.journal = journal
        self._executor = executor
        self._aside = ThreadPoolExecutor(1, thread_name_prefix="journal-aside")
        self._begun_s: deque[float] = deque()
        self._closed = False

    @classmethod
    async def open(cls, opener: Callable[[], Journal]) -> JournalThread:
        """Open a journal in a thread of its own. Raises what `opener` raises."""
        executor = ThreadPoolExecutor(1, thread_name_prefix="journal")
        try:
            journal = await asyncio.get_running_loop().run_in_executor(executor, opener)
        except BaseException:
            executor.shutdown(wait=False)
            raise
        return cls(journal, executor)

    def call(self, function: Callable[[], T]) -> asyncio.Future[T]:
        """Run a function in the journal's thread, after those that came before; the future has what it returns."""
        call = asyncio.get_running_loop().run_in_executor(self._executor, function)
        self._begun_s.append(monotonic())
        call.add_done_callback(self._on_done)
        return call

    def call_aside(self, function: Callable[[], T]) -> asyncio.Future[T]:
        """Run a function that saves a snapshot or prunes, beside the journal's thread."""
        return asyncio.get_running_loop().run_in_executor(self._aside, function)

    def _on_done(self, _: asyncio.Future[T]) -> None:
        self._begun_s.popleft()

    @property
    def busy_s(self) -> float:
        """Seconds for which the oldest call that has not returned has been under way; 0.0 if there is none."""
        return monotonic() - self._begun_s[0] if self._begun_s else 0.0

    async def close(self, timeout_s: float) -> bool:
        """Close the journal and end the threads; return whether that is done in time. Raises `JournalError`.

        If not, a call into the disk does not return: its thread cannot be ended, only left.
        """
        if self._closed:
            return True
        try:
            async with asyncio.timeout(timeout_s):
                await self.call_aside(lambda: None)
                await self.call(self.journal.close)
        except TimeoutError:
            return False
        self._closed = True
        for executor in (self._aside, self._executor):
            executor.shutdown(wait=False)
        return True
