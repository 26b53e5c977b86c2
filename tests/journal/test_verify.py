"""Verification finds what does not follow, goes on where it can, and says how far it came."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from router.engine import Engine
from router.engine.commands import Advance, Enqueue
from router.journal import Entry, JournalCorrupt, JournalError, SqliteJournal
from router.journal.replay import apply_entry, check_state, restore
from router.journal.verify import verify
from tests.journal.harm import copy_of, flip, offset_of, sql
from tests.journal.story import fill, make_journal, replayed, snapshot_of, tell

ENTRIES = tell(120)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal that was closed in order; only to be copied."""
    directory = tmp_path_factory.mktemp("journal") / "whole"
    make_journal(directory, snapshots_at=(30, 60, 90))
    return directory


@pytest.fixture
def journal(whole: Path, tmp_path: Path) -> Path:
    """A copy of it, to be harmed."""
    return copy_of(whole, tmp_path / "harmed")


def test_a_whole_one_is_whole(journal: Path) -> None:
    told: list[tuple[int, int]] = []
    found = verify(journal, lambda done, total: told.append((done, total)))
    assert found.findings == []
    assert (found.first_sequence, found.last_sequence, found.acknowledged_sequence) == (1, 120, 120)
    assert (found.replayed, found.agreeing, found.notes) == (120, [30, 60, 90], [])
    assert told[-1] == (120, 120)
    assert sorted(told) == told
    assert found.records == sql(journal, "SELECT count(*) FROM records")[0][0]


def test_a_new_one_is_whole(tmp_path: Path) -> None:
    SqliteJournal.open(tmp_path).close()
    found = verify(tmp_path)
    assert (found.findings, found.replayed, found.last_sequence) == ([], 0, 0)


def test_one_that_is_being_written_is_whole(tmp_path: Path) -> None:
    with closing(SqliteJournal.open(tmp_path)) as journal:
        fill(journal, ENTRIES, snapshots_at=(60,))
        assert verify(tmp_path).findings == []


def test_it_changes_nothing(journal: Path) -> None:
    before = {path.name: path.read_bytes() for path in journal.iterdir()}
    verify(journal)
    assert {name: (journal / name).read_bytes() for name in before} == before


def test_an_entry_that_was_changed_with_its_checksums_leads_elsewhere(tmp_path: Path) -> None:
    """Somebody wrote another history, with checksums that fit: the states tell."""
    other = list(ENTRIES)
    other[44] = msgspec.structs.replace(ENTRIES[44], command=Advance(), request_id="", content=b"", note=None)
    engine = Engine()
    with closing(SqliteJournal.open(tmp_path)) as journal:
        for sequence, entry in enumerate(ENTRIES, 1):
            journal.append(sequence, [other[sequence - 1]])
            apply_entry(engine, sequence, entry)
            if sequence in (30, 60, 90):
                journal.save_snapshot(snapshot_of(engine))
    found = verify(tmp_path)
    assert found.agreeing == [30, 90]
    ((first, last, what),) = found.breaks
    assert (first, last) == (31, 60)
    assert what.startswith("the state after entry 60 is not that of its snapshot: sequence 60, time")


def test_an_entry_that_cannot_be_carried_out_again_is_said(tmp_path: Path) -> None:
    with closing(SqliteJournal.open(tmp_path)) as journal:
        journal.append(1, ENTRIES[:10])
        journal.append(11, [Entry(time_us=1, command=Advance())])
    ((first, last, what),) = verify(tmp_path).breaks
    assert (first, last) == (11, 11)
    assert what.startswith("entry 11, Advance, cannot be carried out again: TimeWentBackwards")


@pytest.mark.parametrize("sequence", [30, 60, 90])
def test_damage_is_passed_by_way_of_the_next_snapshot(journal: Path, sequence: int) -> None:
    """The entry after a snapshot is damaged: what comes after the next snapshot is replayed all the same."""
    path = journal / "journal.sqlite"
    query = "SELECT first_sequence, last_sequence, body FROM records WHERE ? BETWEEN first_sequence AND last_sequence"
    ((first, last, body),) = sql(journal, query, sequence + 1)
    flip(path, offset_of(path, body) + 2)
    found = verify(journal)
    assert [(one.first, one.last) for one in found.breaks] == [(first, last)]
    assert found.agreeing == [one for one in (30, 60, 90) if one < first or one > sequence + 30]
    assert found.replayed == first - 1 + max(0, 120 - (sequence + 30))


def test_a_snapshot_from_nowhere_is_found(journal: Path) -> None:
    sql(journal, "UPDATE snapshots SET sequence = 500 WHERE sequence = 90")
    sql(journal, "UPDATE snapshot_parts SET sequence = 500 WHERE sequence = 90")
    assert verify(journal).findings == ["the snapshot of entry 500: there is no such entry"]


def test_what_cannot_be_opened_is_said(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="is not there; name the directory of a journal"):
        verify(tmp_path / "nowhere")


def test_entries_are_replayed_in_their_order_only() -> None:
    engine = replayed(3, 120)
    with pytest.raises(JournalCorrupt, match="entry 5 cannot follow 3"):
        apply_entry(engine, 5, ENTRIES[4])
    repeated = Entry(time_us=engine.time_us, command=Advance(), client_id="a", request_id="b", content=b"12345678")
    apply_entry(engine, 4, repeated)
    with pytest.raises(JournalCorrupt, match="entry 5, Advance, cannot be carried out again: request 'b' was there"):
        apply_entry(engine, 5, repeated)
    with pytest.raises(JournalCorrupt, match=r"entry 5, Enqueue, cannot be carried out again: InvalidCommand: call"):
        apply_entry(engine, 5, Entry(time_us=engine.time_us, command=Enqueue("", "q")))


def test_a_snapshot_whose_state_is_another_is_refused() -> None:
    snapshot = snapshot_of(replayed(30, 120))
    assert restore(snapshot).state_hash() == snapshot.state_hash
    with pytest.raises(JournalCorrupt, match="the state after entry 30 is not that of its snapshot"):
        restore(msgspec.structs.replace(snapshot, state_hash="0" * 64))
    with pytest.raises(JournalCorrupt, match="the snapshot of entry 30 cannot be restored"):
        restore(msgspec.structs.replace(snapshot, engine=b"nothing"))
    with pytest.raises(JournalCorrupt, match="sequence 29, time"):
        check_state(replayed(29, 120), snapshot)
