"""Streams from the server that are opened again by themselves when the connection or the server is lost for a while.

Keeps one invariant: it ends with the stream's own end, or with an exception that says why it cannot go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Final, TypeVar

import grpc

from router.client.errors import error_of_rpc

T = TypeVar("T")

_PAUSE_S_MIN: Final = 0.05
_PAUSE_S_MAX: Final = 2.0
_RESUMED_CODES: Final = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED)


async def resuming(
    open_stream: Callable[[], Any], read: Callable[[Any], AsyncIterator[T]], *, resume: bool
) -> AsyncIterator[T]:
    """Yield what `read` makes of a stream; with `resume`, of one after the other. Raises `RouterError`.

    Pauses grow while nothing comes.
    """
    pause_s = _PAUSE_S_MIN
    while True:
        stream = open_stream()
        try:
            async for item in read(stream):
                pause_s = _PAUSE_S_MIN
                yield item
            return
        except grpc.aio.AioRpcError as failure:
            error = error_of_rpc(failure)
            if not resume or error.code not in _RESUMED_CODES:
                raise error from None
        finally:
            stream.cancel()
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, _PAUSE_S_MAX)
