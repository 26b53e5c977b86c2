"""What the machine may refuse: each has its sentence, and after a failed write nothing more is written."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from router.engine.commands import Advance
from router.journal import Entry, JournalCorrupt, JournalError, SqliteJournal, database
from router.journal.faults import reporting
from tests.journal.harm import as_nobody, read_all
from tests.journal.story import make_journal, replayed, snapshot_of, tell

ENTRIES = list(tell(120))
ENTRY = Entry(time_us=1, command=Advance())


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that other users may look into, which those of pytest are not."""
    path = Path(tempfile.mkdtemp(prefix="skill-router-test-"))
    path.chmod(0o755)
    yield path
    for directory in (path, *(child for child in path.iterdir() if child.is_dir())):
        directory.chmod(0o755)
    shutil.rmtree(path)


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")
    with pytest.raises(JournalError, match="is not a directory; name one for the journal"):
        SqliteJournal.open(tmp_path / "data")
    with pytest.raises(JournalError, match="it is not in a directory; name a directory for the journal"):
        SqliteJournal.open(tmp_path / "data" / "below")
    with pytest.raises(JournalError, match="is not a directory; name the directory of a journal"):
        SqliteJournal.open(tmp_path / "data", read_only=True)


def test_a_directory_that_may_not_be_made(place: Path) -> None:
    place.chmod(0o555)
    with as_nobody(), pytest.raises(JournalError, match=r"making the directory .*/data: this user may not"):
        SqliteJournal.open(place / "data")


def test_a_directory_that_may_only_be_read(place: Path) -> None:
    make_journal(place / "data", 60, ())
    for path in (place / "data").iterdir():
        path.chmod(0o444)
    (place / "data").chmod(0o555)
    with as_nobody():
        with pytest.raises(JournalError, match=r"opening .*/data/lock: this user may not; the directory and its files"):
            SqliteJournal.open(place / "data")
        # but it can be looked at, since nothing is in a write-ahead log
        assert read_all(place / "data", read_only=True) == ENTRIES[:60]


def test_a_log_that_cannot_be_looked_into_is_not_passed_over(place: Path) -> None:
    with closing(SqliteJournal.open(place / "alive")) as journal:
        journal.append(1, ENTRIES[:60])
        (place / "data").mkdir()
        for name in ("journal.sqlite", "journal.sqlite-wal", "acknowledged"):
            shutil.copy(place / "alive" / name, place / "data" / name)
            (place / "data" / name).chmod(0o444)
    (place / "data").chmod(0o555)
    with as_nobody(), pytest.raises(JournalError, match="it cannot be opened; the directory and its files must belong"):
        read_all(place / "data", read_only=True)


def test_files_of_another_user(place: Path) -> None:
    make_journal(place / "data", 60, ())
    (place / "data").chmod(0o755)
    for path in (place / "data").iterdir():
        path.chmod(0o000)
    with as_nobody():
        with pytest.raises(JournalError, match=r"data/lock: this user may not"):
            SqliteJournal.open(place / "data")
        with pytest.raises(JournalError, match=r"reading .*/acknowledged: this user may not"):
            SqliteJournal.open(place / "data", read_only=True)


def fill_disk(journal: SqliteJournal) -> None:
    """Let the database grow no more: SQLite reports that as it does a full disk."""
    journal._connection.execute("PRAGMA max_page_count = 1").fetchall()


def test_a_full_disk_stops_the_journal_and_leaves_nothing(tmp_path: Path) -> None:
    journal = SqliteJournal.open(tmp_path)
    journal.append(1, ENTRIES[:60])
    fill_disk(journal)
    with pytest.raises(JournalError, match=r"appending to .*/journal\.sqlite: the disk is full; make room"):
        journal.append(61, [ENTRY] * 5_000)
    assert journal.last_sequence == 60
    for use in (lambda: journal.append(61, [ENTRY]), lambda: journal.load_snapshot(60), lambda: journal.prune(0)):
        with pytest.raises(JournalError, match=r"nothing more is done with .* since this failed: appending to"):
            use()
    with pytest.raises(JournalError, match="nothing more is done"):
        list(journal.read(0))
    journal.close()
    assert read_all(tmp_path) == ENTRIES[:60]


def test_a_snapshot_that_does_not_fit_harms_nothing(tmp_path: Path) -> None:
    journal = SqliteJournal.open(tmp_path)
    journal.append(1, ENTRIES[:60])
    journal._connection.execute("PRAGMA max_page_count = 400").fetchall()
    snapshot = snapshot_of(replayed(60, 120))
    with pytest.raises(JournalError, match=r"saving a snapshot in .*: the disk is full"):
        journal.save_snapshot(msgspec.structs.replace(snapshot, engine=os.urandom(3_000_000)))
    assert journal.load_snapshot(60) is None
    journal.append(61, ENTRIES[60:])
    journal.save_snapshot(snapshot)
    assert journal.load_snapshot(60) == snapshot
    assert journal._connection.execute("SELECT count(*) FROM snapshot_parts").fetchall() == [(1,)]
    journal.close()
    assert read_all(tmp_path) == ENTRIES


def test_a_mark_that_cannot_be_written_stops_the_journal(tmp_path: Path) -> None:
    journal = SqliteJournal.open(tmp_path)
    journal.append(1, [ENTRY])
    mark = journal._opened.mark
    assert mark is not None
    read_only = os.open(os.devnull, os.O_RDONLY)
    os.dup2(read_only, mark._file)
    os.close(read_only)
    with pytest.raises(JournalError, match=r"appending to .*: Bad file descriptor"):
        journal.append(2, [ENTRY])
    with pytest.raises(JournalError, match="nothing more is done"):
        journal.append(2, [ENTRY])
    journal.close()
    with closing(SqliteJournal.open(tmp_path)) as journal:
        # it was not acknowledged; but it was durable
        assert journal.last_sequence == 2


