"""Entries through the engine again: what recovery, verification and the search for what was lost have in common.

Keeps one invariant: entry n makes the engine's sequence n, or `JournalCorrupt` says why not.
"""

from __future__ import annotations

from collections.abc import Sequence

from router.engine import Engine
from router.engine.errors import EngineError
from router.engine.events import Event
from router.journal.entries import Entry, Snapshot
from router.journal.journal import JournalCorrupt


def apply_entry(engine: Engine, sequence: int, entry: Entry) -> Sequence[Event]:
    """Carry out the engine's next entry as it was carried out first, and return its events. Raises `JournalCorrupt`."""
    if engine.sequence != sequence - 1:
        raise JournalCorrupt(f"entry {sequence} cannot follow {engine.sequence}")
    try:
        if entry.request_id:
            _, events = engine.apply_request(
                entry.command,
                entry.time_us,
                client=entry.client_id,
                request_id=entry.request_id,
                content=entry.content,
            )
        else:
            events = engine.apply(entry.command, entry.time_us)
    except EngineError as error:
        raise not_again(sequence, entry, error) from error
    if engine.sequence != sequence:
        raise _not_again(sequence, entry, f"request {entry.request_id!r} was there already")
    return events


def restore(snapshot: Snapshot) -> Engine:
    """Return the engine of a snapshot. Raises `JournalCorrupt` if its state is not the one that was saved."""
    try:
        engine = Engine.restore(snapshot.engine)
    except EngineError as error:
        raise JournalCorrupt(f"the snapshot of entry {snapshot.sequence} cannot be restored: {error}") from error
    check_state(engine, snapshot)
    return engine


def check_state(engine: Engine, snapshot: Snapshot) -> None:
    """Raise `JournalCorrupt` unless the engine is in the state of a snapshot."""
    found = (engine.sequence, engine.time_us, engine.state_hash())
    wanted = (snapshot.sequence, snapshot.time_us, snapshot.state_hash)
    if found != wanted:
        raise JournalCorrupt(
            f"the state after entry {snapshot.sequence} is not that of its snapshot: "
            f"sequence {found[0]}, time {found[1]}, hash {found[2]} instead of {wanted[0]}, {wanted[1]}, {wanted[2]}"
        )


def not_again(sequence: int, entry: Entry, error: EngineError) -> JournalCorrupt:
    """Return the error that says that an entry cannot be carried out again, since the engine raises `error`."""
    return _not_again(sequence, entry, f"{type(error).__name__}: {error}")


def _not_again(sequence: int, entry: Entry, why: str) -> JournalCorrupt:
    return JournalCorrupt(
        f"entry {sequence}, {type(entry.command).__name__}, cannot be carried out again: {why}; "
        "was it written by another version of skill-router?"
    )
