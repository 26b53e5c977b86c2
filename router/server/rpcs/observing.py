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

from router.server.meters import Meters, RpcMeters
from router.server.rpcs.grpc_types import Context, Handler
from router.server.rpcs.rpc import CURRENT, STREAM, UNARY, WATCH, Rpc
from router.v1.call_service_pb2 import EnqueueResponse

logger = logging.getLogger("router.access")

_LONGER: Final = 0.04
"""A client says how much time it has rounded up: gRPC's own clients by a hundredth, and where they have said up to
three hundredths more before, they say that again, since it takes fewer bytes."""
_ON_THE_WAY_S: Final = 0.02
"""By so much the request may have been longer on its way than the word that nobody waits any more."""
SLOW_S: Final = 1.0
"""A unary RPC that takes longer is worth a warning."""
_OURS: Final = "/router.v1."
_FAULTS: Final = frozenset({grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DATA_LOSS})


class ObservingLayer:
    """Observe the RPCs of the public contract, and other unary ones such as health checks."""

    def __init__(self, rpcs: RpcMeters, meters: Meters) -> None:
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
        rpc = Observed(method, kind, context)
        rpc.layer, rpc.response = self, None
        CURRENT.set(rpc)
        self._rpcs.begun(kind)
        return rpc

    def end(self, rpc: Observed, error: BaseException | None) -> None:
        """Learn that an RPC has ended, and with which error."""
        duration_ns = perf_counter_ns() - rpc.started_ns
        code = _code_of(rpc.context, error, duration_ns)
        self._rpcs.ended(rpc.kind, rpc.method, code, duration_ns)
        if rpc.reason and not rpc.rejected:
            self._meters.refused(rpc.reason)
        level = _level(rpc, code, duration_ns)
        if logger.isEnabledFor(level):
            _write_line(level, rpc, code, duration_ns)


class Observed(Rpc):
    """An RPC that ends with its `with` block, however that does. `response` is for the log."""

    __slots__ = ("layer", "response")

    layer: ObservingLayer
    response: Any

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.layer.end(self, error)


def _code_of(context: Context, error: BaseException | None, duration_ns: int) -> grpc.StatusCode:
    """Return how an RPC ended: as the server has said, else as the error with which it did tells."""
    code = context.code()
    if isinstance(code, grpc.StatusCode):
        return code
    if error is None:
        return grpc.StatusCode.OK
    if isinstance(error, asyncio.CancelledError):
        return code_of_cancelled(context, duration_ns)
    return grpc.StatusCode.UNKNOWN


def code_of_cancelled(context: Context, duration_ns: int) -> grpc.StatusCode:
    """Say of an RPC that its client ended whether its deadline passed, or it, or the connection, went away.

    A client ends it in the same words at its deadline and before. As it knows its deadline better than the server does,
    it is mostly the first to know: so an RPC is late if no more time is left than the server has too much.
    """
    left_s = context.time_remaining()
    if left_s is None:
        return grpc.StatusCode.CANCELLED
    too_much_s = _LONGER * (duration_ns / 1e9 + left_s) + _ON_THE_WAY_S
    return grpc.StatusCode.DEADLINE_EXCEEDED if left_s <= too_much_s else grpc.StatusCode.CANCELLED


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
