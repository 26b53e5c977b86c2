"""A damaged journal is noticed, said precisely, and not touched; what is whole of it stays usable."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from router.journal import JournalCorrupt, JournalError, SqliteJournal
from router.journal.chain import make_row
from router.journal.verify import verify
from tests.journal.harm import (
    COUNT,
    copy_of,
    files_of,
    flip,
    is_whole_or_refused,
    offset_of,
    read_all,
    sql,
)
from tests.journal.story import make_journal, replayed, snapshot_of, tell

ENTRIES = tell(COUNT)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal that was closed in order; only to be copied."""
    directory = tmp_path_factory.mktemp("journal") / "whole"
    make_journal(directory, COUNT)
    return directory


@pytest.fixture
def journal(whole: Path, tmp_path: Path) -> Path:
    """A copy of it, to be harmed."""
    return copy_of(whole, tmp_path / "harmed")


def refusal(directory: Path) -> str:
    """Return what is said when it is opened for writing, which must leave it alone."""
    before = files_of(directory)
    with pytest.raises(JournalError) as caught:
        SqliteJournal.open(directory)
    assert files_of(directory) == before
    return str(caught.value)


def body_of(directory: Path, sequence: int) -> tuple[int, int, bytes]:
    query = "SELECT first_sequence, last_sequence, body FROM records WHERE ? BETWEEN first_sequence AND last_sequence"
    first, last, body = sql(directory, query, sequence)[0]
    return first, last, body


def flip_record(directory: Path, sequence: int) -> tuple[int, int]:
    first, last, body = body_of(directory, sequence)
    path = directory / "journal.sqlite"
    flip(path, offset_of(path, body) + len(body) // 2, 3)
    return first, last


def test_a_flipped_bit_in_the_last_record_stops_the_start(journal: Path) -> None:
    first, last = flip_record(journal, COUNT)
    said = refusal(journal)
    assert f"{journal}: entr" in said
    assert f"{first}" in said
    assert f"{last}: damaged, the checksum does not match; `skill-router journal verify DIR`" in said
    assert [(found.first, found.last) for found in verify(journal).breaks] == [(first, last)]


def test_a_flipped_bit_in_the_middle_is_found_where_it_is(journal: Path) -> None:
    first, last = flip_record(journal, 55)
    with closing(SqliteJournal.open(journal)) as opened:
        read = []
        with pytest.raises(
            JournalCorrupt, match=rf"entr.* {last}: damaged, the checksum does not match; `skill-router"
        ):
            read.extend(opened.read(0))
        assert read == list(enumerate(ENTRIES, 1))[: first - 1]
        assert list(opened.read(80)) == list(enumerate(ENTRIES, 1))[80:]
    found = verify(journal)
    assert [(broken.first, broken.last) for broken in found.breaks] == [(first, last)]
    assert found.agreeing == [40]
    assert found.replayed == first - 1 + COUNT - 80


@pytest.mark.parametrize("column", ["previous", "checksum", "last_sequence", "first_sequence"])
def test_a_change_beside_the_body_is_found_too(journal: Path, column: str) -> None:
    first, _, _ = body_of(journal, 55)
    changed = "x'00'" if column in ("previous", "checksum") else f"{column} + 1000"
    sql(journal, f"UPDATE records SET {column} = {changed} WHERE first_sequence = ?", first)
    with pytest.raises(JournalError):
        read_all(journal)
    assert verify(journal).breaks[0].first == first


def test_a_damaged_snapshot_is_passed_over_and_reported(journal: Path) -> None:
    sql(journal, "UPDATE snapshot_parts SET body = zeroblob(length(body)) WHERE sequence = 80")
    with closing(SqliteJournal.open(journal)) as opened:
        assert opened.load_snapshot(COUNT) == snapshot_of(replayed(40, COUNT))
        assert opened.reports == ("the snapshot of entry 80 is damaged and passed over: its checksum does not match",)
        assert opened.snapshot_sequences() == [40, 80]
    assert verify(journal).findings == ["the snapshot of entry 80: its checksum does not match"]


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM snapshot_parts WHERE sequence = 80", "it has 0 parts, not 1"),
        ("UPDATE snapshots SET time_us = time_us + 1 WHERE sequence = 80", "its checksum does not match"),
        ("UPDATE snapshots SET state_hash = 'no' WHERE sequence = 80", "its checksum does not match"),
        ("UPDATE snapshots SET service = x'00' WHERE sequence = 80", "its checksum does not match"),
    ],
)
def test_every_part_of_a_snapshot_counts(journal: Path, statement: str, said: str) -> None:
    sql(journal, statement)
    with closing(SqliteJournal.open(journal)) as opened:
        snapshot = opened.load_snapshot(COUNT)
        assert snapshot is not None
        assert snapshot.sequence == 40
        assert opened.reports == (f"the snapshot of entry 80 is damaged and passed over: {said}",)


