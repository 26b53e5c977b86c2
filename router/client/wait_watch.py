"""The watch of wait estimates: what callers should hear, as it changes.

Keeps one invariant: it tells states, not history; each call that was told is told once more when its wait is over.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from functools import partial
from typing import Any

from router.client.filters import names_of
from router.client.replies import WaitUpdate, decode_wait_update
from router.client.resuming import resuming
from router.v1 import call_service_pb2
from router.wire.times import to_duration


def wait_watch_request(
    queues: Collection[str], calls: Collection[str], min_change_us: int | None
) -> call_service_pb2.WatchWaitEstimatesRequest:
    """Return the request for a watch of wait estimates. Raises `TypeError` for a text in place of names."""
    min_change = None if min_change_us is None else to_duration(min_change_us)
    return call_service_pb2.WatchWaitEstimatesRequest(
        queues=names_of("queues", queues), calls=names_of("calls", calls), min_change=min_change
    )


class WaitWatch:
    """One watch over however many streams it takes."""

    def __init__(
        self,
        open_stream: Callable[[Any], Any],
        request: call_service_pb2.WatchWaitEstimatesRequest,
        resume: bool,
    ) -> None:
        self._open_stream = partial(open_stream, request)
        self._resume = resume
        self._told: dict[str, str] = {}  # calls that wait, and their queues
        self._before: dict[str, str] = {}  # those told by streams before this one, and not by this one yet

    def updates(self) -> AsyncIterator[WaitUpdate]:
        """Yield what comes. Raises `RouterError` when the watch cannot go on."""
        return resuming(self._open_stream, self._updates_of, resume=self._resume)

    async def _updates_of(self, stream: Any) -> AsyncIterator[WaitUpdate]:
        self._before |= self._told
        self._told = {}
        async for response in stream:
            for update in map(decode_wait_update, response.updates):
                if update.estimate is None:
                    self._told.pop(update.call, None)
                else:
                    self._told[update.call] = update.queue
                self._before.pop(update.call, None)
                yield update
            if response.complete:
                for call, queue in self._before.items():
                    yield WaitUpdate(call, queue, None, None)
                self._before = {}
