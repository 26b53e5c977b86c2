"""Old history is forgotten bit by bit, and what is left can always be replayed."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from router.engine import Engine
from router.engine.commands import Advance
from router.engine.settings import HOUR_US
from router.journal import Entry, SqliteJournal, pruning, snapshots
from router.journal.replay import apply_entry, restore
from router.journal.verify import verify
from tests.journal.harm import sql
from tests.journal.story import START_US, fill, snapshot_of, tell

NEVER_US = 0
NOW_US = 2**61


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let recovery need 30 entries, not 10,000, and a step take little, so that small journals have it all."""
    monkeypatch.setattr(pruning, "REPLAYED_MIN", 30)
    monkeypatch.setattr(pruning, "_RECORDS_PER_STEP", 4)
    monkeypatch.setattr(pruning, "_PARTS_PER_STEP", 1)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    with closing(SqliteJournal.open(tmp_path)) as opened:
        yield opened


def prune(journal: SqliteJournal, before_time_us: int) -> int:
    """Prune to the end; after each step the rest must be replayable. Return the number of steps."""
    steps = 1
    while journal.prune(before_time_us):
        steps += 1
        check_replayable(journal)
    assert steps < 1_000
    return steps


def check_replayable(journal: SqliteJournal) -> None:
    """Replay from the oldest state there is; all entries but those of its own record come after it."""
    snapshot = journal.load_snapshot(journal.snapshot_sequences()[0]) if journal.first_sequence > 1 else None
    engine = Engine() if snapshot is None else restore(snapshot)
    assert journal.first_sequence <= engine.sequence + 1
    for sequence, entry in journal.read(engine.sequence):
        apply_entry(engine, sequence, entry)
    assert engine.sequence == journal.last_sequence


def test_nothing_that_is_young_is_forgotten(journal: SqliteJournal) -> None:
    fill(journal, tell(120), snapshots_at=(40, 80, 100))
    assert prune(journal, NEVER_US) == 1
    assert (journal.first_sequence, journal.snapshot_sequences()) == (1, [40, 80, 100])


def test_what_is_old_is_forgotten_but_for_what_recovery_needs(journal: SqliteJournal, tmp_path: Path) -> None:
    state_hash = fill(journal, tell(120), snapshots_at=(20, 40, 60, 80, 100))
    assert prune(journal, NOW_US) > 3
    assert journal.snapshot_sequences() == [80, 100]
    assert 76 <= journal.first_sequence <= 81
    assert verify(tmp_path).findings == []
    assert verify(tmp_path).agreeing == [100]
    engine = restore(journal.load_snapshot(80))  # type: ignore[arg-type]
    for sequence, entry in journal.read(80):
        apply_entry(engine, sequence, entry)
    assert engine.state_hash() == state_hash


def test_it_is_as_old_as_it_says(journal: SqliteJournal) -> None:
    """Everything before the newest snapshot of before the given time goes, and nothing that came after it."""
    entries = tell(120)
    fill(journal, entries, snapshots_at=(20, 40, 60))
    prune(journal, entries[39].time_us)
    kept = [sequence for sequence in (20, 40) if entries[sequence - 1].time_us <= entries[39].time_us]
    assert journal.snapshot_sequences()[0] == kept[-1]
    assert journal.first_sequence <= kept[-1] + 1


@pytest.mark.parametrize("snapshots_at", [(), (40,), (85, 100, 105)])
def test_without_an_old_snapshot_that_may_go_nothing_is_forgotten(
    journal: SqliteJournal, snapshots_at: tuple[int, ...]
) -> None:
    """Two snapshots stay always, and one that has enough entries after it; what is after the oldest of them stays."""
    fill(journal, tell(110), snapshots_at)
    prune(journal, NOW_US)
    assert journal.first_sequence == 1


def test_a_damaged_snapshot_is_not_what_the_rest_is_replayed_from(journal: SqliteJournal, tmp_path: Path) -> None:
    fill(journal, tell(120), snapshots_at=(20, 40, 60, 80, 100))
    sql(tmp_path, "UPDATE snapshot_parts SET body = x'00' WHERE sequence = 80")
    prune(journal, NOW_US)
    assert journal.snapshot_sequences() == [60, 80, 100]
    assert journal.first_sequence <= 61


def test_old_snapshots_are_thinned_to_one_an_hour(journal: SqliteJournal) -> None:
    """Of those that are kept for their history, the first of each hour; those after what recovery needs all stay."""
    start_us = START_US // HOUR_US * HOUR_US
    times_us = [start_us + minutes * 60_000_000 for minutes in (10, 20, 50, 60, 70, 119, 121, 200, 210, 220)]
    engine = Engine()
    sequence = 0
    for time_us in times_us:
        group = [Entry(time_us=time_us, command=Advance())] * 10
        journal.append(sequence + 1, group)
        for entry in group:
            sequence += 1
            apply_entry(engine, sequence, entry)
        journal.save_snapshot(snapshot_of(engine))
    prune(journal, NEVER_US)
    # 100 entries: recovery needs the one at 70; before it 10 and 40 are the first of their hours
    assert journal.snapshot_sequences() == [10, 40, 70, 80, 90, 100]
    assert journal.first_sequence == 1
    prune(journal, times_us[3])
    assert journal.snapshot_sequences() == [40, 70, 80, 90, 100]
    assert journal.first_sequence == 41


def test_a_pruned_journal_opens_again(journal: SqliteJournal, tmp_path: Path) -> None:
    fill(journal, tell(120), snapshots_at=(20, 40, 60, 80, 100))
    prune(journal, NOW_US)
    first = journal.first_sequence
    journal.close()
    with closing(SqliteJournal.open(tmp_path)) as again:
        assert (again.first_sequence, again.last_sequence) == (first, 120)
        again.append(121, [Entry(time_us=NOW_US, command=Advance())])


def test_a_step_is_bounded_by_bytes_too(journal: SqliteJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "_RECORDS_PER_STEP", 1_000)
    monkeypatch.setattr(pruning, "_BYTES_PER_STEP", 1_000)
    fill(journal, tell(120), snapshots_at=(20, 40, 60, 80, 100))
    assert prune(journal, NOW_US) > 10


def test_a_large_snapshot_goes_in_several_steps(journal: SqliteJournal) -> None:
    fill(journal, tell(120), snapshots_at=(40, 60, 80, 100))
    large = msgspec.structs.replace(snapshot_of(Engine()), sequence=20, engine=os.urandom(1_500_000))
    journal.save_snapshot(large)
    assert journal.prune(NOW_US)
    assert journal.snapshot_sequences() == [40, 60, 80, 100]
    assert prune(journal, NOW_US) > 3
    assert journal._connection.execute("SELECT count(*) FROM snapshot_parts").fetchall() == [(2,)]


def test_the_snapshot_that_stays_is_read_once_and_holds_up_no_append(
    journal: SqliteJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = tell(121)
    fill(journal, entries[:120], snapshots_at=(20, 40, 60, 80, 100))
    is_whole = snapshots.is_whole
    read = []

    def append_and_read(connection: sqlite3.Connection, sequence: int) -> bool:
        if not read:
            appending = threading.Thread(target=journal.append, args=(121, entries[120:]), daemon=True)
            appending.start()
            appending.join(5.0)
            assert not appending.is_alive()
        read.append(sequence)
        return is_whole(connection, sequence)

    monkeypatch.setattr(snapshots, "is_whole", append_and_read)
    assert prune(journal, NOW_US) > 3
    assert read == [80]
    assert journal.last_sequence == 121