@pytest.mark.parametrize("which", ["first", "middle", "two", "last"])
def test_a_missing_row_is_found(journal: Path, which: str) -> None:
    rows = sql(journal, "SELECT first_sequence, last_sequence FROM records ORDER BY 1")
    start = {"first": 0, "middle": 17, "two": 17, "last": len(rows) - 1}[which]
    gone = rows[start : start + (2 if which == "two" else 1)]
    for first, _ in gone:
        sql(journal, "DELETE FROM records WHERE first_sequence = ?", first)
    missing = (gone[0][0], gone[-1][1])
    if which == "last":
        assert f"{missing[1]}: acknowledged, but missing" in refusal(journal)
    else:
        with pytest.raises(JournalCorrupt, match=rf"{missing[1]}: missing; `skill-router"):
            read_all(journal)
    (found,) = verify(journal).breaks
    assert (found.first, found.last) == missing


def test_a_doubled_row_is_found(journal: Path) -> None:
    first, last, body = body_of(journal, 55)
    ((previous, checksum),) = sql(journal, "SELECT previous, checksum FROM records WHERE first_sequence = ?", first)
    doubled = (COUNT + 1, COUNT + 1 + last - first, previous, body, checksum)
    sql(journal, "INSERT INTO records VALUES (?, ?, ?, ?, ?)", *doubled)
    assert "damaged, the checksum does not match" in refusal(journal)
    assert verify(journal).breaks[0].first == COUNT + 1


def test_swapped_rows_are_found(journal: Path) -> None:
    one, two = (body_of(journal, sequence) for sequence in (50, 65))
    sql(journal, "UPDATE records SET body = ? WHERE first_sequence = ?", two[2], one[0])
    sql(journal, "UPDATE records SET body = ? WHERE first_sequence = ?", one[2], two[0])
    with pytest.raises(JournalCorrupt, match="damaged, the checksum does not match"):
        read_all(journal)
    assert [found.first for found in verify(journal).breaks] == [one[0], two[0]]


def test_a_row_of_another_journal_is_found(journal: Path, tmp_path: Path) -> None:
    """It is whole in itself, but of another history."""
    with closing(SqliteJournal.open(tmp_path / "other")) as other:
        other.append(1, tell(COUNT, seed=2))
    (row,) = sql(tmp_path / "other", "SELECT * FROM records")
    sql(journal, "DELETE FROM records")
    sql(journal, "INSERT INTO records VALUES (?, ?, ?, ?, ?)", *row)
    assert f"entry {COUNT}: not the one that was acknowledged" in refusal(journal)


def test_a_middle_of_another_journal_is_found(journal: Path, tmp_path: Path) -> None:
    first, last, _ = body_of(journal, 55)
    with closing(SqliteJournal.open(tmp_path / "other")) as other:
        other.append(1, tell(COUNT, seed=2)[: first - 1])
        other.append(first, tell(COUNT, seed=2)[first - 1 : last])
    (row,) = sql(tmp_path / "other", "SELECT * FROM records WHERE first_sequence = ?", first)
    sql(journal, "DELETE FROM records WHERE first_sequence = ?", first)
    sql(journal, "INSERT INTO records VALUES (?, ?, ?, ?, ?)", *row)
    with pytest.raises(JournalCorrupt, match="not the ones that followed, the checksum before them does not match"):
        read_all(journal)
    assert verify(journal).breaks[0][:2] == (first, last)


def test_a_flipped_bit_in_any_page_header_is_noticed_or_harmless(whole: Path, tmp_path: Path) -> None:
    pages = (whole / "journal.sqlite").stat().st_size // 4096
    noticed = 0
    for page in range(pages):
        for byte in (0, 3, 5, 8):
            harmed = copy_of(whole, tmp_path / f"{page}-{byte}")
            flip(harmed / "journal.sqlite", page * 4096 + byte, 1)
            noticed += not is_whole_or_refused(harmed, ENTRIES)
    assert noticed > pages


