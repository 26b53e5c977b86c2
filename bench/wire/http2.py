"""Streams of gRPC messages over bare HTTP/2: so cheap that the processor is left to the server under load.

Keeps one invariant: no more bytes are sent than the server has room for; what has no room yet waits here, in order.
"""

from __future__ import annotations

import select
import socket
import struct
from collections import deque
from types import TracebackType
from typing import Final

from tests.fuzz.sockets import HEADERS, PING, PREFACE, RST_STREAM, SETTINGS, WINDOW_UPDATE, frame

_DATA: Final = 0
_GOAWAY: Final = 7
_ACK: Final = 1
_END_STREAM: Final = 1
_END_HEADERS: Final = 4
_HEAD_BYTES: Final = 9
_FRAME_BYTES_MAX: Final = 16_384
_WINDOW: Final = 65_535
_WINDOW_MAX: Final = 2**31 - 1
_STREAM_WINDOW: Final = 2**30
_TOP_UP: Final = 2**28
_INITIAL_WINDOW: Final = 4
"""The number of this setting."""


class StreamEnded(ConnectionError):
    """The server has ended a stream, or the connection."""


class Connection:
    """One connection with some streams, each of which carries messages both ways."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._address = address
        self._socket = socket.create_connection((host, int(port)))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # no table of headers, so that a trailer says its status in plain bytes
        settings = struct.pack(">HIHI", 1, 0, _INITIAL_WINDOW, _STREAM_WINDOW)
        self._output = bytearray(PREFACE + frame(SETTINGS, settings))
        self._output += frame(WINDOW_UPDATE, struct.pack(">I", _WINDOW_MAX - _WINDOW))
        self._input = bytearray()
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._room = self._initial_room = _WINDOW
        self._stream_room: dict[int, int] = {}
        self._taken: dict[int, bytearray] = {}
        self._untold = 0
        self._socket.setblocking(False)

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._socket.close()

    def open(self, method: str) -> int:
        """Begin an RPC; return its number."""
        stream = 2 * len(self._taken) + 1
        self._taken[stream] = bytearray()
        self._stream_room[stream] = self._initial_room
        self._output += frame(HEADERS, _headers(method, self._address), flags=_END_HEADERS, stream=stream)
        return stream

    def send(self, stream: int, message: bytes) -> None:
        """Let a message go out as soon as there is room."""
        self._waiting.append((stream, b"\0" + struct.pack(">I", len(message)) + message))

    def half_close(self, stream: int) -> None:
        """Say that no more messages come; all that were sent must have gone out."""
        self._flush()
        assert not self._waiting
        self._output += frame(_DATA, flags=_END_STREAM, stream=stream)

    def exchange(self, wait_s: float) -> list[tuple[int, bytes]]:
        """Send what may go, wait for at most so long, and return the messages that came, each with its RPC's number.

        Raises `StreamEnded`.
        """
        self._flush()
        writers = [self._socket] if self._output else []
        readable, writable, _ = select.select([self._socket], writers, [], wait_s)
        if writable:
            self._flush()
        return self._receive() if readable else []

    def _flush(self) -> None:
        while self._waiting:
            stream, body = self._waiting[0]
            room = min(self._room, self._stream_room[stream], _FRAME_BYTES_MAX)
            if room <= 0:
                break
            if len(body) > room:
                self._waiting[0] = (stream, body[room:])
                body = body[:room]
            else:
                self._waiting.popleft()
            self._room -= len(body)
            self._stream_room[stream] -= len(body)
            self._output += frame(_DATA, body, stream=stream)
        if self._output:
            try:
                sent = self._socket.send(self._output)
            except BlockingIOError:
                return
            del self._output[:sent]

    def _receive(self) -> list[tuple[int, bytes]]:
        try:
            content = self._socket.recv(1 << 20)
        except BlockingIOError:
            return []
        if not content:
            raise StreamEnded("the server has closed the connection")
        taken = self._input
        taken += content
        messages: list[tuple[int, bytes]] = []
        at = 0
        while len(taken) - at >= _HEAD_BYTES:
            length = int.from_bytes(taken[at : at + 3], "big")
            begin = at + _HEAD_BYTES
            if len(taken) < begin + length:
                break
            stream = int.from_bytes(taken[at + 5 : begin], "big")
            kind, flags = taken[at + 3], taken[at + 4]
            payload = taken[begin : begin + length]
            if kind == _DATA:
                messages += self._data(stream, payload)
            else:
                self._other(kind, flags, stream, payload)
            at = begin + length
        del taken[:at]
        return messages

    def _data(self, stream: int, payload: bytearray) -> list[tuple[int, bytes]]:
        """Take bytes of a stream; return the messages that are whole now."""
        self._untold += len(payload)
        if self._untold >= _TOP_UP:
            for number in (0, *self._taken):
                self._output += frame(WINDOW_UPDATE, struct.pack(">I", self._untold), stream=number)
            self._untold = 0
        taken = self._taken[stream]
        taken += payload
        messages, at = [], 0
        while len(taken) - at >= 5:
            end = at + 5 + int.from_bytes(taken[at + 1 : at + 5], "big")
            if end > len(taken):
                break
            messages.append((stream, bytes(taken[at + 5 : end])))
            at = end
        del taken[:at]
        return messages

    def _other(self, kind: int, flags: int, stream: int, payload: bytearray) -> None:
        if kind == WINDOW_UPDATE:
            more = int.from_bytes(payload, "big")
            if stream:
                self._stream_room[stream] += more
            else:
                self._room += more
        elif kind == SETTINGS and not flags & _ACK:
            self._learn(payload)
            self._output += frame(SETTINGS, flags=_ACK)
        elif kind == PING and not flags & _ACK:
            self._output += frame(PING, bytes(payload), flags=_ACK)
        elif kind in (RST_STREAM, _GOAWAY) or (kind == HEADERS and flags & _END_STREAM):
            raise StreamEnded(f"RPC {stream} has ended (frame {kind}): {bytes(payload)!r}")

    def _learn(self, settings: bytearray) -> None:
        for number, value in struct.iter_unpack(">HI", settings):
            if number == _INITIAL_WINDOW:
                for stream in self._stream_room:
                    self._stream_room[stream] += value - self._initial_room
                self._initial_room = value


def _headers(method: str, address: str) -> bytes:
    """Return the headers of a request, without use of the table of headers."""
    text = b"\x83\x86\x04" + _text(method) + b"\x01" + _text(address)
    return text + b"\x0f\x10" + _text("application/grpc") + b"\x00" + _text("te") + _text("trailers")


def _text(text: str) -> bytes:
    return bytes((len(text),)) + text.encode("ascii")
