"""The journal's interface: what a local file and a replicated log have in common.

Keeps one invariant: entry n has sequence n; there are no gaps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from router.journal.entries import EncodedEntries, Entries, Entry, Snapshot


class JournalError(Exception):
    """The journal cannot be read or written; the message says what is wrong and what to do."""


class JournalCorrupt(JournalError):
    """What was acknowledged is damaged or missing."""


class Journal(Protocol):
    """A durable log of commands. Every method may block.

    Calls come from one thread, one at a time; `save_snapshot` and `prune` may also come from a second one, and then
    hold up an `append` for a moment at most.
    """

    @property
    def history_id(self) -> str:
        """Name of the history that sequences belong to; drawn when the journal began."""

    @property
    def first_sequence(self) -> int:
        """Sequence of the oldest entry that is kept; `last_sequence + 1` if there is none."""

    @property
    def last_sequence(self) -> int:
        """Sequence of the newest entry; 0 before the first."""

    def append(self, expected_sequence: int, entries: Entries) -> None:
        """Make entries durable as `expected_sequence`, `expected_sequence` + 1, …; on return they are.

        Either all of them are there afterwards or none. Raises `JournalError` when the next sequence is another one, or
        when they cannot be written: then the journal takes no more, and whether they are there is known when it is
        opened again.
        """

    def read(self, after_sequence: int) -> Iterator[tuple[int, Entry]]:
        """Yield (sequence, entry) from `after_sequence` + 1 on. Raises `JournalCorrupt` at the first damaged one."""

    def read_encoded(self, after_sequence: int) -> Iterator[tuple[int, EncodedEntries]]:
        """Yield the same as the bytes of whole records, each with the sequence of its first entry.

        The first record may begin before `after_sequence` + 1. Raises `JournalCorrupt` at the first that is damaged,
        but not at one that cannot be understood.
        """

    def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep a snapshot of entries that are in the journal, durably. Raises `JournalError`."""

    def load_snapshot(self, at_or_before: int) -> Snapshot | None:
        """Return the newest snapshot up to a sequence that is whole, None if there is none."""

    def snapshot_sequences(self) -> Sequence[int]:
        """Return the sequences of all snapshots, damaged ones too, in rising order."""

    def prune(self, before_time_us: int) -> bool:
        """Forget entries and snapshots of before a time, back to a snapshot from which the rest can be replayed.

        Does a bounded amount of work and says whether there is more to do: call it again then.
        """

    def close(self) -> None:
        """Let go of everything."""