@pytest.mark.parametrize("seed", [7, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(100, 140))])
def test_a_flipped_bit_anywhere_is_noticed_or_harmless(whole: Path, tmp_path: Path, seed: int) -> None:
    size = (whole / "journal.sqlite").stat().st_size
    chance = random.Random(seed)
    noticed = 0
    for number in range(100):
        harmed = copy_of(whole, tmp_path / str(number))
        flip(harmed / "journal.sqlite", chance.randrange(size), chance.randrange(8))
        noticed += not is_whole_or_refused(harmed, ENTRIES)
    assert noticed > 10


@pytest.mark.parametrize("left", [0, 1, 100, 4096, 0.3, 0.6])
def test_a_file_that_was_cut_is_refused(journal: Path, left: float) -> None:
    path = journal / "journal.sqlite"
    content = path.read_bytes()
    path.write_bytes(content[: int(left * len(content)) if isinstance(left, float) else left])
    said = refusal(journal)
    beginnings = (
        f"opening {path}",
        f"{path} is missing or empty, but 120 entries were acknowledged",
        f"{journal}: entr",
    )
    assert said.startswith(beginnings)
    assert not is_whole_or_refused(journal, ENTRIES)


def test_a_file_that_lacks_a_part_of_its_last_page_is_noticed_or_harmless(whole: Path, tmp_path: Path) -> None:
    """SQLite takes what is missing of the last page for zeros."""
    content = (whole / "journal.sqlite").read_bytes()
    for missing in range(1, 4096, 500):
        harmed = copy_of(whole, tmp_path / str(missing))
        (harmed / "journal.sqlite").write_bytes(content[:-missing])
        padded = content[:-missing] + bytes(missing)
        assert verify(harmed).findings or padded == content
        is_whole_or_refused(harmed, ENTRIES)


def test_a_database_that_is_gone_is_not_begun_anew(journal: Path) -> None:
    (journal / "journal.sqlite").unlink()
    assert "is missing or empty, but 120 entries were acknowledged; restore a backup" in refusal(journal)


def test_a_database_whose_making_was_interrupted_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite").touch()
    with closing(SqliteJournal.open(tmp_path)) as opened:
        assert opened.last_sequence == 0
    with sqlite3.connect(tmp_path / "journal.sqlite") as connection:
        connection.executescript(
            "DROP TABLE meta; DROP TABLE records; DROP TABLE snapshots; DROP TABLE snapshot_parts;"
        )
        connection.execute("PRAGMA application_id = 0")
    connection.close()
    with closing(SqliteJournal.open(tmp_path)) as opened:
        opened.append(1, ENTRIES)


def test_a_foreign_database_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "journal.sqlite") as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()
    said = f"{tmp_path / 'journal.sqlite'} is a SQLite database, but no journal; name the directory of a journal"
    assert refusal(tmp_path) == said
    with pytest.raises(JournalError, match="but no journal"):
        SqliteJournal.open(tmp_path, read_only=True)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite").write_text("[server]\n" * 1000)
    assert "it is no SQLite database, or its first page is damaged" in refusal(tmp_path)


def test_a_newer_format_is_refused(journal: Path) -> None:
    sql(journal, "PRAGMA user_version = 2")
    said = refusal(journal)
    assert "has format 2, and this version reads formats up to 1; use the version of skill-router that wrote it" in said


@pytest.mark.parametrize("statement", ["DELETE FROM meta", "UPDATE meta SET format = 7"])
def test_damaged_meta_is_refused(journal: Path, statement: str) -> None:
    sql(journal, statement)
    assert "its table `meta` is damaged; restore a backup" in refusal(journal)


def test_an_entry_that_a_newer_version_wrote_is_refused(journal: Path) -> None:
    with closing(SqliteJournal.open(journal)) as opened:
        *_, last = opened.read_rows(COUNT)
    row = make_row(COUNT + 1, COUNT + 1, last.checksum, b"\x0a\x03\x92\x01\x00")
    sql(journal, "INSERT INTO records VALUES (?, ?, ?, ?, ?)", *row)
    with pytest.raises(JournalCorrupt, match=r"entries 121 to 121 .* cannot be understood: it has a field"):
        read_all(journal)


def test_the_mark_may_be_damaged(journal: Path) -> None:
    for content in (b"", b"\0" * 40, (journal / "acknowledged").read_bytes()[:-1] + b"x"):
        (journal / "acknowledged").write_bytes(content)
        with closing(SqliteJournal.open(journal)) as opened:
            (report,) = opened.reports
            assert f"{journal / 'acknowledged'} is damaged" in report
            assert opened.last_sequence == COUNT
    (journal / "acknowledged").unlink()
    with closing(SqliteJournal.open(journal)) as opened:
        assert opened.reports == ()
