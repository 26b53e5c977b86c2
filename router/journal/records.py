"""Entries and the service's state as bytes, and back: the format of `protos/router/journal/v1`.

Keeps one invariant: what is read is what was written, whole; what this version does not know is refused, never passed
over.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any, cast

from google.protobuf.message import DecodeError

from router.engine.commands import Advance, Attach, Command, Configure, Detach, Restart
from router.engine.settings import (
    AgentWeights,
    ByUrgency,
    CallWeights,
    ChannelSettings,
    EfficiencySettings,
    QueueSettings,
    Settings,
    WrapUp,
)
from router.engine.vocabulary import WrapUpMode
from router.journal.entries import (
    Change,
    ConfigText,
    EncodedEntries,
    Entries,
    Entry,
    Note,
    Owned,
    ServiceState,
    Session,
    SessionChange,
)
from router.journal.v1 import journal_pb2
from router.wire.commands import decode_any_command, encode_any_command
from router.wire.problems import Malformed
from router.wire.vocabulary import REGISTRY

FORMAT = 1
"""The number of the format that is written here."""

REGISTRY.add_enum(WrapUpMode, journal_pb2.WrapUp.Mode.DESCRIPTOR, "MODE_")
REGISTRY.add_enum(Change, journal_pb2.SessionChange.Change.DESCRIPTOR, "CHANGE_")
for _struct, _message in (
    (ByUrgency, journal_pb2.ByUrgency),
    (WrapUp, journal_pb2.WrapUp),
    (AgentWeights, journal_pb2.AgentWeights),
    (CallWeights, journal_pb2.CallWeights),
    (QueueSettings, journal_pb2.QueueSettings),
    (ChannelSettings, journal_pb2.ChannelSettings),
    (EfficiencySettings, journal_pb2.EfficiencySettings),
    (Settings, journal_pb2.Settings),
):
    REGISTRY.add(_struct, _message)

# commands that no client may send, by the field that has them
_OWN: dict[str, Any] = {
    "configure": REGISTRY.add(Configure, journal_pb2.Configure),
    "restart": REGISTRY.add(Restart, journal_pb2.Restart),
    "detach": REGISTRY.add(Detach, journal_pb2.Detach),
    "attach": REGISTRY.add(Attach, journal_pb2.Attach),
}
_FIELD_OF: dict[type[Any], str] = {codec.struct: field for field, codec in _OWN.items()}
_CONFIG_TEXT = REGISTRY.add(ConfigText, journal_pb2.ConfigText)
_SESSION_CHANGE = REGISTRY.add(SessionChange, journal_pb2.SessionChange)
_OWNED = REGISTRY.add(Owned, journal_pb2.Owned)


class Unreadable(ValueError):
    """Bytes are not of this format; the message says in what way."""


def encode_record(entries: Entries) -> bytes:
    """Return entries with consecutive sequences as one record. The same entries give the same bytes.

    Raises `TypeError` or `ValueError` for what is no entry.
    """
    pieces: list[bytes] = []
    for is_encoded, group in groupby(entries, lambda one: type(one) is EncodedEntries):
        if is_encoded:
            pieces += [cast(EncodedEntries, one).content for one in group]
        else:
            pieces.append(_encode(cast(Iterator[Entry], group)))
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def count_entries(entries: Entries) -> int:
    """Return how many entries there are."""
    return sum(entry.count if isinstance(entry, EncodedEntries) else 1 for entry in entries)


def split_entries(entries: EncodedEntries, count: int) -> tuple[EncodedEntries, EncodedEntries]:
    """Return the first `count` of some entries, which must be more, and the rest."""
    at, content = 0, entries.content
    for _ in range(count):
        size = shift = 0
        at += 1  # the field's key
        while True:
            byte = content[at]
            size |= (byte & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if byte < 0x80:
                break
        at += size
    return EncodedEntries(count, content[:at]), EncodedEntries(entries.count - count, content[at:])


def _encode(entries: Iterator[Entry]) -> bytes:
    record = journal_pb2.Record()
    add = record.entries.add
    for entry in entries:
        message = add(
            time_us=entry.time_us,
            client_id=entry.client_id,
            request_id=entry.request_id,
            content=entry.content,
            actor=entry.actor,
        )
        if entry.message is not None:
            message.command.MergeFrom(entry.message)
            message.command.ClearField("request_id")
        else:
            _write_command(message, entry.command)
        if entry.note is not None:
            _write_note(message.note, entry.note)
    # a message as it came may have fields of a newer client, which were not understood and so did not count
    record.DiscardUnknownFields()
    return record.SerializeToString(deterministic=True)


def decode_record(body: bytes) -> list[Entry]:
    """Return the entries of a record. Raises `Unreadable`."""
    return [_read_entry(message) for message in _parse(journal_pb2.Record, body).entries]


def decode_entry(body: bytes) -> Entry:
    """Return one entry of a record. Raises `Unreadable`."""
    return _read_entry(_parse(journal_pb2.Entry, body))


def encode_service_state(state: ServiceState) -> bytes:
    """Return the service's part of a snapshot as bytes."""
    message = journal_pb2.ServiceState(
        config=_CONFIG_TEXT.encode(state.config),
        file_etag=state.file_etag,
        sessions=[
            journal_pb2.Session(client_id=session.client_id, lost_at_us=session.lost_at_us)
            for session in state.sessions
        ],
        owned=[_OWNED.encode(owned) for owned in state.owned],
        wait=state.wait,
    )
    # what comes again of a repeated field is more of it
    return message.SerializeToString(deterministic=True) + state.encoded_owned


