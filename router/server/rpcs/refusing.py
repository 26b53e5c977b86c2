"""Around every RPC: bytes become messages, refusals become statuses, and a fault stays with the request that met it.

Keeps one invariant: whatever a client sends, it gets a google.rpc.Status with a reason, and the server goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import grpc
from google.protobuf.message import DecodeError
from grpc_status import rpc_status

from router.engine.errors import InvalidCommand, UnknownName
from router.server.errors import Refusal, invalid, refusal_of_malformed
from router.server.rpcs.grpc_types import Context, Handler
from router.server.rpcs.rpc import note_refusal, note_request
from router.server.security.principals import check_request

logger = logging.getLogger(__name__)

Served = TypeVar("Served", bound=Callable[..., Any])


class RefusalLayer:
    """Turn what streams raise into rich statuses, and bytes that are no message into INVALID_QUERY.

    What is not known is told only when `durable` has returned.
    """

    def __init__(self, durable: Callable[[int | None], Awaitable[None]]) -> None:
        self._durable = durable

    def wrap(self, method: str, handler: Any) -> Handler:
        """Return the handler of a method, wrapped."""
        wrapped: Handler = handler
        return _wrap(handler, self._durable) if method.startswith("/router.v1.") else wrapped


def takes_bytes(serve: Served) -> Served:
    """Mark a method of a servicer: its requests come to it as bytes, and it reads them itself, with `read_request`.

    Whoever looks into the bytes without that must do what it does with the `client_id`.
    """
    serve.takes_bytes = True  # type: ignore[attr-defined]
    return serve


def _wrap(handler: Any, durable: Callable[[int | None], Awaitable[None]]) -> Handler:
    parse, write = handler.request_deserializer, writing(handler.response_serializer)
    if handler.stream_stream:
        serve_stream = handler.stream_stream
        raw = getattr(serve_stream, "takes_bytes", False)

        async def stream_stream(requests: AsyncIterator[bytes], context: Context) -> None:
            await _guard(serve_stream(requests if raw else _parse_each(parse, requests), context), context)

        return grpc.stream_stream_rpc_method_handler(stream_stream, None, write)
    serve_watch = handler.unary_stream

    async def unary_stream(request: bytes, context: Context) -> None:
        await _guard(_unknown_when_durable(_with(parse, request, serve_watch, context), durable), context)

    return grpc.unary_stream_rpc_method_handler(unary_stream, None, write)


def writing(write: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    """Return what makes bytes of a response that is not bytes already."""

    def written(response: Any) -> bytes:
        return response if isinstance(response, bytes) else write(response)

    return written


async def _with(
    parse: Callable[[bytes], Any], request: bytes, serve: Callable[[Any, Context], Awaitable[Any]], context: Context
) -> Any:
    return await serve(read_request(parse, request), context)


async def _unknown_when_durable(serving: Awaitable[Any], durable: Callable[[int | None], Awaitable[None]]) -> Any:
    """Serve; say that a name is unknown only when everything on whose account it is so is durable."""
    try:
        return await serving
    except UnknownName:
        await durable(None)
        raise


async def _parse_each(parse: Callable[[bytes], Any], requests: AsyncIterator[bytes]) -> AsyncIterator[Any]:
    async for request in requests:
        yield read_request(parse, request)


def read_request(parse: Callable[[bytes], Any], request: bytes) -> Any:
    """Return the message in bytes, noted for logs, if its sender may use its `client_id`. Raises `Refusal`."""
    try:
        message = parse(request)
    except DecodeError:
        raise refusal_of_no_message() from None
    note_request(message)
    check_request(message)
    return message


def refusal_of_no_message() -> Refusal:
    """Return the refusal of bytes that are no message of the kind that is wanted."""
    return invalid("INVALID_QUERY", "request", "not such a message", "protobuf, with text in UTF-8")


async def _guard(serving: Awaitable[Any], context: Context) -> Any:
    try:
        return await serving
    except (asyncio.CancelledError, grpc.aio.AbortError):
        raise
    except Exception as error:
        await abort(context, refusal_of(error))


def refusal_of(error: Exception) -> Refusal:
    """Return what the client is told of an error that ended its RPC; log a fault."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, UnknownName):
        return Refusal(f"UNKNOWN_{error.kind.upper()}", error.name)
    if isinstance(error, InvalidCommand):
        return refusal_of_malformed(error, reason="INVALID_QUERY")
    logger.error("a fault while serving a request", exc_info=error)
    return Refusal("INTERNAL_ERROR")


async def abort(context: Context, refusal: Refusal) -> None:
    """End the RPC with a refusal."""
    note_refusal(refusal.reason, seen_by_engine=refusal.sequence is not None)
    status = rpc_status.to_status(refusal.status())
    await context.abort(status.code, status.details, status.trailing_metadata or ())
