"""A disk that gives other bytes the second time: what was checked is what is written on, or nothing is."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from router.journal import JournalCorrupt, SqliteJournal
from router.journal import opening as opening_module
from router.journal.files import WAL
from tests.journal.harm import COUNT, flip, killed

connect = opening_module.database.connect_for_writing


def test_a_log_is_not_cut_because_it_reads_otherwise_the_second_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = killed(tmp_path / "journal")
    wal = journal / WAL
    middle = wal.stat().st_size // 2

    def connect_and_misread(directory: Path) -> sqlite3.Connection:
        flip(wal, middle)
        connection = connect(directory)
        connection.execute("SELECT count(*) FROM meta").fetchall()
        flip(wal, middle)
        return connection

    monkeypatch.setattr(opening_module.database, "connect_for_writing", connect_and_misread)
    opened = SqliteJournal.open(journal)
    assert opened.last_sequence == COUNT
    assert len(list(opened.read(0))) == COUNT
    opened.close()


def test_entries_that_come_out_otherwise_the_second_time_stop_the_opening_and_leave_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = killed(tmp_path / "journal")
    size = (journal / WAL).stat().st_size
    last_rows = opening_module.database.last_rows
    looks = 0

    def last_rows_but_one(connection: sqlite3.Connection) -> object:
        nonlocal looks
        looks += 1
        newest, last = last_rows(connection)
        return (None, None) if looks == 2 else (newest, last)

    monkeypatch.setattr(opening_module.database, "last_rows", last_rows_but_one)
    with pytest.raises(JournalCorrupt, match=r"read twice.*journal repair"):
        SqliteJournal.open(journal)
    assert looks == 2
    monkeypatch.undo()
    assert (journal / WAL).stat().st_size == size
    opened = SqliteJournal.open(journal)
    assert opened.last_sequence == COUNT
    opened.close()
