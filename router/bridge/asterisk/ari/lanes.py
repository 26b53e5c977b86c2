"""Order among requests: those about one channel or mixing bridge go one after the other, others side by side.

Keeps one invariant: nothing begins in a lane while something that began there earlier may still have an effect.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

Result = TypeVar("Result")
Late = set[asyncio.Task[object]]
"""What goes on after the outcome is known: requests that have no answer yet, and may still be carried out."""


class _Place:
    """A place in lanes: some work, and what it leaves behind."""

    __slots__ = ("late", "task")

    def __init__(self) -> None:
        self.task: asyncio.Task[object]
        self.late: Late = set()

    def rest(self) -> list[asyncio.Task[object]]:
        """Return what of it is still going on."""
        return [task for task in (self.task, *self.late) if not task.done()]

    async def wait(self) -> None:
        while rest := self.rest():
            await asyncio.wait(rest)


class Lanes:
    """A lane for each id. Work takes its place in all its lanes at once, so that no two can wait for each other.

    A task must not be cancelled: what comes after it would not wait for what came before it.
    """

    def __init__(self) -> None:
        self._last: dict[str, _Place] = {}

    def begin(self, ids: Iterable[str], work: Callable[[Late], Awaitable[Result]]) -> asyncio.Task[Result]:
        """Do the work once all that began earlier in its lanes is over, however that ended.

        The work may add tasks to the set that it is given: its lanes are not free before they have ended, too.
        """
        lanes = frozenset(ids)
        before = {self._last[lane] for lane in lanes if lane in self._last}
        place = _Place()
        task = asyncio.create_task(self._after(before, lambda: work(place.late)))
        place.task = task
        for lane in lanes:
            self._last[lane] = place
        if lanes:
            task.add_done_callback(lambda over: self._leave(lanes, place))
        return task

    async def _after(self, before: set[_Place], work: Callable[[], Awaitable[Result]]) -> Result:
        for place in before:
            await place.wait()
        return await work()

    def _leave(self, lanes: Iterable[str], place: _Place) -> None:
        if rest := place.rest():
            rest[0].add_done_callback(lambda over: self._leave(lanes, place))
            return
        for lane in lanes:
            if self._last.get(lane) is place:
                del self._last[lane]

    def __len__(self) -> int:
        """Return how many lanes are in use."""
        return len(self._last)
