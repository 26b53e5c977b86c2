"""Events on the wire: the `oneof` of router.v1.Event and the structs of the engine.

Keeps one invariant: every event of the engine has its message, and nothing is lost either way.
"""

from __future__ import annotations

import types
import typing
from typing import Any

from router.engine import events as engine_events
from router.engine.events import Event
from router.v1 import events_pb2
from router.wire.codec import Codec
from router.wire.times import from_timestamp, to_timestamp
from router.wire.vocabulary import REGISTRY

_ENVELOPE = ("time_us", "sequence")

EVENT_TYPES: tuple[type[Any], ...] = typing.get_args(engine_events.Event)
"""Every kind of event, in the order of the catalogue."""

_CODECS: dict[type[Any], Codec[Any, Any]] = {
    struct: REGISTRY.add(struct, getattr(events_pb2, struct.__name__), skip=_ENVELOPE) for struct in EVENT_TYPES
}
_FIELDS: Any = events_pb2.Event.DESCRIPTOR.oneofs_by_name["event"].fields
_FIELD_OF = {struct: next(f.name for f in _FIELDS if f.message_type.name == struct.__name__) for struct in EVENT_TYPES}
_CODEC_OF_FIELD = {_FIELD_OF[struct]: codec for struct, codec in _CODECS.items()}

KINDS = types.MappingProxyType(
    {events_pb2.EventKind.Value(f"EVENT_KIND_{_FIELD_OF[struct].upper()}"): struct for struct in EVENT_TYPES}
)
"""The struct of each number of EventKind."""

KIND_OF = types.MappingProxyType({struct: number for number, struct in KINDS.items()})
"""The number in EventKind of each struct."""


def encode_event(event: Event) -> events_pb2.Event:
    """Return the event as a message."""
    kind = type(event)
    fields: dict[str, Any] = {_FIELD_OF[kind]: _CODECS[kind].encode(event)}
    return events_pb2.Event(sequence=event.sequence, time=to_timestamp(event.time_us), **fields)


def decode_event(message: events_pb2.Event) -> Event | None:
    """Return the event, or None for a kind that a newer server knows and we do not. Raises `Malformed`."""
    name = message.WhichOneof("event")
    if name is None:
        return None
    event: Event = _CODEC_OF_FIELD[name].decode(
        getattr(message, name), time_us=from_timestamp(message.time), sequence=message.sequence
    )
    return event
