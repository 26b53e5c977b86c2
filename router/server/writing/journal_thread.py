"""A journal and the threads that may use it: the event loop never waits for the disk.

Keeps one invariant: one thread appends, reads and closes, another one saves snapshots and prunes; each does one call
at a time, in the order of the calls.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from time import monotonic
from typing import Any, NamedTuple, TypeVar

from router.journal import Journal

T = TypeVar("T")


class _Call(NamedTuple):
    """A function to run, and the future of a loop that gets what it returns or raises."""

    function: Callable[[], Any]
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop


class _Thread:
    """A thread that runs functions in the order in which they come: an executor for one loop, at a third of the cost.

    It is let go when the process ends without `end`.
    """

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._begun_s: deque[float] = deque()
        self._ended = False
        Thread(target=self._run, name=name, daemon=True).start()

    def call(self, function: Callable[[], T]) -> asyncio.Future[T]:
        """Run a function; the future has what it returns. Cancelled before its turn, it is not run.

        Raises `RuntimeError` after `end`.
        """
        if self._ended:
            raise RuntimeError("the journal's thread has ended")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._begun_s.append(monotonic())
        self._calls.put(_Call(function, future, loop))
        return future

    @property
    def busy_s(self) -> float:
        """Seconds for which the oldest call that has not returned has been under way; 0.0 if there is none."""
        return monotonic() - self._begun_s[0] if self._begun_s else 0.0

    def end(self) -> None:
        """Let the thread end after the calls that came before."""
        self._ended = True
        self._calls.put(None)

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            result, error = None, None
            try:
                if not call.future.cancelled():
                    result = call.function()
            except BaseException as caught:
                error = caught
            # raised where the loop is closed, so that nobody waits any more
            with suppress(RuntimeError):
                call.loop.call_soon_threadsafe(self._on_done, call.future, result, error)
            del call, result, error

    def _on_done(self, future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
        self._begun_s.popleft()
        if future.cancelled():
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)


class JournalThread:
    """Run calls that use `journal` in its own thread. Make one with `open`."""

    def __init__(self, journal: Journal, thread: _Thread) -> None:
        self.journal = journal
        self._thread = thread
        self._aside = ThreadPoolExecutor(1, thread_name_prefix="journal-aside")
        self._closed = False
        self.call = thread.call
        """Run a function in the journal's thread, after those that came before; the future has what it returns."""

    @classmethod
    async def open(cls, opener: Callable[[], Journal]) -> JournalThread:
        """Open a journal in a thread of its own. Raises what `opener` raises."""
        thread = _Thread("journal")
        try:
            journal = await thread.call(opener)
        except BaseException:
            thread.end()
            raise
        return cls(journal, thread)

    def call_aside(self, function: Callable[[], T]) -> asyncio.Future[T]:
        """Run a function that saves a snapshot or prunes, beside the journal's thread."""
        return asyncio.get_running_loop().run_in_executor(self._aside, function)

    @property
    def busy_s(self) -> float:
        """Seconds for which the oldest call that has not returned has been under way; 0.0 if there is none."""
        return self._thread.busy_s

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
        self._aside.shutdown(wait=False)
        self._thread.end()
        return True
