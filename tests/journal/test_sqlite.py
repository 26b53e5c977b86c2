"""A journal in a directory: what was appended is there again, exactly, and what cannot be is refused."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from router.engine.commands import Accept, Advance, Enqueue
from router.journal import EncodedEntries, Entries, Entry, Journal, JournalCorrupt, JournalError, SqliteJournal
from router.journal import sqlite as sqlite_module
from router.journal.files import Mark, read_mark
from router.journal.records import encode_record
from router.journal.verify import verify
from router.wire.commands import encode_any_command
from tests.journal.story import SERVICE, fill, make_journal, snapshot_of, tell
from tests.journal.story import replayed as replay_up_to

ENTRY = Entry(time_us=1, command=Advance())


def test_it_is_a_journal(tmp_path: Path) -> None:
    journal: Journal = SqliteJournal.open(tmp_path)
    journal.close()


def test_a_new_one_is_empty(tmp_path: Path) -> None:
    journal = SqliteJournal.open(tmp_path / "a" / "b")
    assert (journal.first_sequence, journal.last_sequence) == (1, 0)
    assert len(journal.history_id) == 32
    assert list(journal.read(0)) == []
    assert journal.load_snapshot(100) is None
    assert journal.snapshot_sequences() == []
    assert journal.reports == ()
    journal.close()


def test_two_histories_have_two_names(tmp_path: Path) -> None:
    names = set()
    for name in ("a", "b"):
        journal = SqliteJournal.open(tmp_path / name)
        names.add(journal.history_id)
        journal.close()
    assert len(names) == 2


def test_what_was_appended_is_there_again(tmp_path: Path) -> None:
    entries = tell(120)
    journal = SqliteJournal.open(tmp_path)
    fill(journal, entries)
    history_id = journal.history_id
    assert list(journal.read(0)) == list(enumerate(entries, 1))
    journal.close()
    journal = SqliteJournal.open(tmp_path)
    assert (journal.history_id, journal.first_sequence, journal.last_sequence) == (history_id, 1, 120)
    for after in (0, 1, 2, 3, 57, 119, 120):
        assert list(journal.read(after)) == list(enumerate(entries, 1))[after:]
    journal.append(121, [ENTRY])
    assert [sequence for sequence, _ in journal.read(119)] == [120, 121]
    journal.close()


def test_the_message_is_not_needed_to_read_it(tmp_path: Path) -> None:
    journal = SqliteJournal.open(tmp_path)
    command = Enqueue("c", "q", attributes={"k": "v"})
    journal.append(1, [Entry(time_us=5, command=command, message=encode_any_command(command, "r"))])
    assert list(journal.read(0)) == [(1, Entry(time_us=5, command=command))]
    journal.close()


def test_only_the_next_sequence_is_taken(tmp_path: Path) -> None:
    journal = SqliteJournal.open(tmp_path)
    journal.append(1, [ENTRY])
    with pytest.raises(JournalError, match=r"the next entry of .*journal.sqlite is 2, not 3"):
        journal.append(3, [ENTRY])
    with pytest.raises(JournalError, match=r"nothing more is done with .* since this failed: the next entry"):
        journal.append(2, [ENTRY])
    journal.close()
    journal = SqliteJournal.open(tmp_path)
    assert journal.last_sequence == 1
    journal.close()


def test_no_entries_are_no_record(tmp_path: Path) -> None:
    journal = SqliteJournal.open(tmp_path)
    journal.append(1, [])
    assert journal.last_sequence == 0
    journal.close()


@pytest.mark.parametrize("after", [-1, 4])
def test_what_is_not_there_cannot_be_asked_for(tmp_path: Path, after: int) -> None:
    journal = SqliteJournal.open(tmp_path)
    journal.append(1, [ENTRY] * 3)
    with pytest.raises(JournalError, match=rf"entries from {after + 1} on were asked for"):
        list(journal.read(after))
    journal.close()


def test_very_many_entries_become_several_records_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_module, "_RECORD_ENTRIES_MAX", 50)
    monkeypatch.setattr(sqlite_module, "_RECORD_BYTES_MAX", 2_000)
    entries = tell(120)
    journal = SqliteJournal.open(tmp_path)
    journal.append(1, entries)
    rows = list(journal.read_rows(1))
    assert len(rows) > 3
    assert all(len(row.body) <= 2_000 or row.first == row.last for row in rows)
    assert list(journal.read(0)) == list(enumerate(entries, 1))
    journal.close()


def encoded(entries: Sequence[Entry]) -> EncodedEntries:
    return EncodedEntries(len(entries), encode_record(entries))


def test_entries_that_are_bytes_already_give_the_same_records(tmp_path: Path) -> None:
    entries = tell(120)
    bodies = []
    forms: list[Entries] = [
        entries,
        [encoded(entries)],
        [*entries[:7], encoded(entries[7:50]), encoded(entries[50:51]), *entries[51:]],
    ]
    for number, form in enumerate(forms):
        with closing(SqliteJournal.open(tmp_path / str(number))) as journal:
            journal.append(1, form)
            assert journal.last_sequence == 120
            assert list(journal.read(0)) == list(enumerate(entries, 1))
            bodies.append([row.body for row in journal.read_rows(1)])
        assert verify(tmp_path / str(number)).findings == []
    assert bodies[0] == bodies[1] == bodies[2]
    assert len(bodies[0]) == 1


@pytest.mark.parametrize(("entries_max", "bytes_max"), [(50, 2_000), (7, 10**6), (10**6, 300), (1, 1), (120, 10**6)])
def test_very_many_entries_that_are_bytes_already_become_several_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entries_max: int, bytes_max: int
) -> None:
    monkeypatch.setattr(sqlite_module, "_RECORD_ENTRIES_MAX", entries_max)
    monkeypatch.setattr(sqlite_module, "_RECORD_BYTES_MAX", bytes_max)
    entries = tell(120)
    with closing(SqliteJournal.open(tmp_path)) as journal:
        journal.append(1, [encoded(entries[:90]), ENTRY, encoded(entries[90:92]), encoded(entries[92:])])
        rows = list(journal.read_rows(1))
        assert all(row.last - row.first < entries_max for row in rows)
        assert all(len(row.body) <= bytes_max or row.first == row.last for row in rows)
        assert [entry for _, entry in journal.read(0)] == [*entries[:90], ENTRY, *entries[90:]]
        journal.append(122, [ENTRY])
    with closing(SqliteJournal.open(tmp_path)) as journal:
        assert journal.last_sequence == 122


def test_what_is_no_entry_stops_the_journal_and_leaves_nothing(tmp_path: Path) -> None:
    journal = SqliteJournal.open(tmp_path)
    bad = Entry(time_us=1, command=Accept("seven"))  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        journal.append(1, [ENTRY, bad])
    with pytest.raises(JournalError, match="nothing more is done"):
        journal.append(1, [ENTRY])
    journal.close()
    journal = SqliteJournal.open(tmp_path)
    assert journal.last_sequence == 0
    journal.close()


def test_a_closed_one_refuses_everything(tmp_path: Path) -> None:
    journal = SqliteJournal.open(tmp_path)
    journal.close()
    journal.close()
    for use in (lambda: journal.append(1, [ENTRY]), journal.snapshot_sequences, lambda: journal.prune(0)):
        with pytest.raises(JournalError, match="is closed"):
            use()


def test_the_files_are_for_this_user_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        journal = SqliteJournal.open(tmp_path / "data")
        journal.append(1, [ENTRY])
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    names = {path.name for path in (tmp_path / "data").iterdir()}
    assert names == {"journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm", "lock", "acknowledged"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "data").iterdir()} == {0o600}
    journal.close()


def test_a_second_one_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    journal = SqliteJournal.open(tmp_path)
    code = f"from router.journal import SqliteJournal; SqliteJournal.open({str(tmp_path)!r})"
    second = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert second.returncode == 1
    assert f"is in use by another process, pid {os.getpid()}; stop that one" in second.stderr
    journal.append(1, [ENTRY])
    journal.close()
    SqliteJournal.open(tmp_path).close()


def test_the_mark_follows_every_append(tmp_path: Path) -> None:
    journal = SqliteJournal.open(tmp_path)
    assert read_mark(tmp_path) == (Mark(0, bytes(16)), "")
    for sequence in (1, 2, 3):
        journal.append(sequence, [ENTRY])
        (row,) = journal.read_rows(sequence)
        assert read_mark(tmp_path) == (Mark(sequence, row.checksum), "")
    journal.close()


def test_a_reader_sees_one_moment_of_a_journal_at_work(tmp_path: Path) -> None:
    journal = SqliteJournal.open(tmp_path)
    fill(journal, tell(60), snapshots_at=(20,))
    reader = SqliteJournal.open(tmp_path, read_only=True)
    journal.append(61, [ENTRY])
    assert reader.last_sequence == 60
    assert [sequence for sequence, _ in reader.read(0)] == list(range(1, 61))
    assert reader.snapshot_sequences() == [20]
    assert (reader.reports, reader.shortfall) == ((), "")
    with pytest.raises(JournalError, match="opened for reading only"):
        reader.append(61, [ENTRY])
    reader.close()
    journal.append(62, [ENTRY])
    journal.close()


def test_a_reader_that_waits_is_named_and_delays_no_start(tmp_path: Path) -> None:
    """What it looks at keeps the newest in the log, which a start would write and flush again."""
    journal = SqliteJournal.open(tmp_path)
    journal.append(1, tell(61)[:30])
    with closing(SqliteJournal.open(tmp_path, read_only=True)):
        journal.append(31, tell(61)[30:60])
        journal.close()
        started_s = time.monotonic()
        with closing(SqliteJournal.open(tmp_path)) as again:
            assert time.monotonic() - started_s < 5.0
            (report,) = again.reports
            assert "another program looks at an earlier moment of" in report
            again.append(61, tell(61)[60:61])
    with closing(SqliteJournal.open(tmp_path)) as again:
        assert (again.last_sequence, again.reports) == (61, ())
    # one that sees everything is not in the way
    journal = SqliteJournal.open(tmp_path)
    with closing(SqliteJournal.open(tmp_path, read_only=True)):
        journal.close()
        with closing(SqliteJournal.open(tmp_path)) as again:
            assert again.reports == ()


def test_a_reader_needs_a_journal(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="is not there; name the directory of a journal"):
        SqliteJournal.open(tmp_path / "nowhere", read_only=True)
    with pytest.raises(JournalError, match=r"has no journal\.sqlite in it"):
        SqliteJournal.open(tmp_path, read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_snapshots_come_back_whole(tmp_path: Path) -> None:
    journal = SqliteJournal.open(tmp_path)
    fill(journal, tell(90), snapshots_at=(30, 60))
    assert journal.snapshot_sequences() == [30, 60]
    assert journal.load_snapshot(29) is None
    for at_or_before, sequence in ((30, 30), (59, 30), (60, 60), (10_000, 60)):
        snapshot = journal.load_snapshot(at_or_before)
        assert snapshot == snapshot_of(replay_up_to(sequence, 90))
        assert snapshot.service == SERVICE
    journal.close()


def test_a_snapshot_of_many_parts(tmp_path: Path) -> None:
    journal = SqliteJournal.open(tmp_path)
    journal.append(1, [ENTRY])
    snapshot = msgspec.structs.replace(snapshot_of(replay_up_to(1, 90)), engine=os.urandom(3_000_000))
    journal.save_snapshot(snapshot)
    assert journal.load_snapshot(1) == snapshot
    journal.save_snapshot(snapshot)
    assert journal.snapshot_sequences() == [1]
    journal.close()
    with sqlite3.connect(tmp_path / "journal.sqlite") as connection:
        assert connection.execute("SELECT count(*), max(part) FROM snapshot_parts").fetchall() == [(6, 5)]


@pytest.mark.parametrize("sequence", [0, 2])
def test_a_snapshot_of_what_is_not_there_is_refused(tmp_path: Path, sequence: int) -> None:
    journal = SqliteJournal.open(tmp_path)
    journal.append(1, [ENTRY])
    snapshot = msgspec.structs.replace(snapshot_of(replay_up_to(1, 90)), sequence=sequence)
    if sequence == 0:
        journal.save_snapshot(snapshot)  # the state before the first entry is one
    else:
        with pytest.raises(JournalError, match=r"a snapshot of entry 2 cannot be kept: .* has entries 1 to 1"):
            journal.save_snapshot(snapshot)
        journal.append(2, [ENTRY])
    journal.close()


def test_parts_of_a_snapshot_that_was_never_finished_do_not_count(tmp_path: Path) -> None:
    make_journal(tmp_path)
    with sqlite3.connect(tmp_path / "journal.sqlite") as connection:
        connection.execute("INSERT INTO snapshot_parts VALUES (100, 0, x'01')")
    connection.close()
    journal = SqliteJournal.open(tmp_path)
    assert journal.snapshot_sequences() == [40, 80]
    journal.save_snapshot(snapshot_of(replay_up_to(100, 120)))
    assert journal.load_snapshot(100) == snapshot_of(replay_up_to(100, 120))
    journal.close()


@pytest.mark.parametrize("way", ["backup", "vacuum"])
def test_a_backup_of_a_journal_at_work_is_a_journal(tmp_path: Path, way: str) -> None:
    (tmp_path / "backup").mkdir()
    journal = SqliteJournal.open(tmp_path / "data")
    fill(journal, tell(90), snapshots_at=(30, 60))
    with closing(sqlite3.connect(tmp_path / "data" / "journal.sqlite")) as source:
        if way == "backup":
            with closing(sqlite3.connect(tmp_path / "backup" / "journal.sqlite")) as target:
                source.backup(target)
        else:
            source.execute("VACUUM INTO ?", (str(tmp_path / "backup" / "journal.sqlite"),))
    journal.append(91, [ENTRY])
    journal.close()
    assert verify(tmp_path / "backup").findings == []
    journal = SqliteJournal.open(tmp_path / "backup")
    assert list(journal.read(0)) == list(enumerate(tell(90), 1))
    assert journal.snapshot_sequences() == [30, 60]
    journal.append(91, [ENTRY])
    journal.close()


def test_an_older_backup_in_the_place_of_a_journal_is_noticed(tmp_path: Path) -> None:
    journal = SqliteJournal.open(tmp_path)
    fill(journal, tell(60))
    journal.close()
    backup = (tmp_path / "journal.sqlite").read_bytes()
    journal = SqliteJournal.open(tmp_path)
    journal.append(61, tell(90)[60:])
    journal.close()
    (tmp_path / "journal.sqlite").write_bytes(backup)
    with pytest.raises(JournalCorrupt, match="entries 61 to 90: acknowledged, but missing"):
        SqliteJournal.open(tmp_path)
