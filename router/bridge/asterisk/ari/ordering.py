"""Order among requests: those about one channel or mixing bridge go one after the other, others side by side.

Keeps one invariant: nothing about an id begins while something about it that began earlier may still have an effect.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

Result = TypeVar("Result")
Late = set[asyncio.Task[Any]]
"""What goes on after the outcome is known: requests that have no answer yet, and may still be carried out."""


class _Place:
    """A place in the order: some work, and what it leaves behind."""

    __slots__ = ("late", "task")

    def __init__(self) -> None:
        self.task: asyncio.Task[Any]
        self.late: Late = set()

    def rest(self) -> list[asyncio.Task[Any]]:
        """Return what of it is still going on."""
        return [task for task in (self.task, *self.late) if not task.done()]

    async def wait(self) -> None:
        while rest := self.rest():
            await asyncio.wait(rest)


class Ordering:
    """A line for each id. Work takes its place in all its lines at once, so that no two can wait for each other.

    A task must not be cancelled while others go on: what comes after it would not wait for what came before it.
    """

    def __init__(self) -> None:
        self._last: dict[str, _Place] = {}

    def begin(self, ids: Iterable[str], work: Callable[[Late], Coroutine[Any, Any, Result]]) -> asyncio.Task[Result]:
        """Do the work once all that began earlier about its ids is over, however that ended.

        The work may add tasks to the set that it is given: what comes after it waits for them, too.
        """
        mine = frozenset(ids)
        before = [last for one in mine if (last := self._last.get(one)) is not None and last.rest()]
        place = _Place()
        doing = _after(before, work, place.late) if before else work(place.late)
        task = place.task = asyncio.create_task(doing)
        for one in mine:
            self._last[one] = place
        if mine:
            task.add_done_callback(lambda over: self._leave(mine, place))
        return task

    def _leave(self, mine: Iterable[str], place: _Place) -> None:
        if rest := place.rest():
            rest[0].add_done_callback(lambda over: self._leave(mine, place))
            return
        for one in mine:
            if self._last.get(one) is place:
                del self._last[one]

    def __len__(self) -> int:
        """Return how many ids something is going on about."""
        return len(self._last)


async def _after(before: Iterable[_Place], work: Callable[[Late], Coroutine[Any, Any, Result]], late: Late) -> Result:
    for place in before:
        await place.wait()
    return await work(late)
