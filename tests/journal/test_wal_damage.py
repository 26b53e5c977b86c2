"""What a server that was killed leaves in the write-ahead log: cut with a word, or refused if it was acknowledged."""

from __future__ import annotations

import struct
from contextlib import closing
from pathlib import Path

import pytest

from router.journal import JournalCorrupt, JournalError, SqliteJournal
from router.journal.files import Mark
from router.journal.verify import verify
from router.journal.wal import WalState, inspect_wal
from tests.journal.harm import COUNT, copy_of, files_of, flip, killed, read_all, set_mark, sql
from tests.journal.story import tell

ENTRIES = list(tell(COUNT))
FRAME = 24 + 4096


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a killed server left; only to be copied."""
    return killed(tmp_path_factory.mktemp("journal") / "server")


@pytest.fixture
def journal(left: Path, tmp_path: Path) -> Path:
    """A copy of it, to be harmed."""
    return copy_of(left, tmp_path / "harmed")


def frames_of(directory: Path) -> int:
    return ((directory / "journal.sqlite-wal").stat().st_size - 32) // FRAME


def refused(directory: Path) -> str:
    before = files_of(directory)
    with pytest.raises(JournalCorrupt) as caught:
        SqliteJournal.open(directory)
    assert files_of(directory) == before
    return str(caught.value)


def test_everything_of_a_killed_server_is_there(journal: Path) -> None:
    state = inspect_wal(journal / "journal.sqlite-wal")
    assert state == WalState(frames_of(journal), frames_of(journal))
    with closing(SqliteJournal.open(journal)) as opened:
        assert opened.reports == ()
        assert [entry for _, entry in opened.read(0)] == ENTRIES


def test_a_flipped_bit_in_the_middle_of_the_log_is_refused(journal: Path) -> None:
    frames = frames_of(journal)
    flip(journal / "journal.sqlite-wal", 32 + FRAME * (frames // 2) + 1000)
    said = refused(journal)
    assert "to 120: acknowledged, but missing: the write-ahead log is damaged at frame" in said
    assert f"of {frames}" in said
    assert "finished writes after it cannot be read; `skill-router journal verify DIR`" in said
    found = verify(journal)
    assert found.breaks[-1].last == COUNT
    assert found.breaks[-1].what.startswith("acknowledged, but missing")


def test_it_is_refused_even_when_it_is_not_known_what_was_acknowledged(journal: Path) -> None:
    flip(journal / "journal.sqlite-wal", 32 + FRAME * (frames_of(journal) // 2) + 1000)
    set_mark(journal, None)
    assert "there may have been these, or more: the write-ahead log is damaged at frame" in refused(journal)


def test_a_damaged_header_of_the_log_is_refused(journal: Path) -> None:
    flip(journal / "journal.sqlite-wal", 17)
    assert "acknowledged, but missing: the header of the write-ahead log is damaged" in refused(journal)
    set_mark(journal, None)
    assert "the header of the write-ahead log is damaged, so that none of it can be read" in refused(journal)


def test_a_removed_log_is_refused(journal: Path) -> None:
    (journal / "journal.sqlite-wal").unlink()
    said = refused(journal)
    assert (
        "entries 1 to 120: acknowledged, but missing: the write-ahead log (journal.sqlite-wal) is damaged or was"
        in said
    )


def test_an_acknowledged_end_that_is_damaged_is_refused(journal: Path) -> None:
    flip(journal / "journal.sqlite-wal", 32 + FRAME * (frames_of(journal) - 1) + 24 + 500)
    said = refused(journal)
    assert "to 120: acknowledged, but missing: the write-ahead log ends with an unfinished write (1 frame)" in said


def test_an_unfinished_write_at_the_end_is_cut_and_reported(journal: Path) -> None:
    (before,) = sql_rows(journal)[-2:-1]
    set_mark(journal, Mark(before[1], before[2]))
    flip(journal / "journal.sqlite-wal", 32 + FRAME * (frames_of(journal) - 1) + 24 + 500)
    with closing(SqliteJournal.open(journal)) as opened:
        assert opened.reports == ("the write-ahead log ends with an unfinished write (1 frame), which is cut off",)
        assert opened.last_sequence == before[1]
        assert [entry for _, entry in opened.read(0)] == ENTRIES[: before[1]]
        opened.append(before[1] + 1, ENTRIES[before[1] :])
    assert read_all(journal) == ENTRIES


def sql_rows(directory: Path) -> list[tuple[int, int, bytes]]:
    copy = copy_of(directory, directory.parent / "looked-at")
    return sql(copy, "SELECT first_sequence, last_sequence, checksum FROM records ORDER BY 1")


def test_a_log_cut_anywhere_is_a_beginning_of_the_journal_or_refused(left: Path, tmp_path: Path) -> None:
    """Without the mark, as after a loss of power: whole groups from the beginning on. With it, it is refused."""
    groups = {0, *(row[1] for row in sql_rows(copy_of(left, tmp_path / "journal")))}
    size = (left / "journal.sqlite-wal").stat().st_size
    ends = set()
    cuts = sorted({0, 31, 32, 40, size - 1, *range(0, size, size // 40), *range(32, size, FRAME * 7)})
    for number, cut in enumerate(cuts):
        harmed = copy_of(left, tmp_path / str(number))
        (harmed / "journal.sqlite-wal").write_bytes((left / "journal.sqlite-wal").read_bytes()[:cut])
        refused(harmed)
        set_mark(harmed, None)
        read = read_all(harmed)
        assert len(read) in groups
        assert read == ENTRIES[: len(read)]
        ends.add(len(read))
    assert len(ends) > 10


def test_what_sqlite_will_take_is_what_is_said(left: Path, tmp_path: Path) -> None:
    """Flip a bit of any frame: the frames up to the last whole commit before it are kept, and SQLite keeps as many."""
    frames = frames_of(left)
    for frame in range(0, frames, 3):
        for offset in (5, 10, 20, 24 + 100):
            harmed = copy_of(left, tmp_path / f"{frame}-{offset}")
            flip(harmed / "journal.sqlite-wal", 32 + FRAME * frame + offset)
            state = inspect_wal(harmed / "journal.sqlite-wal")
            assert state.kept_frames <= frame
            # the frames that a checkpoint finds are those that SQLite has taken
            (row,) = sql(harmed, "PRAGMA wal_checkpoint(PASSIVE)")
            assert row[1] == state.kept_frames
            assert state.words


def test_an_old_log_behind_the_new_one_is_not_taken_for_damage(tmp_path: Path) -> None:
    """After a checkpoint the log begins again at its start; what is behind it has other salts."""
    with closing(SqliteJournal.open(tmp_path / "alive")) as opened:
        opened.append(1, ENTRIES[:60])
        for number in range(60, 70):
            opened.append(number + 1, [ENTRIES[number]])
        opened._connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
        opened.append(71, [ENTRIES[70]])
        harmed = copy_of(tmp_path / "alive", tmp_path / "killed")
    state = inspect_wal(harmed / "journal.sqlite-wal")
    assert state.kept_frames == state.frames < frames_of(harmed)
    assert (state.words, state.damaged) == ("", False)
    assert len(read_all(harmed)) == 71


def test_a_part_of_a_frame_at_the_end_is_reported(journal: Path) -> None:
    path = journal / "journal.sqlite-wal"
    content = path.read_bytes()
    path.write_bytes(content + struct.pack(">II", 3, 3) + content[16:24] + b"rest")
    with closing(SqliteJournal.open(journal)) as opened:
        assert opened.reports == ("the write-ahead log ends with an unfinished write (20 bytes), which is cut off",)
        assert opened.last_sequence == COUNT


def test_no_log_is_an_empty_one(tmp_path: Path) -> None:
    assert inspect_wal(tmp_path / "journal.sqlite-wal") == WalState()
    for content in (b"", b"\0" * 40):
        (tmp_path / "journal.sqlite-wal").write_bytes(content)
        assert inspect_wal(tmp_path / "journal.sqlite-wal") == WalState()


def test_a_log_without_its_database_is_refused(journal: Path) -> None:
    (journal / "journal.sqlite").unlink()
    set_mark(journal, None)
    with pytest.raises(JournalError, match="is missing or empty, but it was not empty before; restore a backup"):
        SqliteJournal.open(journal)
