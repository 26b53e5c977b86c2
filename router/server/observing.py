"""The outermost interceptor: counts every RPC, tells the logs which one is being served, and writes its access line.

Keeps one invariant: it changes nothing about an RPC, whatever becomes of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from time import perf_counter_ns
from typing import Any, Final

import grpc

from router.server.interceptor import Context, Handler, ServerInterceptor
from router.server.meters import Meters
from router.server.metrics.rpc_meter import RpcMeter
from router.server.rpc import CURRENT, STREAM, UNARY, WATCH, Rpc

logger = logging.getLogger("router.access")

SLOW_S: Final = 1.0
"""A unary RPC that takes longer is worth a warning."""
_OURS: Final = "/router.v1."
_FAULTS: Final = frozenset({grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DATA_LOSS})


class ObservingInterceptor(ServerInterceptor):
    """Observe the RPCs of the public contract, and other unary ones such as health checks."""

    def __init__(self, rpcs: RpcMeter, meters: Meters) -> None:
        self._rpcs = rpcs
        self._meters = meters
        self._wrapped: dict[str, tuple[Handler, Handler]] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """Return the handler of a method, wrapped."""
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None:
            self._rpcs.unknown()
            return handler
        known = self._wrapped.get(method)
        if known is None or known[0] is not handler:
            known = self._wrapped[method] = (handler, self._wrap(method, handler))
        return known[1]

    def _wrap(self, method: str, handler: Any) -> Handler:
        parse, write = handler.request_deserializer, handler.response_serializer
        wrapped: Handler = handler
        if handler.unary_unary:
            serve = self._observed(method, UNARY, handler.unary_unary)
            wrapped = grpc.unary_unary_rpc_method_handler(serve, parse, write)
        elif handler.unary_stream and method.startswith(_OURS):
            serve = self._observed(method, WATCH, handler.unary_stream)
            wrapped = grpc.unary_stream_rpc_method_handler(serve, parse, write)
        elif handler.stream_stream and method.startswith(_OURS):
            serve = self._observed(method, STREAM, handler.stream_stream)
            wrapped = grpc.stream_stream_rpc_method_handler(serve, parse, write)
        return wrapped

    def _observed(
        self, method: str, kind: str, serve: Callable[[Any, Context], Awaitable[Any]]
    ) -> Callable[[Any, Context], Awaitable[Any]]:
        async def observed(request: bytes | AsyncIterator[bytes], context: Context) -> Any:
            rpc = Rpc(method, kind, context)
            CURRENT.set(rpc)
            self._rpcs.begun(kind)
            code = grpc.StatusCode.UNKNOWN
            response = None
            try:
                response = await serve(request, context)
                code = _code_of(context) or grpc.StatusCode.OK
                return response
            except asyncio.CancelledError:
                code = _code_of(context) or _code_of_cancelled(context)
                raise
            except Exception:
                code = _code_of(context) or code
                raise
            finally:
                self._end(rpc, code, response)

        return observed

    def _end(self, rpc: Rpc, code: grpc.StatusCode, response: Any) -> None:
        duration_ns = perf_counter_ns() - rpc.started_ns
        self._rpcs.ended(rpc.kind, rpc.method, code, duration_ns)
        if rpc.reason and not rpc.rejected:
            self._meters.refused(rpc.reason)
        level = _level(rpc, code, duration_ns)
        if logger.isEnabledFor(level):
            _write_line(level, rpc, code, duration_ns, response)


def _code_of(context: Context) -> grpc.StatusCode | None:
    code = context.code()
    return code if isinstance(code, grpc.StatusCode) else None


def _code_of_cancelled(context: Context) -> grpc.StatusCode:
    """Say whether the client's deadline passed or it, or the connection, went away."""
    remaining_s = context.time_remaining()
    overdue = remaining_s is not None and remaining_s <= 0
    return grpc.StatusCode.DEADLINE_EXCEEDED if overdue else grpc.StatusCode.CANCELLED


def _level(rpc: Rpc, code: grpc.StatusCode, duration_ns: int) -> int:
    if code in _FAULTS:
        return logging.ERROR
    if rpc.kind == UNARY and duration_ns > SLOW_S * 1e9:
        return logging.WARNING
    return logging.DEBUG


def _write_line(level: int, rpc: Rpc, code: grpc.StatusCode, duration_ns: int, response: Any) -> None:
    duration_ms = duration_ns / 1e6
    fields: dict[str, object] = {"code": code.name, "duration_ms": round(duration_ms, 3)}
    sequence = getattr(getattr(response, "header", None), "sequence", 0)
    if sequence:
        fields["sequence"] = sequence
    slow = "slow: " if level == logging.WARNING else ""
    logger.log(level, "%s%s %s in %.1f ms", slow, rpc.method, code.name, duration_ms, extra=fields)