def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    """A limit of file sizes makes every write past it fail, as a disk with errors does."""
    code = f"""
import resource, sys
from router.engine.commands import Advance
from router.journal import Entry, JournalError, SqliteJournal
journal = SqliteJournal.open({str(tmp_path)!r})
journal.append(1, [Entry(time_us=1, command=Advance())])
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
done = 1
try:
    while True:
        journal.append(done + 1, [Entry(time_us=1, command=Advance())] * 10)
        done += 10
except JournalError as error:
    print(done, error)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    done, _, said = result.stdout.partition(" ")
    assert int(done) > 10
    assert said.startswith(f"appending to {tmp_path / 'journal.sqlite'}: ")
    assert "the disk" in said
    assert len(read_all(tmp_path)) == int(done)


def test_another_program_that_holds_a_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_BUSY_TIMEOUT_S", 0.01)
    with closing(SqliteJournal.open(tmp_path)) as journal:
        other = sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalError, match="another program holds it locked; end that program"):
            journal.append(1, [ENTRY])
        other.close()


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "the disk is full; make room and start again"),
        (errno.EDQUOT, "the disk quota is used up"),
        (errno.EROFS, "the disk is read-only; mount it for writing"),
        (errno.EIO, "the disk reported an error; look into the system's log"),
        (errno.EFBIG, "the file may not grow any more"),
        (errno.EINTR, "Interrupted system call"),
    ],
)
def test_what_the_system_refuses_has_its_words(number: int, said: str) -> None:
    with pytest.raises(JournalError, match=r"^flushing /there/x: ") as caught, reporting("flushing", Path("/there/x")):
        raise OSError(number, os.strerror(number))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("code", "name", "kind", "said"),
    [
        (sqlite3.SQLITE_FULL, "SQLITE_FULL", JournalError, "the disk is full"),
        (sqlite3.SQLITE_IOERR_FSYNC, "SQLITE_IOERR_FSYNC", JournalError, "an error (SQLITE_IOERR_FSYNC); look into"),
        (sqlite3.SQLITE_READONLY_DIRECTORY, "SQLITE_READONLY_DIRECTORY", JournalError, "it is read-only"),
        (sqlite3.SQLITE_CORRUPT, "SQLITE_CORRUPT", JournalCorrupt, "a page of the file is damaged"),
        (sqlite3.SQLITE_NOTADB, "SQLITE_NOTADB", JournalCorrupt, "no SQLite database"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "SQLITE_BUSY_SNAPSHOT", JournalError, "another program holds it locked"),
        (sqlite3.SQLITE_MISUSE, "SQLITE_MISUSE", JournalError, "what SQLite says"),
    ],
)
def test_what_sqlite_reports_has_its_words(code: int, name: str, kind: type[JournalError], said: str) -> None:
    error = sqlite3.OperationalError("what SQLite says")
    error.sqlite_errorcode, error.sqlite_errorname = code, name
    with pytest.raises(JournalError) as caught, reporting("reading", Path("/there/x")):
        raise error
    assert type(caught.value) is kind
    assert str(caught.value).startswith("reading /there/x: ")
    assert said in str(caught.value)


SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>
static void note(const char *what) { ssize_t done = write(atoi(getenv("FLUSH_LOG")), what, 1); (void)done; }
int fsync(int file) { note("f"); return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(file); }
int fdatasync(int file) { note("d"); return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(file); }
"""

APPENDS = """
import os, sys
from router.engine.commands import Advance
from router.journal import Entry, SqliteJournal
log = int(os.environ["FLUSH_LOG"])
journal = SqliteJournal.open(sys.argv[1])
entry = Entry(time_us=1, command=Advance())
journal.append(1, [entry])
os.write(log, b"|")
for number in range(20):
    journal.append(journal.last_sequence + 1, [entry] * (1 + number * 20))
os.write(log, b"|")
os._exit(0)
"""


def test_an_append_is_one_flush(tmp_path: Path) -> None:
    """Whatever the size of the group. What a checkpoint flushes comes on top, every few thousand entries."""
    compiler = shutil.which(os.environ.get("CXX", "c++").split()[0])
    assert compiler is not None, "the engine could not have been built without a compiler"
    (tmp_path / "shim.c").write_text(SHIM)
    shim = tmp_path / "shim.so"
    subprocess.run([compiler, "-x", "c", "-shared", "-fPIC", "-o", shim, tmp_path / "shim.c", "-ldl"], check=True)
    with (tmp_path / "log").open("wb") as log:
        subprocess.run(
            [sys.executable, "-c", APPENDS, str(tmp_path / "data")],
            env={**os.environ, "LD_PRELOAD": str(shim), "FLUSH_LOG": str(log.fileno())},
            pass_fds=(log.fileno(),),
            check=True,
            timeout=60,
        )
    _, steady, _ = (tmp_path / "log").read_text().split("|")
    assert steady == "d" * 20


def test_the_lock_file_stays_and_may_be_taken_again(tmp_path: Path) -> None:
    for _ in range(2):
        SqliteJournal.open(tmp_path).close()
    assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
    assert stat.S_IMODE((tmp_path / "lock").stat().st_mode) == 0o600
