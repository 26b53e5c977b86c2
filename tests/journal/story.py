"""Entries that an engine really went through, and journals filled with them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache
from itertools import cycle
from pathlib import Path

from router.engine import Engine
from router.engine.commands import Advance, Command, Configure
from router.journal import (
    Change,
    ConfigText,
    Entry,
    Note,
    Owned,
    ServiceState,
    Session,
    SessionChange,
    Snapshot,
    SqliteJournal,
)
from router.journal.replay import apply_entry
from tests.engine.choices import Choices, SeededChoices
from tests.engine.generate import World, settings
from tests.engine.generate_commands import CommandSource, next_time
from tests.oracle import Oracle

START_US = 1_700_000_000_000_000
WORLD = World.of_size(5, 9)
GROUPS = (1, 3, 1, 7)
SERVICE = ServiceState(
    ConfigText("[server]\n", "etag-1", True),
    "etag-1",
    (Session("pbx"), Session("web", START_US)),
    (Owned("pbx", ("a1", "a2"), ("c1",)),),
)


@cache
def tell(count: int, seed: int = 1) -> Sequence[Entry]:
    """Return `count` entries, the first of them a `Configure`: random commands, most of which make sense."""
    configured = settings(SeededChoices(seed), WORLD)
    note = ConfigText("[queues]\n", "etag-0", from_file=True)
    begin = Entry(time_us=START_US, command=Configure(configured), actor="file", note=note)
    return (begin, *go_on([begin], count - 1, seed))


def go_on(told: Sequence[Entry], count: int, seed: int) -> list[Entry]:
    """Return `count` entries that go on where others ended."""
    choices = SeededChoices(seed)
    oracle = Oracle()
    for entry in told:
        oracle.apply(entry.command, entry.time_us)
    entries: list[Entry] = []
    while len(entries) < count:
        note = SessionChange("pbx", choices.pick(tuple(Change))) if choices.chance(5) else None
        command = CommandSource(choices, WORLD, oracle).command() if note is None else Advance()
        entry = _entry(choices, len(told) + len(entries), next_time(choices, oracle), command, note)
        if _tell_oracle(oracle, entry):
            entries.append(entry)
    return entries


def _tell_oracle(oracle: Oracle, entry: Entry) -> bool:
    """Let the oracle follow; say whether the command was numbered."""
    before = oracle.sequence
    oracle.apply(entry.command, entry.time_us)
    return oracle.sequence > before


def _entry(choices: Choices, number: int, time_us: int, command: Command, note: Note | None) -> Entry:
    as_request = note is None and choices.chance(40)
    return Entry(
        time_us=time_us,
        command=command,
        client_id="pbx" if as_request or choices.chance(50) else "",
        request_id=f"r-{number}" if as_request else "",
        content=number.to_bytes(16, "little") if as_request else b"",
        actor=choices.pick(("local", "server", "desk-1")),
        note=note,
    )


def fill(journal: SqliteJournal, entries: Sequence[Entry], snapshots_at: Collection[int] = ()) -> str:
    """Append entries in groups of different sizes, with snapshots; return the state hash at the end."""
    engine = Engine()
    sizes = cycle(GROUPS)
    done = 0
    while done < len(entries):
        group = entries[done : done + next(sizes)]
        journal.append(done + 1, group)
        for sequence, entry in enumerate(group, done + 1):
            apply_entry(engine, sequence, entry)
            if sequence in snapshots_at:
                journal.save_snapshot(snapshot_of(engine))
        done += len(group)
    return engine.state_hash()


def snapshot_of(engine: Engine) -> Snapshot:
    """Return a snapshot of an engine."""
    return Snapshot(engine.sequence, engine.time_us, engine.snapshot(), engine.state_hash(), SERVICE)


def make_journal(directory: Path, count: int = 120, snapshots_at: Collection[int] = (40, 80)) -> str:
    """Make a journal and close it; return the state hash at the end."""
    journal = SqliteJournal.open(directory)
    try:
        return fill(journal, tell(count), snapshots_at)
    finally:
        journal.close()


def replayed(sequence: int, count: int) -> Engine:
    """Return an engine after the first entries of a story."""
    engine = Engine()
    for number, entry in enumerate(tell(count)[:sequence], 1):
        apply_entry(engine, number, entry)
    return engine
