"""Admission: how much may be under way at once.

Keeps one invariant: what is refused here has cost little and changed nothing, and is told when to come back.

What comes faster than RPCs can be begun waits inside gRPC, which drops the excess once half of `rpcs_max` wait in one
of its lines (`methods.LINES`), without asking Python: to refuse in Python costs two thirds of serving, so it could not
protect throughput. The length of that line is what latency is under overload. A dropped RPC ends as CANCELLED, and
nobody has seen it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import grpc

from router.server.errors import Refusal
from router.server.rpcs.grpc_types import Context, Handler
from router.server.rpcs.refusing import abort

_OURS: Final = "/router.v1."
_HEARTBEAT: Final = "/router.v1.SessionService/Heartbeat"
_RPC_RETRY_US: Final = 500_000
_STREAM_RETRY_US: Final = 2_000_000

Serve = Callable[[Any, Context], Awaitable[Any]]


def backlog_options(rpcs_max: int) -> list[tuple[str, int]]:
    """Return the gRPC options that bound how many RPCs wait to be begun.

    Nothing is dropped up to the first bound, everything beyond the second, and between them the more the nearer: the
    closer they are, the less those wait that are served.
    """
    backlog_max = rpcs_max // 2
    return [
        ("grpc.server.max_pending_requests", backlog_max),
        ("grpc.server.max_pending_requests_hard_limit", backlog_max + max(1, backlog_max // 4)),
    ]


class AdmissionLayer:
    """Refuse unary RPCs beyond `rpcs_max` under way, and command streams beyond `streams_max`, as OVERLOADED.

    Heartbeats have the first bound once more, for themselves. Watches have a bound of their own, in the hub. What is
    not of the public contract, such as a health check, passes.
    """

    def __init__(self, rpcs_max: int, streams_max: int) -> None:
        self._rpcs = Bound("RPCs", rpcs_max, _RPC_RETRY_US)
        # a client is not lost because others keep the server busy
        self._heartbeats = Bound("heartbeats", rpcs_max, _RPC_RETRY_US)
        self._streams = Bound("command streams", streams_max, _STREAM_RETRY_US)

    def wrap(self, method: str, handler: Any) -> Handler:
        """Return the handler of a method, wrapped."""
        parse, write = handler.request_deserializer, handler.response_serializer
        wrapped: Handler = handler
        if method.startswith(_OURS) and handler.stream_stream:
            wrapped = grpc.stream_stream_rpc_method_handler(self._streams.bounded(handler.stream_stream), parse, write)
        return wrapped

    def bound_of(self, method: str) -> Bound:
        """Return the bound of a unary RPC."""
        return self._heartbeats if method == _HEARTBEAT else self._rpcs


class Bound:
    """At most so many of a kind at once."""

    def __init__(self, what: str, most: int, retry_after_us: int) -> None:
        self._what = what
        self._most = most
        self._retry_after_us = retry_after_us
        self._under_way = 0

    def bounded(self, serve: Serve) -> Serve:
        """Return a handler that serves only while there is room."""

        async def admitted(request: bytes | AsyncIterator[bytes], context: Context) -> Any:
            try:
                self.enter()
            except Refusal as refusal:
                await abort(context, refusal)
            try:
                return await serve(request, context)
            finally:
                self.leave()

        return admitted

    def enter(self) -> None:
        """Take room for one, until `leave`. Raises `Refusal` if there is none."""
        if self._under_way >= self._most:
            raise self._refusal()
        self._under_way += 1

    def leave(self) -> None:
        """Give the room back."""
        self._under_way -= 1

    def _refusal(self) -> Refusal:
        text = f"{self._under_way:,} {self._what} are under way"
        return Refusal("OVERLOADED", text, retry_after_us=self._retry_after_us)
