"""Order among requests: those about one channel or mixing bridge go one after the other, others side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

Result = TypeVar("Result")


class Lanes:
    """A lane for each id. Work takes its place in all its lanes at once, so that no two can wait for each other.

    A task must not be cancelled: what comes after it would not wait for what came before it.
    """

    def __init__(self) -> None:
        self._last: dict[str, asyncio.Task[object]] = {}

    def begin(self, ids: Iterable[str], work: Callable[[], Awaitable[Result]]) -> asyncio.Task[Result]:
        """Do the work once all that began earlier in its lanes is over, however that ended."""
        lanes = frozenset(ids)
        before = {self._last[lane] for lane in lanes if lane in self._last}
        task = asyncio.create_task(self._after(before, work))
        for lane in lanes:
            self._last[lane] = task
        if lanes:
            task.add_done_callback(lambda over: self._leave(lanes, over))
        return task

    async def _after(self, before: set[asyncio.Task[object]], work: Callable[[], Awaitable[Result]]) -> Result:
        if before:
            await asyncio.wait(before)
        return await work()

    def _leave(self, lanes: Iterable[str], task: asyncio.Task[Result]) -> None:
        for lane in lanes:
            if self._last.get(lane) is task:
                del self._last[lane]

    def __len__(self) -> int:
        """Return how many lanes are in use."""
        return len(self._last)
