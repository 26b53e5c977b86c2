"""Ways to harm a journal, and what must hold whatever was done to it."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from router.journal import Entry, JournalError, SqliteJournal
from router.journal.files import Mark, encode_mark
from tests.journal.story import fill, tell

COUNT = 120
NOBODY = 65_534


def killed(directory: Path, count: int = COUNT, snapshots_at: Sequence[int] = (40, 80)) -> Path:
    """Return a directory as a killed server leaves it: with everything still in the write-ahead log."""
    directory.mkdir()
    journal = SqliteJournal.open(directory / "alive")
    fill(journal, tell(count), snapshots_at)
    copy_of(directory / "alive", directory / "killed")
    journal.close()
    return directory / "killed"


def copy_of(source: Path, target: Path) -> Path:
    """Copy a journal's files; the shared memory is rebuilt by whoever opens it."""
    target.mkdir()
    for name in ("journal.sqlite", "journal.sqlite-wal", "acknowledged"):
        with suppress(FileNotFoundError):
            shutil.copy2(source / name, target / name)
    return target


def flip(path: Path, offset: int, bit: int = 0) -> None:
    """Flip one bit of a file."""
    content = bytearray(path.read_bytes())
    content[offset] ^= 1 << bit
    path.write_bytes(content)


def offset_of(path: Path, wanted: bytes) -> int:
    """Return where something is in a file."""
    offset = path.read_bytes().find(wanted)
    assert offset >= 0
    return offset


def set_mark(directory: Path, mark: Mark | None) -> None:
    """Set the mark of what was acknowledged back, as a loss of power may; None: it is gone."""
    path = directory / "acknowledged"
    path.unlink()
    if mark is not None:
        path.write_bytes(encode_mark(mark))


def sql(directory: Path, statement: str, *values: Any) -> list[Any]:
    """Run a statement on the database, past the journal."""
    with closing(sqlite3.connect(directory / "journal.sqlite", isolation_level=None)) as connection:
        return connection.execute(statement, values).fetchall()


def files_of(directory: Path) -> dict[str, bytes]:
    """Return the contents of all files that hold something of the journal."""
    paths = (directory / name for name in ("journal.sqlite", "journal.sqlite-wal", "acknowledged"))
    return {path.name: path.read_bytes() for path in paths if path.exists() and path.stat().st_size}


def read_all(directory: Path, *, read_only: bool = False) -> list[Entry]:
    """Return all entries. Raises `JournalError`."""
    with closing(SqliteJournal.open(directory, read_only=read_only)) as journal:
        return [entry for _, entry in journal.read(journal.first_sequence - 1)]


def is_whole_or_refused(directory: Path, entries: Sequence[Entry]) -> bool:
    """Whether the journal is refused, in words; if not, it must have exactly these entries."""
    refused = ""
    try:
        read = read_all(directory)
    except JournalError as error:
        refused = str(error)
    if not refused:
        assert read == list(entries)
        return True
    assert str(directory) in refused
    assert len(refused) > len(str(directory)) + 20
    return False


@contextmanager
def as_nobody() -> Iterator[None]:
    """Do something as a user without rights to others' files; where tests run without such rights, as it is."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
