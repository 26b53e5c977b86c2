"""The outermost layer: counts every RPC, tells the logs which one is being served, and writes its access line.

Keeps one invariant: it changes nothing about an RPC, whatever becomes of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from time import perf_counter_ns
from types import TracebackType
from typing import Any, Final, Self

import grpc

from router.server.grpc_types import Context, Handler
from router.server.meters import Meters
from router.server.metrics.rpc_meter import RpcMeter
from router.server.rpc import CURRENT, STREAM, UNARY, WATCH, Rpc
from router.v1.call_service_pb2 import EnqueueResponse

logger = logging.getLogger("router.access")

_ON_THE_WAY_S: Final = 0.1
"""A client gives up at its deadline; here that comes later, by as long as the request was on its way."""
SLOW_S: Final = 1.0
"""A unary RPC that takes longer is worth a warning."""
_OURS: Final = "/router.v1."
_FAULTS: Final = frozenset({grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DATA_LOSS})


class ObservingLayer:
    """Observe the RPCs of the public contract, and other unary ones such as health checks."""

    def __init__(self, rpcs: RpcMeter, meters: Meters) -> None:
        self._rpcs = rpcs
        self._meters = meters

    def wrap(self, method: str, handler: Any) -> Handler:
        """Return the handler of a method, wrapped."""
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
            with self.begin(method, kind, context) as rpc:
                rpc.response = await serve(request, context)
                return rpc.response

        return observed

    def begin(self, method: str, kind: str, context: Context) -> Observed:
        """Return an RPC that begins now, in the task that serves it, and ends with the `with` block that it is for."""
        rpc = Observed(method, kind, context, self)
        CURRENT.set(rpc)
        self._rpcs.begun(kind)
        return rpc

    def end(self, rpc: Observed, code: grpc.StatusCode) -> None:
        """Learn that an RPC has ended, and how."""
        duration_ns = perf_counter_ns() - rpc.started_ns
        self._rpcs.ended(rpc.kind, rpc.method, code, duration_ns)
        if rpc.reason and not rpc.rejected:
            self._meters.refused(rpc.reason)
        level = _level(rpc, code, duration_ns)
        if logger.isEnabledFor(level):
            _write_line(level, rpc, code, duration_ns)


class Observed(Rpc):
    """An RPC that is told to have ended when its `with` block ends, however it does. `response` is for the log."""

    __slots__ = ("_layer", "response")

    def __init__(self, method: str, kind: str, context: Context, layer: ObservingLayer) -> None:
        super().__init__(method, kind, context)
        self._layer = layer
        self.response: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        code = _code_of(self.context)
        if code is None:
            if error is None:
                code = grpc.StatusCode.OK
            elif isinstance(error, asyncio.CancelledError):
                code = _code_of_cancelled(self.context)
            else:
                code = grpc.StatusCode.UNKNOWN
        self._layer.end(self, code)


def _code_of(context: Context) -> grpc.StatusCode | None:
    """Return the status with which the server has ended an RPC, None if it has not."""
    code = context.code()
    return code if isinstance(code, grpc.StatusCode) else None


def _code_of_cancelled(context: Context) -> grpc.StatusCode:
    """Say whether the client's deadline passed or it, or the connection, went away."""
    remaining_s = context.time_remaining()
    overdue = remaining_s is not None and remaining_s <= _ON_THE_WAY_S
    return grpc.StatusCode.DEADLINE_EXCEEDED if overdue else grpc.StatusCode.CANCELLED


def _level(rpc: Rpc, code: grpc.StatusCode, duration_ns: int) -> int:
    if code is not grpc.StatusCode.OK and code in _FAULTS:
        return logging.ERROR
    if rpc.kind == UNARY and duration_ns > SLOW_S * 1e9:
        return logging.WARNING
    return logging.DEBUG


def _write_line(level: int, rpc: Observed, code: grpc.StatusCode, duration_ns: int) -> None:
    duration_ms = duration_ns / 1e6
    fields: dict[str, object] = {"code": code.name, "duration_ms": round(duration_ms, 3)}
    if sequence := _sequence_of(rpc.response):
        fields["sequence"] = sequence
    slow = "slow: " if level == logging.WARNING else ""
    logger.log(level, "%s%s %s in %.1f ms", slow, rpc.method, code.name, duration_ms, extra=fields)


def _sequence_of(response: Any) -> int:
    """Return the sequence in a response's header, 0 if it has none."""
    if isinstance(response, bytes):
        # from the lane, where all responses are alike
        response = EnqueueResponse.FromString(response)
    sequence: int = getattr(getattr(response, "header", None), "sequence", 0)
    return sequence
