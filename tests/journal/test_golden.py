"""The journals of every format that was ever written lead, for ever, to the events and states that they led to."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from router.engine import Engine
from router.engine.events import Event
from router.journal import SqliteJournal
from router.journal.records import FORMAT
from router.journal.replay import apply_entry, restore
from router.journal.verify import verify
from tests.journal.golden.generate import event_hash, told_by_hand

GOLDEN = Path(__file__).resolve().parent / "golden"
DIRECTORIES = sorted(GOLDEN.glob("format-*"))


@pytest.fixture(params=DIRECTORIES, ids=lambda path: path.name)
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of a golden journal."""
    return Path(shutil.copytree(request.param, tmp_path / "journal"))


def expected_of(directory: Path) -> dict[str, Any]:
    expected: dict[str, Any] = json.loads((directory / "expected.json").read_text())
    return expected


def test_there_is_one_of_every_format() -> None:
    assert [path.name for path in DIRECTORIES] == [f"format-{number}" for number in range(1, FORMAT + 1)]


def test_it_is_whole(journal: Path) -> None:
    expected = expected_of(journal)
    found = verify(journal)
    assert found.findings == []
    assert found.replayed == found.last_sequence == expected["last_sequence"]
    assert found.agreeing == expected["snapshots"]
    assert found.history_id == expected["history_id"]


def test_it_leads_to_the_same_events_and_the_same_state(journal: Path) -> None:
    expected = expected_of(journal)
    engine = Engine()
    events: list[Event] = []
    kinds = set()
    with closing(SqliteJournal.open(journal)) as opened:
        for sequence, entry in opened.read(0):
            events += apply_entry(engine, sequence, entry)
            kinds.add(type(entry.command).__name__)
    assert sorted(kinds) == expected["commands"]
    assert (len(events), event_hash(events)) == (expected["events"], expected["event_hash"])
    assert engine.state_hash() == expected["state_hash"]


def test_it_goes_on_from_each_snapshot(journal: Path) -> None:
    expected = expected_of(journal)
    with closing(SqliteJournal.open(journal)) as opened:
        for sequence in expected["snapshots"]:
            snapshot = opened.load_snapshot(sequence)
            assert snapshot is not None
            assert snapshot.service.config.etag == "etag-1"
            engine = restore(snapshot)
            for number, entry in opened.read(sequence):
                apply_entry(engine, number, entry)
            assert engine.state_hash() == expected["state_hash"]


def test_the_generator_still_means_the_same(tmp_path: Path) -> None:
    """What the generator tells by hand is, entry for entry, what the golden journal of the present format has."""
    shutil.copytree(GOLDEN / f"format-{FORMAT}", tmp_path / "journal")
    with closing(SqliteJournal.open(tmp_path / "journal")) as opened:
        read = [entry for _, entry in opened.read(0)]
    for entry, kept in zip(told_by_hand(), read, strict=False):
        assert {name: getattr(entry, name) for name in entry.__struct_fields__ if name != "message"} == {
            name: getattr(kept, name) for name in kept.__struct_fields__ if name != "message"
        }
