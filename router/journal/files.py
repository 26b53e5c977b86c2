"""The journal's directory: who may use it, and the mark of what was acknowledged.

Keeps one invariant: at most one process writes a directory's journal.

The mark is written without a flush. It survives any death of the process, and may be old, empty or torn after a loss of
power; then it says less, never more, than what was acknowledged.
"""

from __future__ import annotations

import fcntl
import os
import struct
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from router.journal.faults import reporting
from router.journal.journal import JournalError

DATABASE = "journal.sqlite"
WAL = "journal.sqlite-wal"
SHARED_MEMORY = "journal.sqlite-shm"
LOCK = "lock"
ACKNOWLEDGED = "acknowledged"

_MARK = struct.Struct("<8sQ16s")
_MAGIC = b"srjmark1"
_DIGEST_BYTES = 8
_PID_BYTES_MAX = 32


class Mark(NamedTuple):
    """The last acknowledged sequence, and the checksum of the record that ends with it."""

    sequence: int
    checksum: bytes


class MarkFile:
    """The file `acknowledged`, open for writing."""

    def __init__(self, directory: Path) -> None:
        self._file = os.open(directory / ACKNOWLEDGED, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def write(self, mark: Mark) -> None:
        """Replace the mark: one write, no flush. Raises `OSError`."""
        content = encode_mark(mark)
        if os.pwrite(self._file, content, 0) != len(content):
            raise OSError("the mark of what was acknowledged was written in part only")

    def flush(self) -> None:
        """Put the mark on the disk."""
        os.fsync(self._file)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)


def encode_mark(mark: Mark) -> bytes:
    """Return the mark as the bytes of its file."""
    content = _MARK.pack(_MAGIC, mark.sequence, mark.checksum)
    return content + blake2b(content, digest_size=_DIGEST_BYTES).digest()


def read_mark(directory: Path) -> tuple[Mark | None, str]:
    """Return the mark, and what is wrong where there is none that can be read (a file that is not there: nothing)."""
    path = directory / ACKNOWLEDGED
    with reporting("reading", path):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None, ""
    if len(content) == _MARK.size + _DIGEST_BYTES:
        magic, sequence, checksum = _MARK.unpack_from(content)
        if magic == _MAGIC and content == encode_mark(Mark(sequence, checksum)):
            return Mark(sequence, checksum), ""
    return None, (
        f"{path} is damaged (a loss of power can do that), "
        "so it is not known whether acknowledged entries are missing at the end"
    )


class DirectoryLock:
    """Held for as long as the object is open: one process per directory."""

    def __init__(self, directory: Path) -> None:
        """Take the lock. Raises `JournalError` if another process has it."""
        path = directory / LOCK
        with reporting("opening", path):
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            with reporting("locking", path):
                self._take(directory)
        except BaseException:
            os.close(self._file)
            raise

    def _take(self, directory: Path) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._file, _PID_BYTES_MAX, 0).decode("ascii", "replace").strip() or "unknown"
            raise JournalError(
                f"{directory} is in use by another process, pid {holder}; stop that one, or name another directory"
            ) from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode("ascii"), 0)

    def close(self) -> None:
        """Let go of the lock. The file stays: removing it would let two processes lock two files of the same name."""
        os.close(self._file)


def make_directory(directory: Path) -> None:
    """Make the directory, for this user alone, if it is not there. Raises `JournalError`."""
    with reporting("making the directory", directory):
        try:
            directory.mkdir(mode=0o700, parents=True)
            flush_directory(directory.parent)
        except FileExistsError:
            if not directory.is_dir():
                raise JournalError(f"{directory} is not a directory; name one for the journal") from None


def check_directory(directory: Path) -> None:
    """Raise `JournalError` if there is no journal in the directory."""
    with reporting("reading", directory):
        if not directory.exists():
            raise JournalError(f"{directory} is not there; name the directory of a journal")
        if not directory.is_dir():
            raise JournalError(f"{directory} is not a directory; name the directory of a journal")
        if not (directory / DATABASE).exists():
            raise JournalError(f"{directory} has no {DATABASE} in it; name the directory of a journal")


def flush_directory(directory: Path) -> None:
    """Make the names in a directory durable. Raises `OSError`."""
    file = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
