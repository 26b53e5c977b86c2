"""Unary RPCs in great number over bare HTTP/2: so cheap that the processor is left to the server under load.

Keeps one invariant: each RPC that was sent ends once: with its gRPC status, as RESET, or as LEFT, when nothing came.
"""

from __future__ import annotations

import selectors
import socket
import struct
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, NamedTuple

import grpc

from tests.fuzz.sockets import HEADERS, PING, PREFACE, RST_STREAM, SETTINGS, WINDOW_UPDATE, frame

_DATA: Final = 0
_GOAWAY: Final = 7
_ACK: Final = 1
_END_STREAM: Final = 1
_END_HEADERS: Final = 4
_HEAD_BYTES: Final = 9
_WINDOW: Final = 65_535
_WINDOW_MAX: Final = 2**31 - 1
_STREAM_WINDOW: Final = 2**30
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
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # no table of headers, so that each answer says its status in plain bytes
        settings = struct.pack(">HIHI", 1, 0, 4, _STREAM_WINDOW)
        self._output = bytearray(PREFACE + frame(SETTINGS, settings))
        self._output += frame(WINDOW_UPDATE, struct.pack(">I", _WINDOW_MAX - _WINDOW))
        self._input = bytearray()
        self._headers = _request_headers(method, address, timeout_s)
        self._next = 1
        self.room = _WINDOW
        self.under_way: dict[int, float] = {}
        self.ended: list[Ended] = []
        self.succeeded = 0
        self.socket.setblocking(False)

    def send(self, due_s: float, message: bytes) -> None:
        stream, self._next = self._next, self._next + 2
        body = b"\0" + struct.pack(">I", len(message)) + message
        self.room -= len(body)
        self.under_way[stream] = due_s
        self._output += frame(HEADERS, self._headers, flags=_END_HEADERS, stream=stream)
        self._output += frame(_DATA, body, flags=_END_STREAM, stream=stream)

    def flush(self) -> None:
        if self._output:
            try:
                sent = self.socket.send(self._output)
            except BlockingIOError:
                return
            del self._output[:sent]

    def receive(self) -> None:
        try:
            content = self.socket.recv(1 << 18)
        except BlockingIOError:
            return
        if not content:
            raise ConnectionError("the server has closed the connection")
        taken = self._input
        taken += content
        at, now_s = 0, time.perf_counter()
        while len(taken) - at >= _HEAD_BYTES:
            length = int.from_bytes(taken[at : at + 3], "big")
            begin = at + _HEAD_BYTES
            if len(taken) < begin + length:
                break
            stream = int.from_bytes(taken[at + 5 : begin], "big")
            self._frame(taken[at + 3], taken[at + 4], stream, taken[begin : begin + length], now_s)
            at = begin + length
        del taken[:at]

    def leave(self) -> None:
        """Give up what has no answer."""
        now_s = time.perf_counter()
        self.ended += [Ended(due_s, now_s, "LEFT") for due_s in self.under_way.values()]
        self.under_way.clear()

    def _frame(self, kind: int, flags: int, stream: int, payload: bytearray, now_s: float) -> None:
        if kind == HEADERS and flags & _END_STREAM:
            self._end(stream, _code_in(payload), now_s)
        elif kind == RST_STREAM:
            self._end(stream, "RESET", now_s)
        elif kind == WINDOW_UPDATE and not stream:
            self.room += int.from_bytes(payload, "big")
        elif kind in (SETTINGS, PING) and not flags & _ACK:
            self._output += frame(kind, bytes(payload) if kind == PING else b"", flags=_ACK)
        elif kind == _GOAWAY:
            raise ConnectionError("the server sends the connection away")

    def _end(self, stream: int, code: str, now_s: float) -> None:
        due_s = self.under_way.pop(stream, None)
        if due_s is not None:
            self.ended.append(Ended(due_s, now_s, code))
            self.succeeded += code == "OK"


def _request_headers(method: str, address: str, timeout_s: float) -> bytes:
    """Return the headers of every request, without use of the table of headers."""
    text = b"\x83\x86\x04" + _text(method) + b"\x01" + _text(address)
    text += b"\x0f\x10" + _text("application/grpc") + b"\x00" + _text("te") + _text("trailers")
    return text + b"\x00" + _text("grpc-timeout") + _text(f"{int(timeout_s * 1000)}m")


def _text(text: str) -> bytes:
    return bytes((len(text),)) + text.encode("ascii")


def _code_in(trailers: bytearray) -> str:
    """Return the name of the status code that trailers have."""
    name = b"grpc-status"
    at = trailers.index(name) + len(name)
    return _CODES[int(trailers[at + 1 : at + 1 + trailers[at]])]
