"""Bytes for a method: valid messages over small pools of names, and everything that such bytes can turn into.

Keeps one invariant: the same seed gives the same bytes.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

DEPTH_MAX = 8
NAMES = ("loans", "cards", "general", "voice", "chat", "ada", "ben", "c1", "c2", "c3", "pbx", "r1", "r2", "carol")
ODD_TEXTS = (
    "",
    "x" * 255,
    "x" * 256,
    "x" * 20_000,
    "é" * 100,
    "a\x00b",
    "\x1b[31m",
    "\u202e",
    "💥",
    "\n",
    "%s%n",
    "{0}",
)
ODD_NUMBERS = (0, 1, -1, 2, 9, 10, 11, 1_000, 1_001, 2**31 - 1, -(2**31))
ODD_WIDE = (*ODD_NUMBERS, 2**61, 2**63 - 1, -(2**63))
TOMLS = (
    "",
    "[queues.loans]\n",
    "[queues.loans]\ntaget = 3\n",
    "[[[",
    "queues = 1",
    "[channels.voice]\n[queues.cards]\n",
)

Bytes = Callable[["Messages", Descriptor], bytes]


class Messages:
    """Draws bytes with a seed."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def payload(self, of: Descriptor) -> bytes:
        """Return bytes of any kind for a message type."""
        return self.rng.choice(KINDS)(self, of)

    # --- messages that are valid, at least in form

    def valid(self, of: Descriptor) -> bytes:
        return self.message(of).SerializeToString()

    def message(self, of: Descriptor, depth: int = 0) -> Message:
        """Return a message with about half of its fields set."""
        message = GetMessageClass(of)()
        fields: Any = of.fields
        for field in fields:
            # the command itself is nearly always there
            wanted = 0.95 if field.type == FieldDescriptor.TYPE_MESSAGE and depth == 0 else 0.5
            if depth < DEPTH_MAX and self.rng.random() < wanted:
                self._set(message, field, depth)
        return message

    def _set(self, message: Any, field: Any, depth: int) -> None:
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            self._set_map(getattr(message, field.name), field, depth)
        elif field.is_repeated:
            target = getattr(message, field.name)
            for _ in range(self.rng.choice((0, 1, 1, 2, 3))):
                if field.message_type is not None:
                    target.append(self.message(field.message_type, depth + 1))
                else:
                    target.append(self._scalar(field))
        elif field.message_type is not None:
            getattr(message, field.name).CopyFrom(self.message(field.message_type, depth + 1))
        else:
            setattr(message, field.name, self._scalar(field))

    def _set_map(self, target: Any, field: Any, depth: int) -> None:
        value = field.message_type.fields_by_name["value"]
        for _ in range(self.rng.choice((0, 1, 2))):
            key = self._scalar(field.message_type.fields_by_name["key"])
            if value.message_type is None:
                target[key] = self._scalar(value)
            else:
                target[key].CopyFrom(self.message(value.message_type, depth + 1))

    def _scalar(self, field: Any) -> Any:
        rng = self.rng
        odd = rng.random() < 0.1
        if field.type == FieldDescriptor.TYPE_STRING:
            if field.name == "toml":
                return rng.choice(TOMLS)
            return rng.choice(ODD_TEXTS if odd else NAMES)
        if field.type == FieldDescriptor.TYPE_BYTES:
            return rng.randbytes(rng.randrange(20))
        if field.type == FieldDescriptor.TYPE_BOOL:
            return rng.random() < 0.5
        if field.type == FieldDescriptor.TYPE_ENUM:
            return rng.choice((-1, 99, 2**31 - 1)) if odd else rng.choice(field.enum_type.values).number
        if field.type in (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT):
            return rng.choice((0.0, 1.5, float("nan"), float("inf")))
        if field.type in (FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_SINT64, FieldDescriptor.TYPE_SFIXED64):
            return rng.choice(ODD_WIDE) if odd else rng.randrange(12)
        if field.type in (FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_SINT32, FieldDescriptor.TYPE_SFIXED32):
            return rng.choice(ODD_NUMBERS) if odd else rng.randrange(12)
        return rng.randrange(2**32)

    # --- messages that are not

    def noise(self, of: Descriptor) -> bytes:
        return self.rng.randbytes(self.rng.choice((0, 1, 2, 10, 100, 5_000)))

    def mutated(self, of: Descriptor) -> bytes:
        """Return a valid message with some bytes changed, left out, doubled or put in."""
        data = bytearray(self.valid(of)) or bytearray(b"\x00")
        for _ in range(self.rng.choice((1, 1, 2, 5, 20))):
            at = self.rng.randrange(len(data) + 1)
            end = min(len(data), at + self.rng.choice((1, 2, 8, 40)))
            data[at:end] = self.rng.choice(
                (b"", bytes(data[at:end]) * 2, b"\xff", b"\xff" * 9 + b"\x01", self.rng.randbytes(2))
            )
        return bytes(data)

    def truncated(self, of: Descriptor) -> bytes:
        data = self.valid(of)
        return data[: self.rng.randrange(len(data) + 1)]

    def wrong_types(self, of: Descriptor) -> bytes:
        """Return fields of the message, and others, with any wire type."""
        numbers = [*(field.number for field in of.fields), 0, 15, 16, 2**29 - 1]
        parts = []
        for _ in range(self.rng.randrange(1, 30)):
            parts.append(varint(self.rng.choice(numbers) << 3 | self.rng.randrange(8)))
            parts.append(self.rng.randbytes(self.rng.choice((0, 1, 4, 8))))
        return b"".join(parts)

    def deep(self, of: Descriptor) -> bytes:
        """Return groups in groups, or messages in messages, deeper than any parser goes."""
        depth = self.rng.choice((50, 150, 10_000))
        number = self.rng.choice([*(field.number for field in of.fields), 1_000])
        if self.rng.random() < 0.5:
            return varint(number << 3 | 3) * depth
        data = b""
        for _ in range(min(depth, 2_000)):
            data = varint(number << 3 | 2) + varint(len(data)) + data
        return data

    def false_length(self, of: Descriptor) -> bytes:
        """Return a field that claims to be far longer than the message."""
        number = self.rng.choice([*(field.number for field in of.fields), 1])
        return varint(number << 3 | 2) + varint(self.rng.choice((2**20, 2**31 - 1, 2**32, 2**63))) + b"abc"

    def crowded(self, of: Descriptor) -> bytes:
        """Return one field thousands of times."""
        fields: Any = of.fields
        if not fields:
            return b""
        field = self.rng.choice(fields)
        message = GetMessageClass(of)()
        self._set(message, field, 0)
        return message.SerializeToString()[:100] * self.rng.choice((100, 3_000))

    def huge(self, of: Descriptor) -> bytes:
        """Return more than the server takes in one message."""
        return varint(1 << 3 | 2) + varint(5 << 20) + bytes(5 << 20)


KINDS: tuple[Bytes, ...] = (
    *(Messages.valid,) * 6,
    *(Messages.mutated,) * 6,
    *(Messages.noise,) * 2,
    *(Messages.truncated,) * 2,
    *(Messages.wrong_types,) * 2,
    Messages.deep,
    Messages.false_length,
    Messages.crowded,
)
"""What is drawn from; `huge` is asked for by name, since it is slow."""


def varint(value: int) -> bytes:
    """Return a number as protobuf writes it."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
