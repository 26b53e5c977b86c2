"""What the journal holds: entries, notes and snapshots, as typed values. `records` has their form on disk."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

import msgspec

from router.engine.commands import Command
from router.v1 import commands_pb2


class ConfigText(msgspec.Struct, frozen=True, tag=True):
    """The text behind a `Configure`, and its etag; `from_file` if it was read from the server's config file."""

    toml: str
    etag: str
    from_file: bool


class Change(IntEnum):
    """What became of a session."""

    BEGAN = 1
    LOST = 2
    RECONCILED = 3
    ENDED = 4
    GIVEN_UP = 5


class SessionChange(msgspec.Struct, frozen=True, tag=True):
    """A client's session began, was lost, was taken up again, was ended, or was given up."""

    client_id: str
    change: Change


Note = ConfigText | SessionChange


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One command that reached the engine, at a time in microseconds since the epoch.

    `content` is the digest of the request, with a `request_id` only. `actor` is who did it. `message` may be the
    command's message as it came, which saves encoding it again; it is never there when an entry was read.
    """

    time_us: int
    command: Command
    client_id: str = ""
    request_id: str = ""
    content: bytes = b""
    actor: str = ""
    note: Note | None = None
    message: commands_pb2.Command | None = None


class EncodedEntries(msgspec.Struct, frozen=True):
    """One entry or more, with consecutive sequences, as the bytes that stand for them in a record."""

    count: int
    content: bytes


Entries = Sequence[Entry | EncodedEntries]
"""Entries with consecutive sequences, some of them in the form that they have in a record."""


class Session(msgspec.Struct, frozen=True):
    """A client's session; `lost_at_us` is the engine time at which it was lost, None while it is held."""

    client_id: str
    lost_at_us: int | None = None


class Owned(msgspec.Struct, frozen=True):
    """The signed-in agents and live calls that a client brought, sorted."""

    client_id: str
    agents: Sequence[str]
    calls: Sequence[str]


class ServiceState(msgspec.Struct, frozen=True):
    """The service's part of a snapshot. `file_etag` is that of the config file when it was last applied.

    `wait` is what wait prediction has learnt, in a form of its own; empty if nothing was kept. `encoded_owned` is more
    of `owned`, as it stands in the bytes of the state: for whoever writes one; read, it is empty.
    """

    config: ConfigText
    file_etag: str
    sessions: Sequence[Session] = ()
    owned: Sequence[Owned] = ()
    wait: bytes = b""
    encoded_owned: bytes = b""


class Snapshot(msgspec.Struct, frozen=True):
    """The whole state after entry `sequence`: the engine's, as `Engine.snapshot` gives it, and the service's."""

    sequence: int
    time_us: int
    engine: bytes
    state_hash: str
    service: ServiceState
