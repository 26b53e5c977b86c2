"""A repaired database put in the place of a damaged one, also when that was broken off half-way.

Keeps one invariant: from before the first change of the journal's files to after the last there is a durable marker,
and as long as it is there nothing but the rest of the exchange is done with them.
"""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import Final

from router.journal import database
from router.journal.chain import NO_CHECKSUM, Row
from router.journal.database import Meta
from router.journal.faults import reporting
from router.journal.files import (
    DATABASE,
    SHARED_MEMORY,
    WAL,
    DirectoryLock,
    Mark,
    MarkFile,
    flush_directory,
)
from router.journal.journal import JournalError

NEW: Final = "journal.sqlite.new"
"""The repaired database, whole and durable before the marker is there."""

MARKER: Final = "repair-under-way"
"""Has the name of the copy of the files as they were."""


def check_none_under_way(directory: Path) -> None:
    """Raise `JournalError` if an exchange was broken off."""
    with reporting("reading", directory / MARKER):
        if (directory / MARKER).exists():
            raise JournalError(
                f"a repair of {directory} is under way, or was broken off; `skill-router journal repair {directory}` "
                f"finishes it, and the files as they were are in {_copy_of(directory)}"
            )


def exchange(directory: Path, copy: Path) -> None:
    """Put the new database in the place of the old one. Wants the directory's lock. Raises `OSError`."""
    with (directory / MARKER).open("x", encoding="utf-8") as file:
        file.write(copy.name)
        file.flush()
        os.fsync(file.fileno())
    flush_directory(directory)
    _go_on(directory)


def finish(directory: Path) -> Path | None:
    """Finish an exchange that was broken off; return where the files as they were are. Raises `JournalError`."""
    with reporting("reading", directory / MARKER):
        if not (directory / MARKER).exists():
            return None
    with closing(DirectoryLock(directory)), reporting("repairing", directory / DATABASE):
        copy = _copy_of(directory)
        _go_on(directory)
        return copy


def end_mark(meta: Meta, last: Row | None) -> Mark:
    """Return the mark that says that a journal ends with its last record."""
    return Mark(last.last, last.checksum) if last else Mark(meta.first_sequence - 1, NO_CHECKSUM)


def _go_on(directory: Path) -> None:
    """Do what is not done yet. The old log goes first: it must never stand beside the new database."""
    for name in (WAL, SHARED_MEMORY):
        (directory / name).unlink(missing_ok=True)
    flush_directory(directory)
    if (directory / NEW).exists():
        os.replace(directory / NEW, directory / DATABASE)
    with closing(database.connect_for_reading(directory)) as connection:
        _, last = database.last_rows(connection)
        mark = end_mark(database.read_meta(connection, directory / DATABASE), last)
    with closing(MarkFile(directory)) as mark_file:
        mark_file.write(mark)
        mark_file.flush()
    flush_directory(directory)
    (directory / MARKER).unlink()
    flush_directory(directory)


def _copy_of(directory: Path) -> Path:
    """Return the copy that the marker names; a loss of power may have left the marker empty, before any change."""
    return directory / ((directory / MARKER).read_text("utf-8", errors="replace") or "before-repair-*")
