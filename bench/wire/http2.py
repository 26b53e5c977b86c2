"""Streams of gRPC messages over bare HTTP/2: so cheap that the processor is left to the server under load.

Keeps one invariant: no more bytes are sent than the server has room for; what has no room yet waits here, in order.
"""

from __future__ import annotations

import select
import struct
from collections import deque
from types import TracebackType
from typing import Final

from tests.http2 import (
    ACK,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    INITIAL_WINDOW,
    RST_STREAM,
    SETTINGS,
    WINDOW,
    WINDOW_UPDATE,
    Frame,
    FrameSocket,
    frame,
    message_bytes,
    request_headers,
)

_FRAME_BYTES_MAX: Final = 16_384
_TOP_UP: Final = 2**28


class StreamEnded(ConnectionError):
    """The server has ended a stream, or says that it will end the connection."""


class Connection:
    """One connection with some streams, each of which carries messages both ways."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._frames = FrameSocket(address)
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._room = self._initial_room = WINDOW
        self._stream_room: dict[int, int] = {}
        self._taken: dict[int, bytearray] = {}
        self._untold = 0

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._frames.socket.close()

    def open(self, method: str) -> int:
        """Begin an RPC; return its number."""
        stream = 2 * len(self._taken) + 1
        self._taken[stream] = bytearray()
        self._stream_room[stream] = self._initial_room
        headers = request_headers(method, self._address)
        self._frames.output += frame(HEADERS, headers, flags=END_HEADERS, stream=stream)
        return stream

    def send(self, stream: int, message: bytes) -> None:
        """Let a message go out as soon as there is room."""
        self._waiting.append((stream, message_bytes(message)))

    def half_close(self, stream: int) -> None:
        """Say that no more messages come; all that were sent must have gone out."""
        self._flush()
        assert not self._waiting
        self._frames.output += frame(DATA, flags=END_STREAM, stream=stream)

    def exchange(self, wait_s: float) -> list[tuple[int, bytes]]:
        """Send what may go, wait for at most so long, and return the messages that came, each with its RPC's number.

        Raises `ConnectionError`.
        """
        self._flush()
        socket = self._frames.socket
        readable, writable, _ = select.select([socket], [socket] if self._frames.output else [], [], wait_s)
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
            self._frames.output += frame(DATA, body, stream=stream)
        self._frames.flush()

    def _receive(self) -> list[tuple[int, bytes]]:
        messages: list[tuple[int, bytes]] = []
        for one in self._frames.receive():
            if one.kind == DATA:
                messages += self._data(one.stream, one.payload)
            else:
                self._other(one)
        return messages

    def _data(self, stream: int, payload: bytearray) -> list[tuple[int, bytes]]:
        """Take bytes of a stream; return the messages that are whole now."""
        self._untold += len(payload)
        if self._untold >= _TOP_UP:
            for number in (0, *self._taken):
                self._frames.output += frame(WINDOW_UPDATE, struct.pack(">I", self._untold), stream=number)
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

    def _other(self, one: Frame) -> None:
        if one.kind == WINDOW_UPDATE:
            more = int.from_bytes(one.payload, "big")
            if one.stream:
                self._stream_room[one.stream] += more
            else:
                self._room += more
        elif one.kind == SETTINGS and not one.flags & ACK:
            self._learn(one.payload)
        elif one.kind in (RST_STREAM, GOAWAY) or (one.kind == HEADERS and one.flags & END_STREAM):
            raise StreamEnded(f"RPC {one.stream} has ended (frame {one.kind}): {bytes(one.payload)!r}")

    def _learn(self, settings: bytearray) -> None:
        for number, value in struct.iter_unpack(">HI", settings):
            if number == INITIAL_WINDOW:
                for stream in self._stream_room:
                    self._stream_room[stream] += value - self._initial_room
                self._initial_room = value
