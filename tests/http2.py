"""HTTP/2 frames and the gRPC messages in them, for clients that must be cheap: floods, and benchmarks of the wire.

What a server sends is read frame by frame; headers are written without the table of headers, so that an answer says
its status in plain bytes.
"""

from __future__ import annotations

import socket
import struct
from typing import Final, NamedTuple

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
ACK: Final = 1
END_STREAM: Final = 1
END_HEADERS: Final = 4
INITIAL_WINDOW: Final = 4
"""The number of this setting."""
WINDOW: Final = 65_535
_WINDOW_MAX: Final = 2**31 - 1
_STREAM_WINDOW: Final = 2**30
_HEAD_BYTES: Final = 9


def frame(kind: int, payload: bytes = b"", *, flags: int = 0, stream: int = 0, length: int | None = None) -> bytes:
    """Return an HTTP/2 frame; its length may be a lie."""
    size = len(payload) if length is None else length
    return struct.pack(">I", size)[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def request_headers(method: str, address: str, **more: str) -> bytes:
    """Return the headers of a gRPC request, and more of them by name (`grpc_timeout`)."""
    text = b"\x83\x86\x04" + _text(method) + b"\x01" + _text(address)
    text += b"\x0f\x10" + _text("application/grpc") + b"\x00" + _text("te") + _text("trailers")
    return text + b"".join(b"\x00" + _text(name.replace("_", "-")) + _text(value) for name, value in more.items())


def message_bytes(message: bytes) -> bytes:
    """Return a message as gRPC puts it into DATA frames."""
    return b"\0" + struct.pack(">I", len(message)) + message


def _text(text: str) -> bytes:
    return bytes((len(text),)) + text.encode("ascii")


class Frame(NamedTuple):
    """A frame that came."""

    kind: int
    flags: int
    stream: int
    payload: bytearray


class FrameSocket:
    """A connection that never waits: what the socket does not take at once stays in `output`, in order.

    The server is told not to use the table of headers, and that there is room for all that it may send.
    """

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.output = bytearray(PREFACE + frame(SETTINGS, struct.pack(">HIHI", 1, 0, INITIAL_WINDOW, _STREAM_WINDOW)))
        self.output += frame(WINDOW_UPDATE, struct.pack(">I", _WINDOW_MAX - WINDOW))
        self._input = bytearray()

    def flush(self) -> None:
        """Send what the socket takes."""
        if self.output:
            try:
                sent = self.socket.send(self.output)
            except BlockingIOError:
                return
            del self.output[:sent]

    def receive(self) -> list[Frame]:
        """Return the frames that are whole now; settings and pings are answered. Raises `ConnectionError`."""
        try:
            content = self.socket.recv(1 << 20)
        except BlockingIOError:
            return []
        if not content:
            raise ConnectionError("the server has closed the connection")
        taken = self._input
        taken += content
        frames, at = [], 0
        while len(taken) - at >= _HEAD_BYTES:
            begin = at + _HEAD_BYTES
            end = begin + int.from_bytes(taken[at : at + 3], "big")
            if end > len(taken):
                break
            stream = int.from_bytes(taken[at + 5 : begin], "big")
            frames.append(self._answered(Frame(taken[at + 3], taken[at + 4], stream, taken[begin:end])))
            at = end
        del taken[:at]
        return frames

    def _answered(self, one: Frame) -> Frame:
        if one.kind in (SETTINGS, PING) and not one.flags & ACK:
            self.output += frame(one.kind, bytes(one.payload) if one.kind == PING else b"", flags=ACK)
        return one
