"""Snapshots in the database: compressed, in parts, each whole or not there.

Keeps one invariant: a row in `snapshots` is written last, when all parts are durable; parts without it do not count.
"""

from __future__ import annotations

import sqlite3
import struct
import zlib
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

from router.journal.chain import CHECKSUM_BYTES
from router.journal.entries import Snapshot
from router.journal.faults import READ_ERRORS, is_damage
from router.journal.records import Unreadable, decode_service_state, encode_service_state

PART_BYTES = 512 * 1024
_LEVEL = 1


class Packed(NamedTuple):
    """A snapshot ready to be stored: its row, and its parts."""

    row: tuple[int, int, str, bytes, int, int, bytes]
    parts: Sequence[bytes]

    @property
    def sequence(self) -> int:
        """The last entry that the snapshot has in it."""
        return self.row[0]


def pack(snapshot: Snapshot) -> Packed:
    """Compress a snapshot. Takes long for a large one, and touches nothing."""
    service = encode_service_state(snapshot.service)
    body = zlib.compress(snapshot.engine, _LEVEL)
    parts = [body[start : start + PART_BYTES] for start in range(0, len(body), PART_BYTES)]
    head = (snapshot.sequence, snapshot.time_us, snapshot.state_hash, service, len(snapshot.engine), len(parts))
    return Packed((*head, _checksum(head, parts)), parts)


def add_part(connection: sqlite3.Connection, packed: Packed, part: int) -> None:
    """Store one part, durably."""
    connection.execute("INSERT INTO snapshot_parts VALUES (?, ?, ?)", (packed.sequence, part, packed.parts[part]))


def add_head(connection: sqlite3.Connection, packed: Packed) -> None:
    """Store the row that makes the snapshot whole, durably."""
    connection.execute("INSERT INTO snapshots VALUES (?, ?, ?, ?, ?, ?, ?)", packed.row)


def remove_head(connection: sqlite3.Connection, sequence: int) -> None:
    """Remove the row of a snapshot, if there is one: it does not count any more."""
    connection.execute("DELETE FROM snapshots WHERE sequence = ?", (sequence,))


def remove_unfinished(connection: sqlite3.Connection, parts_max: int = -1) -> int:
    """Remove parts of snapshots that do not count, all or some, and return how many."""
    return connection.execute(
        "DELETE FROM snapshot_parts WHERE rowid IN (SELECT rowid FROM snapshot_parts "
        "WHERE sequence NOT IN (SELECT sequence FROM snapshots) LIMIT ?)",
        (parts_max,),
    ).rowcount


def sequences(connection: sqlite3.Connection) -> list[int]:
    """Return the sequences of all snapshots in rising order."""
    return sorted({row[0] for row in connection.execute("SELECT sequence FROM snapshots").fetchall()})


def times_us(connection: sqlite3.Connection) -> dict[int, int]:
    """Return the time of each snapshot by its sequence, in rising order."""
    return dict(connection.execute("SELECT sequence, time_us FROM snapshots ORDER BY sequence").fetchall())


def load_packed(connection: sqlite3.Connection, sequence: int) -> Packed:
    """Return a snapshot as it is stored. Raises `Unreadable` if it is not as it was written."""
    try:
        return _load_packed(connection, sequence)
    except READ_ERRORS as error:
        if not is_damage(error):
            raise
        raise Unreadable("a page of the file is damaged") from error


def is_whole(connection: sqlite3.Connection, sequence: int) -> bool:
    """Whether a snapshot is there as it was written. Reads all of it."""
    try:
        load_packed(connection, sequence)
    except Unreadable:
        return False
    return True


def _load_packed(connection: sqlite3.Connection, sequence: int) -> Packed:
    heads = connection.execute("SELECT * FROM snapshots WHERE sequence = ?", (sequence,)).fetchall()
    if len(heads) != 1:
        raise Unreadable("it is not there")
    *head, checksum = heads[0]
    kinds = (int, int, str, bytes, int, int)
    if not all(isinstance(field, kind) for field, kind in zip(head, kinds, strict=True)):
        raise Unreadable("its row is damaged")
    query = "SELECT part, body FROM snapshot_parts WHERE sequence = ? ORDER BY part"
    found = connection.execute(query, (sequence,)).fetchall()
    if [part for part, _ in found] != list(range(head[-1])):
        raise Unreadable(f"it has {len(found):,} parts, not {head[-1]:,}")
    parts = [body for _, body in found]
    if not all(isinstance(part, bytes) for part in parts):
        raise Unreadable("a part of it is damaged")
    if checksum != _checksum(head, parts):
        raise Unreadable("its checksum does not match")
    return Packed(heads[0], parts)


def load(connection: sqlite3.Connection, sequence: int) -> Snapshot:
    """Return a snapshot. Raises `Unreadable` if it is not as it was written."""
    row, parts = load_packed(connection, sequence)
    _, time_us, state_hash, service, engine_bytes, _, _ = row
    try:
        engine = zlib.decompress(b"".join(parts))
    except zlib.error as error:
        raise Unreadable(f"it cannot be decompressed: {error}") from None
    if len(engine) != engine_bytes:
        raise Unreadable(f"it has {len(engine):,} bytes, not {engine_bytes:,}")
    return Snapshot(sequence, time_us, engine, state_hash, decode_service_state(service))


def _checksum(head: Sequence[Any], parts: Sequence[bytes]) -> bytes:
    sequence, time_us, state_hash, service, engine_bytes, count = head
    digest = blake2b(struct.pack("<qqqq", sequence, time_us, engine_bytes, count), digest_size=CHECKSUM_BYTES)
    for field in (state_hash.encode(), service):
        digest.update(struct.pack("<q", len(field)))
        digest.update(field)
    for part in parts:
        digest.update(part)
    return digest.digest()
