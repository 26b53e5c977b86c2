"""One command read natively and by router.wire: whether the two are the same, and do the same."""

from __future__ import annotations

from router.engine import Engine
from router.server import _native
from router.v1 import commands_pb2
from router.wire.commands import decode_any_command, digest
from tests.wire_native.scene import NOW_US, scene


def read_alike(content: bytes) -> bool:
    """Say whether a `Command` is read natively; if it is, it must be what router.wire makes of the same bytes."""
    native, python = Engine.restore(scene()), Engine.restore(scene())
    read = _native._read_command(content, native, NOW_US)
    if read is None:
        return False
    field, request_id, part, whole, events = read
    message = commands_pb2.Command.FromString(content)
    assert request_id == message.request_id.encode()
    command, own = decode_any_command(message)
    assert events == python.apply(command, NOW_US)
    assert native.state_hash() == python.state_hash()
    # what is journalled and digested is the deterministic form, and has nothing that nobody understood
    message.ClearField("request_id")
    message.DiscardUnknownFields()
    assert whole == message.SerializeToString(deterministic=True)
    assert part == own.SerializeToString(deterministic=True)
    assert _native._read_part(field, part) == (part, digest(own))
    return True
