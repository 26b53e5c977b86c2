"""The ways out of a damaged journal: what each would keep and lose, and taking one.

Keeps one invariant: the files as they were are copied aside, durably, before anything is changed.

There are two ways. *Cut*: go back to the state before the damage; everything after it is lost. *From a snapshot*:
forget the history up to a whole snapshot behind the damage and keep all after it; nothing of the present state is lost.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from router.journal import database, snapshots
from router.journal.chain import Row, make_row
from router.journal.database import Meta
from router.journal.entries import Entry
from router.journal.exchange import NEW, exchange
from router.journal.faults import READ_ERRORS, is_damage, reporting
from router.journal.files import (
    ACKNOWLEDGED,
    DATABASE,
    WAL,
    DirectoryLock,
    check_directory,
    flush_directory,
)
from router.journal.journal import JournalError
from router.journal.opening import open_for_reading
from router.journal.records import Unreadable, decode_record, encode_record
from router.journal.verify import Progress, Verification, verify

COPY: Final = "before-repair-"


@dataclass(frozen=True)
class Way:
    """Keep the entries after `after` (0: from the beginning on) up to `to`, and the snapshots in between."""

    after: int
    to: int


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong with a journal, and the ways out that there are."""

    verification: Verification
    cut: Way | None
    from_snapshot: Way | None

    @property
    def end(self) -> int:
        """The last entry that there is, or was."""
        return max(self.verification.last_sequence, self.verification.acknowledged_sequence)


@dataclass(frozen=True)
class Repaired:
    """What was done: the way taken, where the old files are, and whether the history has got a new id."""

    way: Way
    copy: Path
    new_history: bool


def diagnose(directory: Path, progress: Progress = lambda done, total: None) -> Diagnosis:
    """Verify a journal and find the ways out. Raises `JournalError` if nothing of it can be read."""
    found = verify(directory, progress)
    whole = [sequence for sequence in found.snapshots if sequence not in found.damaged_snapshots]
    good_to = min((broken.first for broken in found.breaks), default=found.last_sequence + 1) - 1
    good_after = max((broken.last for broken in found.breaks), default=0)
    return Diagnosis(found, _cut(found, whole, good_to), _from_snapshot(found, whole, good_after))


def cut_after(diagnosis: Diagnosis, sequence: int) -> Way:
    """Return the way that keeps entries up to `sequence`. Raises `JournalError` if that is not possible."""
    cut = diagnosis.cut
    if cut is None:
        raise JournalError("nothing before the damage can be kept: there is no whole snapshot, nor the beginning")
    whole = [n for n in diagnosis.verification.snapshots if n not in diagnosis.verification.damaged_snapshots]
    lowest = 0 if diagnosis.verification.first_sequence == 1 else min(whole)
    if not lowest <= sequence <= cut.to:
        raise JournalError(f"it cannot be cut after entry {sequence}; {lowest} to {cut.to} is possible")
    return Way(cut.after, sequence)


def repair(directory: Path, diagnosis: Diagnosis, way: Way, *, new_history: bool = False) -> Repaired:
    """Take a way out; the history gets a new id if entries are lost, or if told so.

    Raises `JournalError`; the files as they were are in the copy then. If it is broken off, nothing has been changed,
    or `router.journal.exchange.finish` does the rest.
    """
    check_directory(directory)
    lock = DirectoryLock(directory)
    try:
        _check_unchanged(directory, diagnosis)
        with reporting("repairing", directory / DATABASE):
            copy = _copy_aside(directory)
            new_history = new_history or way.to < diagnosis.end
            _build(copy, directory / NEW, way, None if new_history else diagnosis.verification.history_id)
            exchange(directory, copy)
        return Repaired(way, copy, new_history)
    finally:
        lock.close()


def lost_entries(directory: Path, sequence: int) -> Iterator[tuple[int, Entry]]:
    """Yield what can still be read of the entries after `sequence`, with their sequences, past any damage."""
    with closing(database.connect_for_reading(directory)) as connection:
        try:
            for rows in database.read_rows(connection, sequence + 1):
                for row in rows:
                    yield from ((number, entry) for number, entry in _entries(row) if number > sequence)
        except READ_ERRORS as error:
            if not is_damage(error):
                raise


