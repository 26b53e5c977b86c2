"""The journal in a local SQLite file.

Keeps one invariant: what `append` returned for is on the disk; nothing that is missing or damaged is taken for whole.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from router.journal import pruning, snapshots
from router.journal.chain import MISSING, NO_CHECKSUM, Break, Row, break_before, break_in, make_row
from router.journal.database import add_rows, connect_for_reading, read_rows, transaction
from router.journal.entries import EncodedEntries, Entries, Entry, Snapshot
from router.journal.faults import WAYS_OUT, reporting
from router.journal.files import DATABASE, Mark
from router.journal.journal import JournalCorrupt, JournalError
from router.journal.opening import Opened, open_for_reading, open_for_writing
from router.journal.records import Unreadable, count_entries, decode_record, encode_record, split_entries
from router.journal.turns import Turns

_RECORD_ENTRIES_MAX: Final = 1024
_RECORD_BYTES_MAX: Final = 8 * 1024 * 1024


class SqliteJournal:
    """A `Journal` in a directory; make one with `open`.

    `save_snapshot` and `prune` may run in a second thread: they hold up an `append` for one small transaction at most.
    After an `append` that failed, every call raises `JournalError`.
    """

    def __init__(self, directory: Path, opened: Opened) -> None:
        self._directory = directory
        self._path = directory / DATABASE
        self._opened = opened
        self._connection: sqlite3.Connection = opened.connection
        self._history_id = opened.meta.history_id
        self._first_sequence = opened.meta.first_sequence
        self._last_sequence = opened.last.last if opened.last else opened.last_sequence
        self._checksum = opened.last.checksum if opened.last else NO_CHECKSUM
        self._reports = list(opened.reports)
        self._turns = Turns()
        self._aside = threading.Lock()
        self._whole: dict[int, bool] = {}
        self._failure = ""
        self._closed = False

    @classmethod
    def open(cls, directory: str | Path, *, read_only: bool = False) -> SqliteJournal:
        """Open the journal in a directory; for writing, make both if they are not there.

        For writing: raises `JournalError` if it cannot be used, or is another process's; `JournalCorrupt` if
        acknowledged entries are missing at the end, having changed nothing. Read-only: looks at one moment of a journal
        that another process may be writing; what is wrong at the end is only reported.
        """
        path = Path(directory)
        return cls(path, open_for_reading(path) if read_only else open_for_writing(path))

    @property
    def directory(self) -> Path:
        """Where the journal is."""
        return self._directory

    @property
    def reports(self) -> Sequence[str]:
        """What was found, and got over, since the journal was opened: sentences for a log."""
        return tuple(self._reports)

    @property
    def shortfall(self) -> str:
        """What is missing or damaged at the end, of a journal that is only read; empty if nothing is."""
        return self._opened.shortfall.sentence if self._opened.shortfall else ""

    @property
    def history_id(self) -> str:
        """Name of the history that sequences belong to; drawn when the journal began."""
        return self._history_id

    @property
    def first_sequence(self) -> int:
        """Sequence of the oldest entry that is kept; `last_sequence + 1` if there is none."""
        return self._first_sequence

    @property
    def last_sequence(self) -> int:
        """Sequence of the newest entry; 0 before the first."""
        return self._last_sequence

    def append(self, expected_sequence: int, entries: Entries) -> None:
        """Make entries durable, with one flush. As `Journal.append`."""
        if not entries:
            return
        with self._appending():
            if expected_sequence != self._last_sequence + 1:
                raise JournalError(
                    f"the next entry of {self._path} is {self._last_sequence + 1}, not {expected_sequence}; "
                    "somebody else has written, or entries were left out"
                )
            rows = self._rows_of(entries)
            add_rows(self._connection, rows)
            self._opened.acknowledge(Mark(rows[-1].last, rows[-1].checksum))
            self._last_sequence = rows[-1].last
            self._checksum = rows[-1].checksum

    def read(self, after_sequence: int) -> Iterator[tuple[int, Entry]]:
        """Yield (sequence, entry) from `after_sequence` + 1 on. As `Journal.read`."""
        for row in self._rows_after(after_sequence):
            for sequence, entry in enumerate(self._entries_of(row), row.first):
                if sequence > after_sequence:
                    yield sequence, entry

    def read_encoded(self, after_sequence: int) -> Iterator[tuple[int, EncodedEntries]]:
        """Yield the same as the bytes of whole records. As `Journal.read_encoded`."""
        for row in self._rows_after(after_sequence):
            yield row.first, EncodedEntries(row.last - row.first + 1, row.body)

    def _rows_after(self, after_sequence: int) -> Iterator[Row]:
        """Yield the records that entries after a sequence are in. Raises `JournalCorrupt`, `JournalError`."""
        if after_sequence < self._first_sequence - 1:
            raise JournalError(
                f"entries from {after_sequence + 1} on were asked for, "
                f"but {self._path} begins with {self._first_sequence}"
            )
        if after_sequence > self._last_sequence:
            raise JournalError(
                f"entries from {after_sequence + 1} on were asked for, but {self._path} ends with {self._last_sequence}"
            )
        if after_sequence == self._last_sequence:
            return
        yield from self.read_rows(after_sequence + 1)

    def read_rows(self, sequence: int) -> Iterator[Row]:
        """Yield the records from the one with `sequence` in it on, each checked. Raises `JournalCorrupt`."""
        previous: Row | None = None
        wanted = sequence
        pages = self._pages(sequence)
        while True:
            try:
                rows = next(pages, None)
            except JournalCorrupt as corrupt:
                raise JournalCorrupt(f"entries from {wanted} on cannot be read: {corrupt}") from corrupt
            if rows is None:
                break
            for row in rows:
                self._check(row, previous, wanted)
                yield row
                previous = row
                wanted = row.last + 1
        if wanted <= self._last_sequence:
            raise self._corrupt(Break(wanted, self._last_sequence, MISSING))

    def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep a snapshot, durably, in several small transactions. As `Journal.save_snapshot`."""
        if not self._first_sequence - 1 <= snapshot.sequence <= self._last_sequence:
            raise JournalError(
                f"a snapshot of entry {snapshot.sequence} cannot be kept: "
                f"{self._path} has entries {self._first_sequence} to {self._last_sequence}"
            )
        packed = snapshots.pack(snapshot)
        with self._aside:
            self._store(packed)

    def load_snapshot(self, at_or_before: int) -> Snapshot | None:
        """Return the newest whole snapshot up to a sequence; damaged ones are reported. As `Journal.load_snapshot`."""
        for sequence in reversed(self.snapshot_sequences()):
            if sequence <= at_or_before:
                with self._reading():
                    try:
                        return snapshots.load(self._connection, sequence)
                    except Unreadable as unreadable:
                        self._reports.append(
                            f"the snapshot of entry {sequence} is damaged and passed over: {unreadable}"
                        )
        return None

    def snapshot_sequences(self) -> Sequence[int]:
        """Return the sequences of all snapshots, damaged ones too, in rising order."""
        with self._reading():
            return snapshots.sequences(self._connection)

    def prune(self, before_time_us: int) -> bool:
        """Forget what is old; say whether there is more to forget. As `Journal.prune`.

        Keeps the two newest snapshots, and the newest that has at least 10,000 entries after it; of those before that
        one an hour.
        """
        with self._aside:
            base = self._base(before_time_us)
            with self._writing("pruning"):
                plan = pruning.make_plan(self._connection, self._last_sequence, base)
                done = pruning.carry_out(self._connection, plan, self._first_sequence)
                self._first_sequence = done.first_sequence
            if not done.more:
                self._whole.clear()
            return done.more

    def close(self) -> None:
        """Let go of everything. Safe to call again."""
        with self._turns.take():
            if not self._closed:
                self._closed = True
                with reporting("closing", self._path):
                    self._opened.close()

    def _rows_of(self, entries: Entries) -> list[Row]:
        """Return the records for some entries: one, unless there are very many."""
        rows: list[Row] = []
        first, previous = self._last_sequence + 1, self._checksum
        for body, count in _encode(entries):
            rows.append(make_row(first, first + count - 1, previous, body))
            first, previous = rows[-1].last + 1, rows[-1].checksum
        return rows

    def _pages(self, sequence: int) -> Iterator[list[Row]]:
        pages = read_rows(self._connection, sequence)
        while True:
            with self._reading():
                rows = next(pages, None)
            if rows is None:
                return
            yield rows

    def _check(self, row: Row, previous: Row | None, wanted: int) -> None:
        """Raise `JournalCorrupt` unless a record is whole and is the one that comes next."""
        found = break_before(row, previous, wanted) or break_in(row, previous)
        if found is not None:
            raise self._corrupt(found)

    def _corrupt(self, found: Break) -> JournalCorrupt:
        return JournalCorrupt(f"{self._path}: {found.sentence}; {WAYS_OUT}")

    def _entries_of(self, row: Row) -> list[Entry]:
        try:
            entries = decode_record(row.body)
        except Unreadable as unreadable:
            raise JournalCorrupt(
                f"entries {row.first} to {row.last} in {self._path} cannot be understood: {unreadable}; "
                "use the version of skill-router that wrote them, or a newer one"
            ) from None
        if len(entries) != row.last - row.first + 1:
            raise JournalCorrupt(
                f"entries {row.first} to {row.last} in {self._path} are {len(entries)} in number; {WAYS_OUT}"
            )
        return entries

    def _store(self, packed: snapshots.Packed) -> None:
        with self._writing("saving a snapshot in"):
            if snapshots.is_whole(self._connection, packed.sequence):
                return
            with transaction(self._connection):
                snapshots.remove_head(self._connection, packed.sequence)
                snapshots.remove_unfinished(self._connection)
        for part in range(len(packed.parts)):
            with self._writing("saving a snapshot in"):
                snapshots.add_part(self._connection, packed, part)
        with self._writing("saving a snapshot in"):
            snapshots.add_head(self._connection, packed)

    def _base(self, before_time_us: int) -> int:
        """Return the whole snapshot that pruning makes the beginning, 0 if there is none."""
        with self._writing("pruning"):
            possible = pruning.possible_bases(self._connection, self._last_sequence, before_time_us)
        return next((sequence for sequence in possible if self._is_whole(sequence)), 0)

    def _is_whole(self, sequence: int) -> bool:
        """Whether a snapshot is whole: read once while pruning goes on, and without holding up an `append`."""
        if sequence not in self._whole:
            with reporting("reading", self._path), closing(connect_for_reading(self._directory)) as connection:
                self._whole[sequence] = snapshots.is_whole(connection, sequence)
        return self._whole[sequence]

    @contextmanager
    def _reading(self) -> Iterator[None]:
        with self._turns.take():
            self._check_usable()
            with reporting("reading", self._path):
                yield

    @contextmanager
    def _writing(self, doing: str) -> Iterator[None]:
        with self._turns.take():
            self._check_usable()
            if self._opened.read_only:
                raise JournalError(f"{self._path} was opened for reading only")
            with reporting(doing, self._path):
                yield

    @contextmanager
    def _appending(self) -> Iterator[None]:
        """Write what must be written: if that fails, nothing is done any more."""
        with self._writing("appending to"):
            try:
                with reporting("appending to", self._path):
                    yield
            except BaseException as error:
                self._failure = str(error) or type(error).__name__
                raise

    def _check_usable(self) -> None:
        if self._closed:
            raise JournalError(f"{self._path} is closed")
        if self._failure:
            raise JournalError(f"nothing more is done with {self._path}, since this failed: {self._failure}")