def decode_service_state(body: bytes) -> ServiceState:
    """Return the service's part of a snapshot. Raises `Unreadable`."""
    message = _parse(journal_pb2.ServiceState, body)
    return ServiceState(
        config=_CONFIG_TEXT.decode(message.config),
        file_etag=message.file_etag,
        sessions=tuple(
            Session(session.client_id, session.lost_at_us if session.HasField("lost_at_us") else None)
            for session in message.sessions
        ),
        owned=tuple(_OWNED.decode(owned) for owned in message.owned),
        wait=message.wait,
    )


def _parse(kind: Any, body: bytes) -> Any:
    try:
        message = kind.FromString(body)
    except DecodeError:
        raise Unreadable(f"{len(body):,} bytes are no {kind.DESCRIPTOR.full_name}") from None
    size = message.ByteSize()
    message.DiscardUnknownFields()
    if message.ByteSize() != size:
        raise Unreadable("it has a field that this version does not know; it was written by a newer version")
    return message


def _write_command(message: journal_pb2.Entry, command: Command) -> None:
    field = _FIELD_OF.get(type(command))
    if field is not None:
        part = getattr(message, field)
        part.SetInParent()
        part.MergeFrom(_OWN[field].encode(command))
    elif type(command) is not Advance:
        message.command.MergeFrom(encode_any_command(command))


def _write_note(message: journal_pb2.Note, note: Note) -> None:
    if isinstance(note, ConfigText):
        message.config.SetInParent()
        message.config.MergeFrom(_CONFIG_TEXT.encode(note))
    else:
        message.session.MergeFrom(_SESSION_CHANGE.encode(note))


def _read_entry(message: journal_pb2.Entry) -> Entry:
    try:
        return Entry(
            time_us=message.time_us,
            command=_read_command(message),
            client_id=message.client_id,
            request_id=message.request_id,
            content=message.content,
            actor=message.actor,
            note=_read_note(message.note) if message.HasField("note") else None,
        )
    except Malformed as malformed:
        raise Unreadable(f"it has a value that this version does not know: {malformed}") from None


def _read_command(message: journal_pb2.Entry) -> Command:
    field = message.WhichOneof("what")
    if field is None:
        return Advance()
    if field == "command":
        return decode_any_command(message.command)[0]
    command: Command = _OWN[field].decode(getattr(message, field))
    return command


def _read_note(message: journal_pb2.Note) -> Note:
    kind = message.WhichOneof("note")
    if kind == "config":
        return _CONFIG_TEXT.decode(message.config)
    if kind == "session":
        return _SESSION_CHANGE.decode(message.session)
    raise Malformed("note", "none is set", "config or session")