def _cut(found: Verification, whole: list[int], good_to: int) -> Way | None:
    if found.first_sequence == 1:
        return Way(0, good_to)
    fitting = [sequence for sequence in whole if sequence <= good_to]
    return Way(found.first_sequence - 1, good_to) if fitting else None


def _from_snapshot(found: Verification, whole: list[int], good_after: int) -> Way | None:
    """Return the way that goes on from the first whole snapshot behind all damage."""
    fitting = [sequence for sequence in whole if good_after <= sequence <= found.last_sequence]
    if not found.breaks or not fitting or good_after > found.last_sequence:
        return None
    return Way(fitting[0], found.last_sequence)


def _check_unchanged(directory: Path, diagnosis: Diagnosis) -> None:
    opened = open_for_reading(directory)
    opened.close()
    found = diagnosis.verification
    if (opened.last_sequence, opened.meta) != (
        found.last_sequence,
        Meta(opened.meta.format, found.history_id, found.first_sequence),
    ):
        raise JournalError(f"{directory} has changed since it was examined; stop the server, and run it again")


def _copy_aside(directory: Path) -> Path:
    number = 1
    while (copy := directory / f"{COPY}{number}").exists():
        number += 1
    copy.mkdir(mode=0o700)
    for name in (DATABASE, WAL, ACKNOWLEDGED):
        if (directory / name).exists():
            shutil.copy2(directory / name, copy / name)
            with (copy / name).open("rb") as file:
                os.fsync(file.fileno())
    flush_directory(copy)
    flush_directory(directory)
    return copy


def _build(copy: Path, path: Path, way: Way, history_id: str | None) -> None:
    """Write a new database with what a way keeps, durably."""
    path.unlink(missing_ok=True)
    first, last = way.to + 1, way.to
    with (
        closing(database.connect_for_reading(copy)) as old,
        closing(database.begin(path)) as new,
        database.transaction(new),
    ):
        for row in _kept_rows(old, way):
            database.add_rows(new, [row])
            first, last = min(first, row.first), row.last
        for sequence in _snapshots_of(old):
            if way.after <= sequence <= way.to:
                _copy_snapshot(old, new, sequence)
        new.execute("UPDATE meta SET first_sequence = ?", (first,))
        if history_id is not None:
            new.execute("UPDATE meta SET history_id = ?", (history_id,))
    with path.open("rb") as file:
        os.fsync(file.fileno())
    if last != way.to:
        raise JournalError(f"entries {last + 1} to {way.to} could not be read again; nothing was changed")


def _kept_rows(connection: sqlite3.Connection, way: Way) -> Iterator[Row]:
    if way.to <= way.after:
        return
    for rows in database.read_rows(connection, way.after + 1):
        for row in rows:
            if row.last > way.after:
                yield row if row.last <= way.to else _shortened(row, way.to)
            if row.last >= way.to:
                return  # what is behind may be damaged


def _shortened(row: Row, to: int) -> Row:
    body = encode_record(decode_record(row.body)[: to - row.first + 1])
    return make_row(row.first, to, row.previous, body)


def _snapshots_of(connection: sqlite3.Connection) -> list[int]:
    try:
        return snapshots.sequences(connection)
    except READ_ERRORS as error:
        if not is_damage(error):
            raise
        return []


def _copy_snapshot(old: sqlite3.Connection, new: sqlite3.Connection, sequence: int) -> None:
    """Copy a snapshot if it is whole."""
    try:
        packed = snapshots.load_packed(old, sequence)
    except Unreadable:
        return
    for part in range(len(packed.parts)):
        snapshots.add_part(new, packed, part)
    snapshots.add_head(new, packed)


def _entries(row: Row) -> list[tuple[int, Entry]]:
    if not row.is_whole():
        return []
    try:
        return list(enumerate(decode_record(row.body), row.first))
    except Unreadable:
        return []
