"""The SQLite database of a journal: its tables, how it is opened, and its rows.

Keeps one invariant: every change of the tables is one transaction, durable when it is done.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from router.journal.chain import Row
from router.journal.faults import READ_ERRORS, reporting
from router.journal.files import DATABASE, WAL
from router.journal.journal import JournalCorrupt, JournalError
from router.journal.records import FORMAT

APPLICATION_ID = 0x534B524A  # "SKRJ"
_PAGE_BYTES = 4096
_CHECKPOINT_PAGES = 1000
_WAL_BYTES_KEPT = 8 * 1024 * 1024
_BUSY_TIMEOUT_S = 10.0
_CHECKPOINT_WAIT_MS = 1_000
_ROWS_PER_READ = 32

_SCHEMA = """
CREATE TABLE meta (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    format INTEGER NOT NULL,
    history_id TEXT NOT NULL,
    first_sequence INTEGER NOT NULL
) STRICT;
CREATE TABLE records (
    first_sequence INTEGER PRIMARY KEY,
    last_sequence INTEGER NOT NULL,
    previous BLOB NOT NULL,
    body BLOB NOT NULL,
    checksum BLOB NOT NULL
) STRICT;
CREATE TABLE snapshots (
    sequence INTEGER PRIMARY KEY,
    time_us INTEGER NOT NULL,
    state_hash TEXT NOT NULL,
    service BLOB NOT NULL,
    engine_bytes INTEGER NOT NULL,
    parts INTEGER NOT NULL,
    checksum BLOB NOT NULL
) STRICT;
CREATE TABLE snapshot_parts (
    sequence INTEGER NOT NULL,
    part INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (sequence, part)
) STRICT;
"""


class Meta(NamedTuple):
    """What the journal says of itself; `first_sequence` is that of the oldest entry that is kept."""

    format: int
    history_id: str
    first_sequence: int


def connect_for_writing(directory: Path) -> sqlite3.Connection:
    """Open the database, and make it if it is not there or not finished. Raises `sqlite3.Error`, `OSError`."""
    path = directory / DATABASE
    # made before SQLite does, so that it and what SQLite puts beside it is for this user alone
    path.touch(mode=0o600)
    connection = _connect(path, "rw")
    try:
        _set_up(connection)
        if not _has_tables(connection):
            _make_tables(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_for_reading(directory: Path) -> sqlite3.Connection:
    """Open the database to look at one moment of it. Never changes the write-ahead log. Raises `sqlite3.Error`.

    Where nothing may be written, not even SQLite's shared memory, it is read as it is, if no log is beside it.
    """
    path = directory / DATABASE
    connection = _connect(path, "ro")
    try:
        try:
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        except sqlite3.OperationalError as error:
            wal = directory / WAL
            code = error.sqlite_errorcode & 0xFF
            needs_to_write = code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
            if not needs_to_write or (wal.exists() and wal.stat().st_size):
                raise
            connection.close()
            connection = _connect(path, "ro&immutable=1")
            connection.execute("BEGIN")
    except BaseException:
        connection.close()
        raise
    return connection


def begin(path: Path) -> sqlite3.Connection:
    """Make a new database, with nothing in it, to be filled and flushed by the caller. Raises `sqlite3.Error`."""
    path.touch(mode=0o600)
    connection = _connect(path, "rw")
    try:
        connection.execute("PRAGMA journal_mode = OFF").fetchall()
        connection.execute("PRAGMA synchronous = OFF")
        _make_tables(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def is_empty(connection: sqlite3.Connection) -> bool:
    """Whether the database was never finished: it has no tables at all."""
    return not _has_tables(connection) and _pragma(connection, "application_id") == 0


def read_meta(connection: sqlite3.Connection, path: Path) -> Meta:
    """Return what the journal says of itself. Raises `JournalError` for what is none, or a newer one."""
    if _pragma(connection, "application_id") != APPLICATION_ID:
        raise JournalError(f"{path} is a SQLite database, but no journal; name the directory of a journal")
    found = _pragma(connection, "user_version")
    if found > FORMAT:
        raise JournalError(
            f"{path} has format {found}, and this version reads formats up to {FORMAT}; "
            "use the version of skill-router that wrote it, or a newer one"
        )
    rows = connection.execute("SELECT format, history_id, first_sequence FROM meta").fetchall()
    if len(rows) != 1 or rows[0][0] != found:
        raise JournalCorrupt(f"{path}: its table `meta` is damaged; restore a backup (docs/journal.md)")
    return Meta(*rows[0])


def add_rows(connection: sqlite3.Connection, rows: list[Row]) -> None:
    """Add records, all or none, durably unless a transaction is under way."""
    statement = "INSERT INTO records VALUES (?, ?, ?, ?, ?)"
    if len(rows) == 1:
        connection.execute(statement, rows[0])
        return
    with transaction(connection):
        connection.executemany(statement, rows)


def last_rows(connection: sqlite3.Connection) -> tuple[Row | None, Row | None]:
    """Return the newest record, and the newest that is whole, if it is among the last few."""
    query = "SELECT * FROM records ORDER BY first_sequence DESC LIMIT ?"
    rows = [Row(*row) for row in connection.execute(query, (_ROWS_PER_READ,)).fetchall()]
    return (rows[0] if rows else None), next((row for row in rows if row.is_whole()), None)


def read_rows(connection: sqlite3.Connection, sequence: int) -> Iterator[list[Row]]:
    """Yield the records from the one with `sequence` in it on, in order, some at a time.

    Comes to an end, or raises `sqlite3.DatabaseError`, whatever is damaged.
    """
    query = "SELECT max(first_sequence) FROM records WHERE first_sequence <= ?"
    start = connection.execute(query, (sequence,)).fetchall()[0][0] or 0
    while True:
        rows, damage = _read_some(connection, start)
        if rows:
            yield rows
            start = rows[-1].first + 1
        if damage is not None:
            raise damage
        if not rows:
            return


def _read_some(connection: sqlite3.Connection, start: int) -> tuple[list[Row], Exception | None]:
    """Return the next records, and what kept them from being more."""
    query = "SELECT * FROM records WHERE first_sequence >= ? ORDER BY first_sequence LIMIT ?"
    rows: list[Row] = []
    try:
        for values in connection.execute(query, (start, _ROWS_PER_READ)):
            row = Row(*values)
            # the tree of a damaged file may lead round in circles
            if row.first <= (rows[-1].first if rows else start - 1):
                return rows, _damage("records are not in order")
            rows.append(row)
    except READ_ERRORS as error:
        return rows, error
    return rows, None


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Make what is done inside one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def checkpoint(connection: sqlite3.Connection) -> bool:
    """Bring everything from the write-ahead log into the database file, durably, and empty the log.

    Returns whether everything was brought over: a program that looks at an earlier moment keeps the rest in the log.
    """
    connection.execute(f"PRAGMA busy_timeout = {_CHECKPOINT_WAIT_MS}").fetchall()
    try:
        ((_, in_log, brought_over),) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {round(_BUSY_TIMEOUT_S * 1000)}").fetchall()
    return bool(in_log == brought_over)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    with reporting("opening", path):
        return sqlite3.connect(
            f"file:{quote(str(path.absolute()))}?mode={mode}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=_BUSY_TIMEOUT_S,
        )


def _set_up(connection: sqlite3.Connection) -> None:
    for setting in (
        f"page_size = {_PAGE_BYTES}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "fullfsync = ON",
        "checkpoint_fullfsync = ON",
        f"wal_autocheckpoint = {_CHECKPOINT_PAGES}",
        f"journal_size_limit = {_WAL_BYTES_KEPT}",
        "secure_delete = ON",
        "cell_size_check = ON",
        "trusted_schema = OFF",
    ):
        connection.execute(f"PRAGMA {setting}").fetchall()


def _has_tables(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()[0][0])


def _make_tables(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        for statement in _SCHEMA.split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {FORMAT}")
        draw_history_id(connection, f"INSERT INTO meta VALUES (1, {FORMAT}, :history_id, 1)")


def draw_history_id(connection: sqlite3.Connection, statement: str) -> None:
    """Run a statement with a new `:history_id`, which SQLite draws."""
    drawn = connection.execute("SELECT lower(hex(randomblob(16)))").fetchall()[0][0]
    connection.execute(statement, {"history_id": drawn})


def _damage(what: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(what)
    error.sqlite_errorcode, error.sqlite_errorname = sqlite3.SQLITE_CORRUPT, "SQLITE_CORRUPT"
    return error


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    value: int = connection.execute(f"PRAGMA {name}").fetchall()[0][0]
    return value
