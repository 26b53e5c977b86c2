"""The watch: events as they happen, resumed by itself when the connection or the server is lost for a while.

Keeps one invariant: every event comes once and in order, or an exception says that some were missed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from typing import Any, Final

import grpc

from router.client.errors import error_of_rpc
from router.client.replies import Moment
from router.v1 import watch_service_pb2
from router.wire.events import KIND_OF, decode_event
from router.wire.times import from_timestamp

_PAUSE_S_MIN: Final = 0.05
_PAUSE_S_MAX: Final = 2.0
_RESUMED_CODES: Final = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED)


def watch_request(
    after_sequence: int | None,
    queues: Collection[str],
    agents: Collection[str],
    calls: Collection[str],
    kinds: Collection[type[Any]],
) -> watch_service_pb2.WatchRequest:
    """Return the request for a watch. Raises `TypeError` for a kind that is no event type."""
    return watch_service_pb2.WatchRequest(
        after_sequence=after_sequence,
        queues=queues,
        agents=agents,
        calls=calls,
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
        self._pause_s = _PAUSE_S_MIN
        # events that came already although the command they belong to was not complete
        self._ahead = 0

    async def moments(self) -> AsyncIterator[Moment]:
        """Yield what comes. Raises `RouterError` when the watch cannot go on."""
        while True:
            stream = self._open_stream(self._request)
            try:
                async for moment in self._moments_of(stream):
                    yield moment
                return
            except grpc.aio.AioRpcError as failure:
                error = error_of_rpc(failure)
                if not self._resume or error.code not in _RESUMED_CODES:
                    raise error from None
            finally:
                stream.cancel()
            await asyncio.sleep(self._pause_s)
            self._pause_s = min(2 * self._pause_s, _PAUSE_S_MAX)

    async def _moments_of(self, stream: Any) -> AsyncIterator[Moment]:
        skip, ahead = self._ahead, 0
        async for response in stream:
            self._pause_s = _PAUSE_S_MIN
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