def _encode(entries: Entries) -> Iterator[tuple[bytes, int]]:
    """Yield the bodies of records, and how many entries are in each."""
    part: list[Entry | EncodedEntries] = []
    count = 0
    for entry in _small(entries):
        size = entry.count if isinstance(entry, EncodedEntries) else 1
        if count + size > _RECORD_ENTRIES_MAX:
            yield from _encode_part(part, count)
            part, count = [], 0
        part.append(entry)
        count += size
    if part:
        yield from _encode_part(part, count)


def _small(entries: Entries) -> Iterator[Entry | EncodedEntries]:
    """Yield the entries, those that are bytes in pieces that fit into a record by their number."""
    for entry in entries:
        while isinstance(entry, EncodedEntries) and entry.count > _RECORD_ENTRIES_MAX:
            first, entry = split_entries(entry, _RECORD_ENTRIES_MAX)
            yield first
        yield entry


def _encode_part(part: Entries, count: int) -> Iterator[tuple[bytes, int]]:
    """Yield one record, or several if it were too large."""
    body = encode_record(part)
    if len(body) <= _RECORD_BYTES_MAX or count == 1:
        yield body, count
        return
    if len(part) == 1:
        (only,) = part
        assert isinstance(only, EncodedEntries)
        part = split_entries(only, count // 2)
    middle = len(part) // 2
    yield from _encode_part(part[:middle], count_entries(part[:middle]))
    yield from _encode_part(part[middle:], count_entries(part[middle:]))
