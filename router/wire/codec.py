"""Codecs between a struct of the engine and the protobuf message of the same name, derived from both.

Keeps one invariant: a struct field `x` or `x_us` and the message field `x` are the same thing; a field that one side
has and the other lacks stops the import of `router.wire`, not a call in production.

A field that a message leaves out takes the struct's default. That is why defaults are stated once, in the structs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Any, Generic, TypeVar

import msgspec
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from router.wire.problems import Malformed
from router.wire.times import from_duration, from_timestamp, to_duration, to_timestamp

S = TypeVar("S", bound=msgspec.Struct)
M = TypeVar("M", bound=Message)

Reader = Callable[[Any], Any]
Writer = Callable[[Any], Any]

_NO_VALUE: dict[int, Any] = {
    FieldDescriptor.CPPTYPE_STRING: "",
    FieldDescriptor.CPPTYPE_BOOL: False,
    FieldDescriptor.CPPTYPE_INT32: 0,
    FieldDescriptor.CPPTYPE_INT64: 0,
}
_INT64_MAX = 2**63 - 1


class EnumCodec:
    """A Python enum and the protobuf enum with the same names, prefixed. The wire's 0 is "unspecified"."""

    def __init__(self, python: type[IntEnum], wire: EnumDescriptor, prefix: str) -> None:
        self._name = wire.full_name
        self.to_wire = {member: wire.values_by_name[prefix + member.name].number for member in python}
        self.to_python = {number: member for member, number in self.to_wire.items()}
        self._wanted = "one of " + ", ".join(prefix + member.name for member in python)

    def read(self, number: int) -> IntEnum:
        """Return the member. Raises `Malformed` for a number that is none."""
        try:
            return self.to_python[number]
        except KeyError:
            raise Malformed("", f"{number} is no value of {self._name}", self._wanted) from None

    def write(self, member: IntEnum) -> int:
        """Return the number on the wire."""
        return self.to_wire[member]


class Codec(Generic[S, M]):
    """Encode a struct as a message and decode it, field by field, by tables that are made once."""

    def __init__(self, struct: type[S], message: type[M], registry: Registry, skip: tuple[str, ...] = ()) -> None:
        self.struct = struct
        self.message = message
        descriptor = message.DESCRIPTOR
        wire_fields: dict[str, Any] = {field.name: field for field in descriptor.fields}
        self._readers: dict[int, tuple[str, str, Reader | None]] = {}
        self._writers: list[tuple[str, str, Writer | None]] = []
        self._missing: dict[str, Any] = {}
        for field in msgspec.structs.fields(struct):
            if field.name in skip:
                continue
            wire = wire_fields.pop(field.name.removesuffix("_us"), None)
            if wire is None:
                raise TypeError(f"{descriptor.full_name} has no field for {struct.__name__}.{field.name}")
            read, write = registry.field_codec(wire)
            self._readers[wire.number] = (field.name, wire.name, read)
            self._writers.append((field.name, wire.name, write))
            if field.required:
                self._missing[field.name] = registry.value_when_missing(wire)
        if wire_fields:
            raise TypeError(f"{struct.__name__} has no field for {descriptor.full_name}: {', '.join(wire_fields)}")

    def decode(self, message: M, **skipped: Any) -> S:
        """Return the struct; `skipped` are the fields that the message has not. Raises `Malformed`.

        Limits that are the engine's to check are not checked here.
        """
        values = self._missing | skipped
        for descriptor, value in message.ListFields():
            name, wire_name, read = self._readers[descriptor.number]
            if read is None:
                values[name] = value
            else:
                try:
                    values[name] = read(value)
                except Malformed as malformed:
                    raise malformed.under(wire_name) from None
        return self.struct(**values)

    def encode(self, value: S) -> M:
        """Return the message."""
        fields: dict[str, Any] = {}
        for name, wire_name, write in self._writers:
            part = getattr(value, name)
            if part is not None:
                fields[wire_name] = part if write is None else write(part)
        return self.message(**fields)


