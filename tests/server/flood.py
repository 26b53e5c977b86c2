"""Unary RPCs in great number over bare HTTP/2: so cheap that the processor is left to the server under load.

Keeps one invariant: each RPC that was sent ends once: with its gRPC status, as RESET, or as LEFT, when nothing came.
"""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, NamedTuple

import grpc

from tests.http2 import (
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    RST_STREAM,
    WINDOW,
    WINDOW_UPDATE,
    Frame,
    FrameSocket,
    frame,
    message_bytes,
    request_headers,
)

_ROOM_MIN: Final = 1_024
"""Less than this is left alone of what the server will take: a message is at most so long."""
_LOOK_S: Final = 0.01
_CODES: Final = {code.value[0]: code.name for code in grpc.StatusCode}


class Ended(NamedTuple):
    """An RPC: when it was to be sent, when it ended, and how: the name of its status code, RESET or LEFT."""

    due_s: float
    ended_s: float
    code: str


class Flood:
    """Send RPCs of one method, each with the next message, over a few connections."""

    def __init__(
        self, address: str, method: str, message: Callable[[int], bytes], *, lines: int = 4, timeout_s: float = 20.0
    ) -> None:
        self._message = message
        self._timeout_s = timeout_s
        self._lines = [_Line(address, method, timeout_s) for _ in range(lines)]
        self._selector = selectors.DefaultSelector()
        for line in self._lines:
            self._selector.register(line.socket, selectors.EVENT_READ, line)
        self.sent = 0

    def __enter__(self) -> Flood:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._selector.close()
        for line in self._lines:
            line.socket.close()

    def hold(self, in_flight: int, seconds: float) -> float:
        """Keep so many under way for a time; return how many succeeded per second."""
        began_s = now_s = time.perf_counter()
        succeeded = self._succeeded()
        while now_s - began_s < seconds:
            while sum(len(line.under_way) for line in self._lines) < in_flight and self._send(time.perf_counter()):
                pass
            self._exchange(_LOOK_S)
            now_s = time.perf_counter()
        return (self._succeeded() - succeeded) / (now_s - began_s)

    def pour(self, per_second: float, seconds: float) -> float:
        """Send at a rate, whatever comes back; return how many succeeded per second."""
        began_s = now_s = time.perf_counter()
        succeeded, sent = self._succeeded(), 0
        while now_s - began_s < seconds:
            while (due_s := began_s + sent / per_second) <= now_s and self._send(due_s):
                sent += 1
            self._exchange(max(0.0005, min(_LOOK_S, due_s - time.perf_counter())))
            now_s = time.perf_counter()
        return (self._succeeded() - succeeded) / (now_s - began_s)

    def take(self) -> list[Ended]:
        """Wait for what is under way; return all that has ended since the last time, in that order."""
        until_s = time.perf_counter() + self._timeout_s
        while any(line.under_way for line in self._lines) and time.perf_counter() < until_s:
            self._exchange(_LOOK_S)
        ended: list[Ended] = []
        for line in self._lines:
            line.leave()
            ended += line.ended
            line.ended = []
        return sorted(ended, key=lambda rpc: rpc.ended_s)

    def _succeeded(self) -> int:
        return sum(line.succeeded for line in self._lines)

    def _send(self, due_s: float) -> bool:
        """Send the next one; return False if the server has no room for more bytes."""
        line = self._lines[self.sent % len(self._lines)]
        if line.room < _ROOM_MIN:
            return False
        line.send(due_s, self._message(self.sent))
        self.sent += 1
        return True

    def _exchange(self, wait_s: float) -> None:
        for line in self._lines:
            line.flush()
        for key, _ in self._selector.select(wait_s):
            line = key.data
            line.receive()


class _Line:
    """One connection."""

    def __init__(self, address: str, method: str, timeout_s: float) -> None:
        self._frames = FrameSocket(address)
        self.socket = self._frames.socket
        self.flush = self._frames.flush
        self._headers = request_headers(method, address, grpc_timeout=f"{int(timeout_s * 1000)}m")
        self._next = 1
        self.room = WINDOW
        self.under_way: dict[int, float] = {}
        self.ended: list[Ended] = []
        self.succeeded = 0

    def send(self, due_s: float, message: bytes) -> None:
        stream, self._next = self._next, self._next + 2
        body = message_bytes(message)
        self.room -= len(body)
        self.under_way[stream] = due_s
        self._frames.output += frame(HEADERS, self._headers, flags=END_HEADERS, stream=stream)
        self._frames.output += frame(DATA, body, flags=END_STREAM, stream=stream)

    def receive(self) -> None:
        frames = self._frames.receive()
        now_s = time.perf_counter()
        for one in frames:
            self._take(one, now_s)

    def leave(self) -> None:
        """Give up what has no answer."""
        now_s = time.perf_counter()
        self.ended += [Ended(due_s, now_s, "LEFT") for due_s in self.under_way.values()]
        self.under_way.clear()

    def _take(self, one: Frame, now_s: float) -> None:
        if one.kind == HEADERS and one.flags & END_STREAM:
            self._end(one.stream, _code_in(one.payload), now_s)
        elif one.kind == RST_STREAM:
            self._end(one.stream, "RESET", now_s)
        elif one.kind == WINDOW_UPDATE and not one.stream:
            self.room += int.from_bytes(one.payload, "big")
        elif one.kind == GOAWAY:
            raise ConnectionError("the server sends the connection away")

    def _end(self, stream: int, code: str, now_s: float) -> None:
        due_s = self.under_way.pop(stream, None)
        if due_s is not None:
            self.ended.append(Ended(due_s, now_s, code))
            self.succeeded += code == "OK"


def _code_in(trailers: bytearray) -> str:
    """Return the name of the status code that trailers have."""
    name = b"grpc-status"
    at = trailers.index(name) + len(name)
    return _CODES[int(trailers[at + 1 : at + 1 + trailers[at]])]
