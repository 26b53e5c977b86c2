"""What entries led to: a journal read with the engine beside it.

Keeps one invariant: events are those of the entry they stand with; where it cannot be replayed there are none at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from router.engine import Engine
from router.engine.commands import Accept, Reject
from router.engine.events import CommandRejected, Event, OfferMade
from router.journal.entries import Entry
from router.journal.journal import Journal, JournalCorrupt
from router.journal.replay import apply_entry, restore
from router.journal.words import subjects


class Followed(NamedTuple):
    """An entry, and the events that it led to; None where that is not known."""

    sequence: int
    entry: Entry
    events: Sequence[Event] | None

    @property
    def rejection(self) -> CommandRejected | None:
        """Why the command was rejected, if it was."""
        return next((event for event in self.events or () if isinstance(event, CommandRejected)), None)


def follow(journal: Journal, first: int, last: int) -> Iterator[Followed]:
    """Yield the entries from `first` to `last` that there are. Raises `JournalError`.

    Costs a replay from the snapshot before `first` on.
    """
    first = max(first, journal.first_sequence)
    engine = _state_before(journal, first)
    start = first - 1 if engine is None else engine.sequence
    for sequence, entry in journal.read(min(start, journal.last_sequence)):
        if sequence > last:
            return
        events = None
        if engine is not None:
            try:
                events = apply_entry(engine, sequence, entry)
            except JournalCorrupt:
                engine = None
        if sequence >= first:
            yield Followed(sequence, entry, events)


class Subject:
    """Tells which entries are about one call, one agent, or both."""

    def __init__(self, call: str, agent: str) -> None:
        self._call = call
        self._agent = agent
        self._offers: set[int] = set()

    def concerns(self, followed: Followed) -> bool:
        """Whether the command names them, or brought an event about them. To be asked of every entry, in order."""
        command, events = followed.entry.command, followed.events or ()
        calls, agents = subjects(command)
        self._offers |= {event.offer for event in events if isinstance(event, OfferMade) and self._is_about(event)}
        if isinstance(command, (Accept, Reject)) and command.offer in self._offers:
            return True
        named = (not self._call or self._call in calls) and (not self._agent or self._agent in agents)
        return named or bool(self.events(followed))

    def events(self, followed: Followed) -> list[Event]:
        """Return the events about them that an entry led to."""
        return [event for event in followed.events or () if self._is_about(event)]

    def _is_about(self, event: Event) -> bool:
        return self._call in ("", getattr(event, "call", "")) and self._agent in ("", getattr(event, "agent", ""))


def _state_before(journal: Journal, first: int) -> Engine | None:
    """Return the newest state that is kept up to the entry before `first`, None if there is none."""
    snapshot = journal.load_snapshot(first - 1)
    if snapshot is not None and snapshot.sequence >= journal.first_sequence - 1:
        try:
            return restore(snapshot)
        except JournalCorrupt:
            pass
    return Engine() if journal.first_sequence == 1 else None
