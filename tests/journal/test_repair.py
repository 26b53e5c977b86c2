"""Every way out of damage: what it keeps, what it loses, and that the old files stay."""

from __future__ import annotations

import os
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from router.journal import JournalError, SqliteJournal
from router.journal import repair as repair_module
from router.journal.exchange import finish
from router.journal.repair import Way, cut_after, diagnose, lost_entries, repair
from router.journal.verify import verify
from tests.journal.harm import copy_of, files_of, flip, killed, offset_of, read_all, sql
from tests.journal.story import fill, make_journal, replayed, snapshot_of, tell

ENTRIES = list(tell(120))
QUERY = "SELECT first_sequence, last_sequence, body FROM records WHERE ? BETWEEN first_sequence AND last_sequence"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal that was closed in order; only to be copied."""
    directory = tmp_path_factory.mktemp("journal") / "whole"
    make_journal(directory, snapshots_at=(40, 80))
    return directory


@pytest.fixture
def journal(whole: Path, tmp_path: Path) -> Path:
    """A copy of it, to be harmed."""
    return copy_of(whole, tmp_path / "harmed")


def damage(directory: Path, sequence: int) -> tuple[int, int]:
    """Damage the record with an entry; return the first and last entry of it."""
    path = directory / "journal.sqlite"
    ((first, last, body),) = sql(directory, QUERY, sequence)
    flip(path, offset_of(path, body) + 2)
    return first, last


def history_of(directory: Path) -> str:
    with closing(SqliteJournal.open(directory, read_only=True)) as opened:
        return opened.history_id


def check_usable(directory: Path, last: int) -> None:
    """The journal is whole, leads to the state it had after `last`, and goes on."""
    assert verify(directory).findings == []
    with closing(SqliteJournal.open(directory)) as opened:
        assert opened.last_sequence == last
        assert opened.reports == ()
        opened.append(last + 1, ENTRIES[:1])
        opened.save_snapshot(snapshot_of(replayed(last, 120)))


def test_a_whole_one_needs_nothing(journal: Path) -> None:
    diagnosis = diagnose(journal)
    assert diagnosis.verification.findings == []
    assert diagnosis.from_snapshot is None
    assert diagnosis.cut == Way(0, 120)


def test_damage_before_a_snapshot_can_be_left_behind_without_loss(journal: Path) -> None:
    damage(journal, 55)
    before, history_id = files_of(journal), history_of(journal)
    diagnosis = diagnose(journal)
    assert diagnosis.from_snapshot == Way(80, 120)
    repaired = repair(journal, diagnosis, diagnosis.from_snapshot)
    assert not repaired.new_history
    assert repaired.copy == journal / "before-repair-1"
    assert files_of(repaired.copy) == before
    assert history_of(journal) == history_id
    with closing(SqliteJournal.open(journal, read_only=True)) as opened:
        assert opened.snapshot_sequences() == [80]
        assert opened.load_snapshot(80) == snapshot_of(replayed(80, 120))
        assert [entry for _, entry in opened.read(80)] == ENTRIES[80:]
    check_usable(journal, 120)


def test_damage_can_be_cut_with_all_that_came_after(journal: Path) -> None:
    first, last = damage(journal, 55)
    history_id = history_of(journal)
    diagnosis = diagnose(journal)
    assert diagnosis.cut == Way(0, first - 1)
    repaired = repair(journal, diagnosis, diagnosis.cut)
    assert repaired.new_history
    assert history_of(journal) != history_id
    assert read_all(journal) == ENTRIES[: first - 1]
    lost = list(lost_entries(repaired.copy, first - 1))
    assert lost == list(enumerate(ENTRIES, 1))[last:]
    check_usable(journal, first - 1)


def test_it_can_be_cut_earlier_even_inside_a_record(journal: Path) -> None:
    ((first, last, _),) = sql(journal, QUERY, 33)
    assert first < 33 < last
    damage(journal, 55)
    diagnosis = diagnose(journal)
    repair(journal, diagnosis, cut_after(diagnosis, 33))
    assert read_all(journal) == ENTRIES[:33]
    check_usable(journal, 33)


def test_a_damaged_end_leaves_the_cut_only(journal: Path) -> None:
    first, _ = damage(journal, 119)
    diagnosis = diagnose(journal)
    assert diagnosis.from_snapshot is None
    assert diagnosis.cut == Way(0, first - 1)
    repair(journal, diagnosis, diagnosis.cut)
    check_usable(journal, first - 1)


def test_a_lost_log_can_be_given_up(tmp_path: Path) -> None:
    directory = killed(tmp_path / "server")
    (directory / "journal.sqlite-wal").unlink()
    diagnosis = diagnose(directory)
    assert [(found.first, found.last) for found in diagnosis.verification.breaks] == [(1, 120)]
    assert diagnosis.cut == Way(0, 0)
    assert diagnosis.end == 120
    repair(directory, diagnosis, diagnosis.cut)
    check_usable(directory, 0)


def test_a_log_damaged_in_the_middle_can_be_cut(tmp_path: Path) -> None:
    directory = killed(tmp_path / "server")
    size = (directory / "journal.sqlite-wal").stat().st_size
    flip(directory / "journal.sqlite-wal", size // 2)
    diagnosis = diagnose(directory)
    assert diagnosis.cut is not None
    assert 0 < diagnosis.cut.to < 120
    repaired = repair(directory, diagnosis, diagnosis.cut)
    assert (repaired.copy / "journal.sqlite-wal").stat().st_size == size
    assert read_all(directory) == ENTRIES[: diagnosis.cut.to]
    check_usable(directory, diagnosis.cut.to)


def test_a_damaged_snapshot_is_dropped_without_loss(journal: Path) -> None:
    sql(journal, "UPDATE snapshot_parts SET body = x'00' WHERE sequence = 80")
    history_id = history_of(journal)
    diagnosis = diagnose(journal)
    assert diagnosis.from_snapshot is None
    assert diagnosis.cut == Way(0, 120)
    assert not repair(journal, diagnosis, diagnosis.cut).new_history
    assert history_of(journal) == history_id
    with closing(SqliteJournal.open(journal, read_only=True)) as opened:
        assert opened.snapshot_sequences() == [40]
    check_usable(journal, 120)


def test_of_a_pruned_journal_nothing_can_be_kept_without_a_snapshot(tmp_path: Path) -> None:
    directory = tmp_path / "pruned"
    make_journal(directory, snapshots_at=(40, 80))
    diagnosis = diagnose(directory)
    repair(directory, diagnosis, Way(40, 120))
    damage(directory, 55)
    diagnosis = diagnose(directory)
    assert diagnosis.cut is not None
    assert diagnosis.cut.to < 55
    with pytest.raises(JournalError, match=r"it cannot be cut after entry 39; 40 to \d+ is possible"):
        cut_after(diagnosis, 39)
    sql(directory, "UPDATE snapshot_parts SET body = x'00' WHERE sequence = 40")
    diagnosis = diagnose(directory)
    assert diagnosis.verification.general == []
    assert diagnosis.cut is None
    with pytest.raises(JournalError, match="nothing before the damage can be kept"):
        cut_after(diagnosis, 50)
    assert diagnosis.from_snapshot == Way(80, 120)
    repair(directory, diagnosis, diagnosis.from_snapshot)
    check_usable(directory, 120)


def test_a_pruned_journal_without_any_snapshot_is_not_whole(tmp_path: Path) -> None:
    make_journal(tmp_path, snapshots_at=(40,))
    diagnosis = diagnose(tmp_path)
    repair(tmp_path, diagnosis, Way(40, 120))
    sql(tmp_path, "DELETE FROM snapshots")
    diagnosis = diagnose(tmp_path)
    (said,) = diagnosis.verification.findings
    assert said.startswith("there is no whole snapshot, and the entries before")
    assert (diagnosis.cut, diagnosis.from_snapshot) == (None, None)


def test_copies_are_numbered(journal: Path) -> None:
    for number in (1, 2):
        damage(journal, 119 - 30 * number)
        diagnosis = diagnose(journal)
        assert diagnosis.cut is not None
        assert repair(journal, diagnosis, diagnosis.cut).copy.name == f"before-repair-{number}"


def test_a_running_server_is_in_the_way(tmp_path: Path) -> None:
    with closing(SqliteJournal.open(tmp_path)) as journal:
        fill(journal, ENTRIES)
        diagnosis = diagnose(tmp_path)
        with pytest.raises(JournalError, match=f"in use by another process, pid {os.getpid()}"):
            repair(tmp_path, diagnosis, Way(0, 10))
    with closing(SqliteJournal.open(tmp_path)) as journal:
        journal.append(121, ENTRIES[:1])
    with pytest.raises(JournalError, match="has changed since it was examined; stop the server, and run it again"):
        repair(tmp_path, diagnosis, Way(0, 10))
    assert not (tmp_path / "before-repair-1").exists()


@pytest.mark.parametrize("step", ["_build", "_copy_aside"])
def test_what_fails_on_the_way_leaves_the_journal_as_it_was(
    journal: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    damage(journal, 55)
    before = files_of(journal)
    diagnosis = diagnose(journal)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(repair_module, step, fail)
    assert diagnosis.from_snapshot is not None
    with pytest.raises(JournalError, match=r"repairing .*: the disk is full; make room"):
        repair(journal, diagnosis, diagnosis.from_snapshot)
    assert files_of(journal) == before


@pytest.mark.parametrize("step", ["_go_on", "os.replace", "end_mark", "MarkFile.flush"])
def test_what_is_broken_off_in_the_exchange_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The log may be gone by then, with most of what was acknowledged: nobody may take what is left for the journal."""
    server = killed(tmp_path / "server")
    directory = tmp_path / "harmed"
    with closing(sqlite3.connect(server / "journal.sqlite", isolation_level=None)) as connection:
        connection.execute("UPDATE records SET checksum = x'00' WHERE first_sequence = 1")
        copy_of(server, directory)
    before = files_of(directory)
    diagnosis = diagnose(directory)
    assert diagnosis.from_snapshot == Way(40, 120)

    class Killed(BaseException):
        pass

    def kill(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(f"router.journal.exchange.{step}", kill)
        with pytest.raises(Killed):
            repair(directory, diagnosis, diagnosis.from_snapshot)
    copy = directory / "before-repair-1"
    said = rf"a repair of {directory} is under way, or was broken off; .* as they were are in {copy}"
    for use in (verify, diagnose, SqliteJournal.open):
        with pytest.raises(JournalError, match=said):
            use(directory)
    assert files_of(copy) == before
    assert finish(directory) == copy
    assert finish(directory) is None
    assert history_of(directory) == diagnosis.verification.history_id
    with closing(SqliteJournal.open(directory, read_only=True)) as opened:
        assert [entry for _, entry in opened.read(40)] == ENTRIES[40:]
    check_usable(directory, 120)


@pytest.mark.parametrize("seed", [11, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(100, 140))])
def test_whatever_was_flipped_there_is_a_way_out_or_a_word(whole: Path, tmp_path: Path, seed: int) -> None:
    """Flip bits anywhere: what can be opened has a diagnosis, and each way leads to a whole journal."""
    size = (whole / "journal.sqlite").stat().st_size
    chance = random.Random(seed)
    repaired = 0
    for number in range(50):
        harmed = copy_of(whole, tmp_path / str(number))
        flip(harmed / "journal.sqlite", chance.randrange(4096, size), chance.randrange(8))
        try:
            diagnosis = diagnose(harmed)
        except JournalError:
            continue
        if not diagnosis.verification.findings:
            continue
        for way in (diagnosis.from_snapshot, diagnosis.cut):
            if way is not None:
                copy = copy_of(harmed, tmp_path / f"{number}-{way.after}-{way.to}")
                repair(copy, diagnosis, way)
                assert verify(copy).findings == []
                with closing(SqliteJournal.open(copy)) as opened:
                    assert [entry for _, entry in opened.read(way.after)] == ENTRIES[way.after : way.to]
                repaired += 1
    assert repaired > 5
