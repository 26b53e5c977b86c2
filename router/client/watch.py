"""The watch: events as they happen, resumed by itself when the connection or the server is lost for a while.

Keeps one invariant: every event comes once and in order, or an exception says that some were missed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from functools import partial
from typing import Any

from router.client.filters import names_of
from router.client.replies import Moment
from router.client.resuming import resuming
from router.v1 import watch_service_pb2
from router.wire.events import KIND_OF, decode_event
from router.wire.times import from_timestamp


def watch_request(
    after_sequence: int | None,
    queues: Collection[str],
    agents: Collection[str],
    calls: Collection[str],
    kinds: Collection[type[Any]],
) -> watch_service_pb2.WatchRequest:
    """Return the request for a watch. Raises `TypeError`: a kind that is no event type, a text in place of names."""
    return watch_service_pb2.WatchRequest(
        after_sequence=after_sequence,
        queues=names_of("queues", queues),
        agents=names_of("agents", agents),
        calls=names_of("calls", calls),
        kinds=[_number_of(kind) for kind in kinds],
    )


def _number_of(kind: Any) -> Any:
    number = KIND_OF.get(kind)
    if number is None:
        raise TypeError(f"kinds: {kind!r} is no type of event; a class from router.engine.events, such as OfferMade")
    return number


class Watch:
    """One watch over however many streams it takes."""

    def __init__(
        self, open_stream: Callable[[Any], Any], request: watch_service_pb2.WatchRequest, resume: bool
    ) -> None:
        self._open_stream = open_stream
        self._request = request
        self._resume = resume
        # events that came already although the command they belong to was not complete
        self._ahead = 0

    def moments(self) -> AsyncIterator[Moment]:
        """Yield what comes. Raises `RouterError` when the watch cannot go on."""
        return resuming(partial(self._open_stream, self._request), self._moments_of, resume=self._resume)

    async def _moments_of(self, stream: Any) -> AsyncIterator[Moment]:
        skip, ahead = self._ahead, 0
        async for response in stream:
            sequence = response.header.sequence
            if response.history_id:
                self._request.history_id = response.history_id
            if not self._request.HasField("after_sequence") or sequence > self._request.after_sequence:
                self._request.after_sequence = sequence
                self._ahead = ahead = 0
            ahead += sum(event.sequence > sequence for event in response.events)
            self._ahead = max(self._ahead, ahead)
            fresh = response.events[skip:]
            skip = max(0, skip - len(response.events))
            events = tuple(event for event in map(decode_event, fresh) if event is not None)
            yield Moment(sequence, from_timestamp(response.header.time), events)
