"""Messages as bytes, made so cheaply that a client can make them while it measures.

Keeps one invariant: they are what protobuf makes of the same commands, which bench/test_wire.py makes sure of.
"""

from __future__ import annotations

from collections.abc import Sequence


def varint(number: int) -> bytes:
    """Return a number of at least 0 as protobuf has it."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _field(tag: int, content: bytes) -> bytes:
    size = len(content)
    return (bytes((tag, size)) if size < 0x80 else bytes((tag,)) + varint(size)) + content


def _command(tag: bytes, body: bytes, request_id: str) -> bytes:
    assert len(body) < 0x80
    body = tag + bytes((len(body),)) + body
    return _field(0x0A, request_id.encode()) + body if request_id else body


def enqueue(call: str, queue: str, request_id: str = "") -> bytes:
    """Return a `Command` that enqueues a call."""
    return _command(b"\x32", _field(0x0A, call.encode()) + _field(0x12, queue.encode()), request_id)


def accept(offer: int, request_id: str = "") -> bytes:
    """Return a `Command` that accepts an offer."""
    return _command(b"\x6a", b"\x08" + varint(offer), request_id)


def complete(call: str, request_id: str = "") -> bytes:
    """Return a `Command` that completes a call."""
    return _command(b"\x7a", _field(0x0A, call.encode()), request_id)


def end_wrap_up(agent: str, request_id: str = "") -> bytes:
    """Return a `Command` that ends an agent's wrap-up."""
    return _command(b"\x82\x01", _field(0x0A, agent.encode()), request_id)


def set_availability(agent: str, reason: str, request_id: str = "") -> bytes:
    """Return a `Command` that makes an agent not ready, for a reason, or ready where there is none."""
    body = _field(0x0A, agent.encode()) + (_field(0x1A, reason.encode()) if reason else b"\x10\x01")
    return _command(b"\x22", body, request_id)


def batch(number: int, client_id: str, commands: Sequence[bytes]) -> bytes:
    """Return an `ApplyRequest`."""
    parts = [b"\x08", varint(number), _field(0x12, client_id.encode())]
    for command in commands:
        parts += (b"\x1a", varint(len(command)), command)
    return b"".join(parts)


def enqueue_request(client_id: str, request_id: str, call: str, queue: str) -> bytes:
    """Return an `EnqueueRequest`."""
    body = _field(0x0A, call.encode()) + _field(0x12, queue.encode())
    return _field(0x0A, client_id.encode()) + _field(0x12, request_id.encode()) + _field(0x1A, body)
