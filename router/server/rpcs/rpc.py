"""The RPC that is being served: what logs and metrics say about it, found through a context variable.

Keeps one invariant: nothing here is worked out before somebody asks, so that a request costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from contextvars import ContextVar
from time import perf_counter_ns
from typing import Any, Final

from google.protobuf.message import DecodeError

UNARY: Final = "unary"
STREAM: Final = "stream"
WATCH: Final = "watch"

_NAMED_FIELDS: Final = ("call", "agent", "offer", "queue")


class Rpc:
    """One RPC: its method, its gRPC context, what came in, and the reason for which it was refused.

    `request` is the message that came in, once it is parsed; of a stream, which brings many, only the last `client_id`
    is kept. `principal` is who asks, of a unary one. `rejected` says that the engine refused it, by its rules.
    """

    __slots__ = (
        "_content",
        "_parse",
        "client_id",
        "context",
        "kind",
        "method",
        "principal",
        "reason",
        "rejected",
        "request",
        "started_ns",
    )

    def __init__(self, method: str, kind: str, context: Any) -> None:
        self.method = method
        self.kind = kind
        self.context = context
        self.request: Any = None
        self.client_id = ""
        self.principal = ""
        self.reason = ""
        self.rejected = False
        self.started_ns = perf_counter_ns()
        self._parse: Callable[[bytes], Any] | None = None
        self._content = b""

    def note_bytes(self, parse: Callable[[bytes], Any], content: bytes) -> None:
        """Remember the bytes that came in, which nobody may have parsed when the log asks for the message."""
        self._parse = parse
        self._content = content

    def fields(self) -> Iterator[tuple[str, object]]:
        """Yield what a line of the log says about it; empty values are left out."""
        yield "rpc", self.method
        yield "peer", self.context.peer()
        if self.reason:
            yield "reason", self.reason
        if self.client_id:
            yield "client_id", self.client_id
        if self.request is None and self._parse is not None:
            with suppress(DecodeError):
                self.request = self._parse(self._content)
        if self.request is not None:
            yield from fields_of_message(self.request)


def fields_of_message(message: Any) -> Iterator[tuple[str, object]]:
    """Yield who sent a message and what it is about: client and request id, and the names in its command."""
    for name in ("client_id", "request_id", *_NAMED_FIELDS):
        value = getattr(message, name, "")
        if isinstance(value, str | int) and value:
            yield name, value
    for field, part in message.ListFields():
        if field.message_type is None or field.is_repeated or field.message_type.file.package != "router.v1":
            continue
        for name in _NAMED_FIELDS:
            value = getattr(part, name, "")
            if isinstance(value, str | int) and value:
                yield name, value


CURRENT: ContextVar[Rpc | None] = ContextVar("rpc", default=None)
"""The RPC that the running task serves."""


def note_request(request: Any) -> None:
    """Remember the message of the RPC under way."""
    rpc = CURRENT.get()
    if rpc is None:
        return
    if rpc.kind == STREAM:
        rpc.client_id = request.client_id
    else:
        rpc.request = request


def note_client(client_id: str) -> None:
    """Remember who sent the message of the RPC under way, where it is not parsed."""
    rpc = CURRENT.get()
    if rpc is not None:
        rpc.client_id = client_id


def note_refusal(reason: str, *, seen_by_engine: bool) -> None:
    """Remember why the RPC under way is refused, by the engine or before it saw anything."""
    rpc = CURRENT.get()
    if rpc is not None:
        rpc.reason = reason
        rpc.rejected = seen_by_engine
