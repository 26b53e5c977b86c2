"""Opening a journal: what must hold before a single entry is read or written.

Keeps one invariant: a journal that ends before what was acknowledged is not opened for writing, and not touched.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from router.journal import database, snapshots
from router.journal.chain import DAMAGED, Break, Row
from router.journal.database import Meta
from router.journal.exchange import check_none_under_way, end_mark
from router.journal.faults import READ_ERRORS, WAYS_OUT, is_damage, reporting
from router.journal.files import (
    DATABASE,
    WAL,
    DirectoryLock,
    Mark,
    MarkFile,
    check_directory,
    flush_directory,
    make_directory,
    read_mark,
)
from router.journal.journal import JournalCorrupt
from router.journal.wal import WalState, inspect_wal

_RECORD_SANE: Final = 1_000_000


@dataclass(frozen=True)
class Opened:
    """An open database: what it says of itself, its newest whole record, and what was found.

    `reports` can be got over. `shortfall` is what is missing or damaged at the end, with a journal that is only read.
    `acknowledged_sequence` is 0 where it is not known.
    """

    connection: sqlite3.Connection
    meta: Meta
    last: Row | None
    reports: Sequence[str]
    close: Callable[[], None]
    acknowledged_sequence: int
    shortfall: Break | None = None
    mark: MarkFile | None = None

    @property
    def last_sequence(self) -> int:
        """The newest entry that there is, or was: of what is damaged or missing at the end too."""
        whole = self.last.last if self.last else self.meta.first_sequence - 1
        return max(whole, self.shortfall.last if self.shortfall else 0)

    @property
    def read_only(self) -> bool:
        """Whether nothing can be written."""
        return self.mark is None

    def acknowledge(self, mark: Mark) -> None:
        """Note what is durable from now on."""
        assert self.mark is not None
        self.mark.write(mark)


def open_for_reading(directory: Path) -> Opened:
    """Open a journal to look at one moment of it. Raises `JournalError`."""
    check_directory(directory)
    check_none_under_way(directory)
    path = directory / DATABASE
    with ExitStack() as stack:
        # the mark first: a server that is at work goes on meanwhile
        mark, problem = read_mark(directory)
        with reporting("reading", path):
            wal = inspect_wal(directory / WAL)
            connection = database.connect_for_reading(directory)
            stack.callback(connection.close)
            if database.is_empty(connection):
                raise JournalCorrupt(_empty(path, mark))
            meta = database.read_meta(connection, path)
            last, shortfall = _look_at_end(connection, meta, mark, wal)
        reports = [part for part in (problem, "" if shortfall else wal.words) if part]
        acknowledged = mark.sequence if mark else 0
        return Opened(connection, meta, last, reports, stack.pop_all().close, acknowledged, shortfall)


def open_for_writing(directory: Path) -> Opened:
    """Open a journal, or begin one. Raises `JournalError`, and `JournalCorrupt` for one that ends too early."""
    make_directory(directory)
    path = directory / DATABASE
    with ExitStack() as stack:
        stack.callback((lock := DirectoryLock(directory)).close)
        check_none_under_way(directory)
        mark, problem = read_mark(directory)
        with reporting("opening", path):
            wal = inspect_wal(directory / WAL)
            checked = stack.enter_context(_Checked(directory, mark, wal))
            connection = database.connect_for_writing(directory)
            stack.callback(connection.close)
            _check_same(path, checked.last, connection)
            # after a flush that failed, what was read back may be in memory only: write and flush all of it again
            flushed = database.checkpoint(connection)
            with database.transaction(connection):
                snapshots.remove_unfinished(connection)
            flush_directory(directory)
            meta = database.read_meta(connection, path)
            last = _check_same(path, checked.last, connection)
            mark_file = _begin_mark(directory, meta, last)
            stack.callback(mark_file.close)
            checked.close()
        del lock
        reports = [part for part in (problem, wal.words, "" if flushed else _read_elsewhere(path)) if part]
        acknowledged = last.last if last else meta.first_sequence - 1
        return Opened(connection, meta, last, reports, stack.pop_all().close, acknowledged, mark=mark_file)


class _Checked:
    """What was found at the end of a journal before it is written to: `last` is its newest record.

    The connection that has looked stays open meanwhile: SQLite reads the log when the first connection opens it, and
    the next one goes by that. Otherwise a second look, if the disk gave other bytes, could empty the log of what is in
    it.
    """

    def __init__(self, directory: Path, mark: Mark | None, wal: WalState) -> None:
        """Look, without changing anything. Raises `JournalError`."""
        self.last: Row | None = None
        self._connection: sqlite3.Connection | None = None
        path = directory / DATABASE
        if not path.exists() or not path.stat().st_size:
            if (mark and mark.sequence) or wal.frames:
                raise JournalCorrupt(_empty(path, mark))
            return
        self._connection = database.connect_for_reading(directory)
        try:
            self._look(self._connection, directory, mark, wal)
            self._connection.execute("ROLLBACK")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> _Checked:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _look(self, connection: sqlite3.Connection, directory: Path, mark: Mark | None, wal: WalState) -> None:
        path = directory / DATABASE
        if database.is_empty(connection):
            if mark and mark.sequence:
                raise JournalCorrupt(_empty(path, mark))
            return
        meta = database.read_meta(connection, path)
        self.last, shortfall = _look_at_end(connection, meta, mark, wal)
        if shortfall:
            raise JournalCorrupt(f"{directory}: {shortfall.sentence}; {WAYS_OUT}")

    def close(self) -> None:
        """Let go of the database. Safe to call again."""
        if self._connection is not None:
            self._connection.close()


def _check_same(path: Path, checked: Row | None, connection: sqlite3.Connection) -> Row | None:
    """Return the newest record. Raises `JournalCorrupt` if it is not the one that was checked."""
    newest, _ = database.last_rows(connection)
    if newest != checked:
        raise JournalCorrupt(
            f"{path} was read twice, and its newest entries came out differently: the disk or the memory of this "
            f"machine may be failing; {WAYS_OUT}"
        )
    return newest


def _look_at_end(
    connection: sqlite3.Connection, meta: Meta, mark: Mark | None, wal: WalState
) -> tuple[Row | None, Break | None]:
    """Return the newest whole record, None if there is none or it cannot be read, and what is wrong after it."""
    known = mark.sequence if mark else 0
    try:
        newest, last = database.last_rows(connection)
    except READ_ERRORS as error:
        if not is_damage(error):
            raise
        first = max(meta.first_sequence, known)
        return None, Break(first, first, "the newest entries cannot be read, a page of the file is damaged")
    end = last.last if last else meta.first_sequence - 1
    if newest != last:
        assert newest is not None
        damaged = newest.last if isinstance(newest.last, int) and newest.last - newest.first < _RECORD_SANE else 0
        return last, Break(end + 1, max(end + 1, known, damaged), DAMAGED)
    return last, _shortfall(end, last, mark, wal)


def _shortfall(end: int, last: Row | None, mark: Mark | None, wal: WalState) -> Break | None:
    """Return what is missing after the last record, which is whole."""
    if mark is not None and mark.sequence > end:
        cause = wal.words or f"the write-ahead log ({WAL}) is damaged or was removed"
        return Break(end + 1, mark.sequence, f"acknowledged, but missing: {cause}")
    if mark is not None and last is not None and mark.sequence == end and mark.checksum != last.checksum:
        return Break(end, end, "not the one that was acknowledged, the files are not of the same journal")
    if wal.damaged:
        return Break(end + 1, end + max(wal.lost_commits, 1), f"there may have been these, or more: {wal.words}")
    return None


def _empty(path: Path, mark: Mark | None) -> str:
    known = f"{mark.sequence} entries were acknowledged" if mark and mark.sequence else "it was not empty before"
    return f"{path} is missing or empty, but {known}; restore a backup (docs/journal.md), or name another directory"


def _read_elsewhere(path: Path) -> str:
    return (
        f"another program looks at an earlier moment of {path}, so the newest of it could not be written and flushed "
        "again at this start; end that program (a `journal show` that waits, a database shell, a backup?)"
    )


def _begin_mark(directory: Path, meta: Meta, last: Row | None) -> MarkFile:
    """Set the mark to the end of the journal, durably."""
    mark_file = MarkFile(directory)
    try:
        mark_file.write(end_mark(meta, last))
        mark_file.flush()
    except BaseException:
        mark_file.close()
        raise
    return mark_file