class Registry:
    """The codecs of all messages and enums that structs are made of, by the message's full name."""

    def __init__(self) -> None:
        self._messages: dict[str, tuple[Reader, Writer]] = {
            "google.protobuf.Duration": (from_duration, to_duration),
            "google.protobuf.Timestamp": (from_timestamp, to_timestamp),
        }
        self._enums: dict[str, EnumCodec] = {}
        self._limits: dict[str, int] = {}
        self._lists: dict[str, tuple[Reader, Writer]] = {}

    def add_enum(self, python: type[IntEnum], wire: EnumDescriptor, prefix: str) -> EnumCodec:
        """Make `python` and `wire` the same. Raises `KeyError` if a member is missing on the wire."""
        codec = EnumCodec(python, wire, prefix)
        self._enums[wire.full_name] = codec
        return codec

    def add(self, struct: type[S], message: type[M], skip: tuple[str, ...] = ()) -> Codec[S, M]:
        """Derive the codec of a struct whose parts are known already; the message lacks the fields in `skip`.

        Raises `TypeError` if the two do not match.
        """
        codec = Codec(struct, message, self, skip)
        self._messages[message.DESCRIPTOR.full_name] = (codec.decode, codec.encode)
        return codec

    def add_special(self, message: type[Message], read: Reader, write: Writer) -> None:
        """Use the given functions for a message that is no struct."""
        self._messages[message.DESCRIPTOR.full_name] = (read, write)

    def add_list(self, field: str, read: Reader, write: Writer) -> None:
        """Use the given functions for one repeated field, named `Message.field`."""
        self._lists[field] = (read, write)

    def limit(self, field: str, entries_max: int) -> None:
        """Refuse more than `entries_max` entries in a list or map before any of them is looked at."""
        self._limits[field] = entries_max

    def field_codec(self, field: Any) -> tuple[Reader | None, Writer | None]:
        """Return how to read and write one field; None where the value is the same on both sides."""
        name = _name_of(field)
        if name in self._lists:
            return self._lists[name]
        limit = self._limits.get(name)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            read, write = self._scalar_codec(field.message_type.fields_by_name["value"])
            return _read_map(read, limit), _write_map(write)
        read, write = self._scalar_codec(field)
        if field.is_repeated:
            return _read_list(read, limit), _write_list(write)
        return read, write

    def value_when_missing(self, field: Any) -> Any:
        """Return what a required field of a struct is when its message leaves it out."""
        if _name_of(field) in self._lists:
            return self._lists[_name_of(field)][0](())
        return _value_when_missing(field)

    def _scalar_codec(self, field: Any) -> tuple[Reader | None, Writer | None]:
        if field.enum_type is not None:
            codec = self._enums[field.enum_type.full_name]
            return codec.read, codec.write
        if field.message_type is not None:
            return self._messages.get(field.message_type.full_name) or self._values_codec(field.message_type)
        if field.name.endswith("_nano"):
            return None, lambda value: min(value, _INT64_MAX)
        return None, None

    def _values_codec(self, wrapper: Descriptor) -> tuple[Reader, Writer]:
        """Return the codec of a message that only makes one list or map optional: its single field is `values`."""
        if [field.name for field in wrapper.fields] != ["values"]:
            raise TypeError(f"no struct is known for {wrapper.full_name}")
        read, write = self.field_codec(wrapper.fields[0])
        message: Any = GetMessageClass(wrapper)
        if read is None:
            raise TypeError(f"{wrapper.full_name}.values is neither a list nor a map")
        write_values = write or tuple
        return (lambda value: read(value.values)), (lambda value: message(values=write_values(value)))


def _name_of(field: Any) -> str:
    return f"{field.containing_type.name}.{field.name}"


def _value_when_missing(field: Any) -> Any:
    if field.is_repeated:
        is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
        return {} if is_map else ()
    if field.has_presence:
        return None
    return _NO_VALUE.get(field.cpp_type)


def _check_limit(value: Any, limit: int | None) -> None:
    if limit is not None and len(value) > limit:
        raise Malformed("", f"{len(value):,} entries", f"at most {limit:,}")


def _read_map(read: Reader | None, limit: int | None) -> Reader:
    if read is None:

        def read_plain(value: Mapping[Any, Any]) -> dict[Any, Any]:
            _check_limit(value, limit)
            return dict(value)

        return read_plain
    read_one = read

    def read_each(value: Mapping[Any, Any]) -> dict[Any, Any]:
        _check_limit(value, limit)
        entries = {}
        for key, entry in value.items():
            try:
                entries[key] = read_one(entry)
            except Malformed as malformed:
                raise malformed.under(f"[{key!r}]") from None
        return entries

    return read_each


def _write_map(write: Writer | None) -> Writer:
    if write is None:
        return dict
    write_one = write
    return lambda value: {key: write_one(entry) for key, entry in value.items()}


def _read_list(read: Reader | None, limit: int | None) -> Reader:
    if read is None:

        def read_plain(value: Any) -> tuple[Any, ...]:
            _check_limit(value, limit)
            return tuple(value)

        return read_plain
    read_one = read

    def read_each(value: Any) -> tuple[Any, ...]:
        _check_limit(value, limit)
        entries = []
        for index, entry in enumerate(value):
            try:
                entries.append(read_one(entry))
            except Malformed as malformed:
                raise malformed.under(f"[{index}]") from None
        return tuple(entries)

    return read_each


def _write_list(write: Writer | None) -> Writer | None:
    if write is None:
        return None
    write_one = write
    return lambda value: [write_one(entry) for entry in value]
