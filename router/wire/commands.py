"""Commands on the wire: the `oneof` of router.v1.Command and the structs of the engine.

Keeps one invariant: a command means the same, and has the same digest, whether it came in a unary call or in a batch.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from google.protobuf.message import Message

from router.engine.commands import (
    Accept,
    Assign,
    Cancel,
    Command,
    Complete,
    EndWrapUp,
    Enqueue,
    PauseQueue,
    RecordOutcome,
    Reject,
    Requeue,
    ResumeQueue,
    SetAvailability,
    SignIn,
    SignOut,
    Transfer,
    TurnIntoCallback,
    UpdateAgent,
    UpdateCall,
)
from router.engine.limits import ATTRIBUTES_MAX, PREFERRED_AGENTS_MAX, SKILLS_MAX
from router.v1 import commands_pb2
from router.wire.codec import Codec
from router.wire.problems import Malformed
from router.wire.vocabulary import REGISTRY

WIRE_COMMANDS: tuple[type[Any], ...] = (
    SignIn,
    SignOut,
    SetAvailability,
    UpdateAgent,
    Enqueue,
    UpdateCall,
    Cancel,
    Requeue,
    Transfer,
    Assign,
    TurnIntoCallback,
    Accept,
    Reject,
    Complete,
    EndWrapUp,
    RecordOutcome,
    PauseQueue,
    ResumeQueue,
)
"""The commands that clients may send: all but `Configure`, `Detach`, `Attach`, `Restart` and `Advance`."""

_DIGEST_BYTES = 16

for _field, _entries_max in {
    "SignIn.skills": SKILLS_MAX,
    "SignIn.capacity": 4096,
    "SkillLevels.values": SKILLS_MAX,
    "Capacities.values": 4096,
    "Enqueue.preferred_agents": PREFERRED_AGENTS_MAX,
    "AgentNames.values": PREFERRED_AGENTS_MAX,
    "Enqueue.attributes": ATTRIBUTES_MAX,
    "Attributes.values": ATTRIBUTES_MAX,
}.items():
    REGISTRY.limit(_field, _entries_max)

_CODECS: dict[str, Codec[Any, Any]] = {
    struct.__name__: REGISTRY.add(struct, getattr(commands_pb2, struct.__name__)) for struct in WIRE_COMMANDS
}
_FIELDS: Any = commands_pb2.Command.DESCRIPTOR.oneofs_by_name["command"].fields
_FIELD_OF: dict[str, str] = {field.message_type.name: field.name for field in _FIELDS}
_CODEC_OF_FIELD = {_FIELD_OF[name]: codec for name, codec in _CODECS.items()}


def decode_command(message: Message) -> Command:
    """Return the command that a message such as `Enqueue` stands for. Raises `Malformed`."""
    command: Command = _CODECS[message.DESCRIPTOR.name].decode(message)
    return command


def decode_any_command(message: commands_pb2.Command) -> tuple[Command, Message]:
    """Return the command in a `Command` and the message that held it. Raises `Malformed`."""
    name = message.WhichOneof("command")
    if name is None:
        raise Malformed("command", "none is set", "one of " + ", ".join(_CODEC_OF_FIELD))
    part: Message = getattr(message, name)
    try:
        return _CODEC_OF_FIELD[name].decode(part), part
    except Malformed as malformed:
        raise malformed.under(name) from None


def encode_command(command: Command) -> Message:
    """Return the message of the command's own name. Raises `TypeError` for `Configure` and `Advance`."""
    codec = _CODECS.get(type(command).__name__)
    if codec is None:
        raise TypeError(f"{type(command).__name__} cannot be sent as a command")
    message: Message = codec.encode(command)
    return message


def encode_any_command(command: Command, request_id: str = "") -> commands_pb2.Command:
    """Return the command as one of a batch. Raises `TypeError` for `Configure` and `Advance`."""
    message = encode_command(command)
    fields: dict[str, Any] = {_FIELD_OF[message.DESCRIPTOR.name]: message}
    return commands_pb2.Command(request_id=request_id, **fields)


def field_of(message: Message) -> str:
    """Return the name under which a command's message travels, in requests and in `Command` alike."""
    return _FIELD_OF[message.DESCRIPTOR.name]


def digest(message: Message) -> bytes:
    """Return 16 bytes that tell what was asked, so that a request id used twice for different things is noticed."""
    content = message.SerializeToString(deterministic=True)
    return blake2b(content, digest_size=_DIGEST_BYTES, key=message.DESCRIPTOR.name.encode()).digest()
