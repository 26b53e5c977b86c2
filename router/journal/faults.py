"""What the disk and SQLite report, in words that say what to do.

Keeps one invariant: nothing but `JournalError` leaves the journal, and its message names the file.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from router.journal.journal import JournalCorrupt, JournalError

WAYS_OUT = (
    "`skill-router journal verify DIR` says what is damaged, `skill-router journal repair DIR` shows the ways out"
)

READ_ERRORS = (sqlite3.DatabaseError, UnicodeDecodeError)
"""What reading a damaged database raises: of a text, or a message with a text in it, that is none, the second."""

_BY_CODE = {
    sqlite3.SQLITE_FULL: "the disk is full; make room and start again",
    sqlite3.SQLITE_READONLY: "it is read-only, or its directory or disk is; make it writable for this user",
    sqlite3.SQLITE_PERM: "this user may not; the directory and its files must belong to the user that runs the server",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; the directory and its files must belong to this user",
    sqlite3.SQLITE_BUSY: "another program holds it locked; end that program (a database shell, a backup?)",
    sqlite3.SQLITE_LOCKED: "another program holds it locked; end that program (a database shell, a backup?)",
    sqlite3.SQLITE_NOMEM: "there is not enough memory",
    sqlite3.SQLITE_TOOBIG: "what should be written is too large",
}
_BY_ERRNO = {
    errno.ENOSPC: "the disk is full; make room and start again",
    errno.EDQUOT: "the disk quota is used up; make room and start again",
    errno.EROFS: "the disk is read-only; mount it for writing",
    errno.EACCES: "this user may not; the directory and its files must belong to the user that runs the server",
    errno.EPERM: "this user may not; the directory and its files must belong to the user that runs the server",
    errno.EIO: "the disk reported an error; look into the system's log, and replace the disk if it is failing",
    errno.ENOTDIR: "it is not in a directory; name a directory for the journal",
    errno.ENOENT: "it is not there",
    errno.EFBIG: "the file may not grow any more (a file size limit?); lift the limit and start again",
}


@contextmanager
def reporting(doing: str, path: Path) -> Iterator[None]:
    """Turn what goes wrong inside into `JournalError`: "DOING PATH: what is wrong; what to do"."""
    try:
        yield
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise _of_sqlite(doing, path, error) from error
    except OSError as error:
        words = _BY_ERRNO.get(error.errno or 0, error.strerror or str(error))
        raise JournalError(f"{doing} {error.filename or path}: {words}") from error


def is_damage(error: Exception) -> bool:
    """Whether one of `READ_ERRORS` says that the file is damaged; not that a disk, a lock or a right is in the way."""
    # what is no text where text should be has no code
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _of_sqlite(doing: str, path: Path, error: Exception) -> JournalError:
    unreadable = isinstance(error, UnicodeDecodeError)
    code = sqlite3.SQLITE_CORRUPT if unreadable else getattr(error, "sqlite_errorcode", 0) & 0xFF
    name = getattr(error, "sqlite_errorname", "")
    if code == sqlite3.SQLITE_CORRUPT:
        return JournalCorrupt(f"{doing} {path}: a page of the file is damaged, or the file was cut; {WAYS_OUT}")
    if code == sqlite3.SQLITE_NOTADB:
        return JournalCorrupt(
            f"{doing} {path}: it is no SQLite database, or its first page is damaged; "
            "name the directory of a journal, or restore a backup (docs/journal.md)"
        )
    if code == sqlite3.SQLITE_IOERR:
        return JournalError(
            f"{doing} {path}: the disk reported an error ({name}); "
            "look into the system's log, and replace the disk if it is failing"
        )
    return JournalError(f"{doing} {path}: {_BY_CODE.get(code, str(error))}" + (f" ({name})" if name else ""))
