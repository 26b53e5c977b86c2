"""Around every RPC: bytes become messages, refusals become statuses, and a fault stays with the request that met it.

Keeps one invariant: whatever a client sends, it gets a google.rpc.Status with a reason, and the server goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.message import DecodeError
from grpc_status import rpc_status

from router.engine.errors import InvalidCommand, UnknownName
from router.server.errors import Refusal, invalid, refusal_of_malformed
from router.server.rpc import note_refusal, note_request
from router.server.security.principals import check_request

logger = logging.getLogger(__name__)

if TYPE_CHECKING:
    # generic in the stubs, not at run time
    Context = grpc.aio.ServicerContext[Any, Any]
    Handler = grpc.RpcMethodHandler[Any, Any]
    ServerInterceptor = grpc.aio.ServerInterceptor[Any, Any]
else:
    Context = grpc.aio.ServicerContext
    Handler = grpc.RpcMethodHandler
    ServerInterceptor = grpc.aio.ServerInterceptor


class RefusalInterceptor(ServerInterceptor):
    """Turn what handlers raise into rich statuses, and bytes that are no message into INVALID_QUERY.

    The answer to a unary call leaves only when `durable`, given the sequence of its header, has returned.
    """

    def __init__(self, durable: Callable[[int | None], Awaitable[None]]) -> None:
        self._durable = durable
        self._wrapped: dict[str, Handler] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """Return the handler of a method, wrapped."""
        method = handler_call_details.method
        wrapped = self._wrapped.get(method)
        if wrapped is None:
            handler = await continuation(handler_call_details)
            # None: there is no such method, which gRPC answers itself
            if handler is None or not method.startswith("/router.v1."):
                return handler
            wrapped = self._wrapped[method] = _wrap(handler, self._durable)
        return wrapped


def _wrap(handler: Any, durable: Callable[[int | None], Awaitable[None]]) -> Handler:
    parse = handler.request_deserializer
    if handler.stream_stream:
        serve_stream = handler.stream_stream

        async def stream_stream(requests: AsyncIterator[bytes], context: Context) -> None:
            await _guard(serve_stream(_parse_each(parse, requests), context), context)

        return grpc.stream_stream_rpc_method_handler(stream_stream, None, handler.response_serializer)
    if handler.unary_stream:
        serve_watch = handler.unary_stream

        async def unary_stream(request: bytes, context: Context) -> None:
            await _guard(_unknown_when_durable(_with(parse, request, serve_watch, context), durable), context)

        return grpc.unary_stream_rpc_method_handler(unary_stream, None, handler.response_serializer)
    serve_unary = handler.unary_unary

    async def unary_unary(request: bytes, context: Context) -> Any:
        return await _guard(_when_durable(_with(parse, request, serve_unary, context), durable), context)

    return grpc.unary_unary_rpc_method_handler(unary_unary, None, handler.response_serializer)


async def _with(
    parse: Callable[[bytes], Any], request: bytes, serve: Callable[[Any, Context], Awaitable[Any]], context: Context
) -> Any:
    return await serve(_parsed(parse, request), context)


async def _when_durable(serving: Awaitable[Any], durable: Callable[[int | None], Awaitable[None]]) -> Any:
    """Serve, and answer only when everything that the answer may have seen is durable."""
    response = await _unknown_when_durable(serving, durable)
    await durable(response.header.sequence)
    return response


async def _unknown_when_durable(serving: Awaitable[Any], durable: Callable[[int | None], Awaitable[None]]) -> Any:
    """Serve; say that a name is unknown only when everything on whose account it is so is durable."""
    try:
        return await serving
    except UnknownName:
        await durable(None)
        raise


async def _parse_each(parse: Callable[[bytes], Any], requests: AsyncIterator[bytes]) -> AsyncIterator[Any]:
    async for request in requests:
        yield _parsed(parse, request)


def _parsed(parse: Callable[[bytes], Any], request: bytes) -> Any:
    try:
        message = parse(request)
    except DecodeError:
        raise invalid("INVALID_QUERY", "request", "not such a message", "protobuf, with text in UTF-8") from None
    note_request(message)
    check_request(message)
    return message


async def _guard(serving: Awaitable[Any], context: Context) -> Any:
    try:
        return await serving
    except Refusal as refusal:
        await abort(context, refusal)
    except UnknownName as error:
        await abort(context, Refusal(f"UNKNOWN_{error.kind.upper()}", error.name))
    except InvalidCommand as error:
        await abort(context, refusal_of_malformed(error, reason="INVALID_QUERY"))
    except (asyncio.CancelledError, grpc.aio.AbortError):
        raise
    except Exception:
        logger.exception("a fault while serving a request")
        await abort(context, Refusal("INTERNAL_ERROR"))


async def abort(context: Context, refusal: Refusal) -> None:
    """End the RPC with a refusal."""
    note_refusal(refusal.reason, seen_by_engine=refusal.sequence is not None)
    status = rpc_status.to_status(refusal.status())
    await context.abort(status.code, status.details, status.trailing_metadata or ())
