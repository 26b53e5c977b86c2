"""A journal in memory that does what a test tells it: wait, fail, or keep what it is given."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

from router.journal import EncodedEntries, Entries, Entry, JournalError, Snapshot
from router.journal.records import decode_record, encode_record


class ScriptedJournal:
    """Keep entries in a list. While `open` is not set, `append` waits; it fails once there are `fail_after` entries."""

    history_id = "scripted"
    first_sequence = 1

    def __init__(self, entries: Sequence[Entry] = (), *, fail_after: int | None = None) -> None:
        self.entries = list(entries)
        self.appends: list[int] = []
        self.snapshots: list[Snapshot] = []
        self.fail_after = fail_after
        self.fail_snapshots = False
        self.open = threading.Event()
        self.open.set()
        self.under_way = threading.Event()
        self.threads: set[str] = set()
        self.closed = False

    @property
    def last_sequence(self) -> int:
        return len(self.entries)

    def append(self, expected_sequence: int, new: Entries) -> None:
        entries = _decoded(new)
        self.threads.add(threading.current_thread().name)
        self.under_way.set()
        self.open.wait(30)
        self.under_way.clear()
        assert expected_sequence == len(self.entries) + 1, "an entry was left out or came twice"
        if self.fail_after is not None and len(self.entries) + len(entries) > self.fail_after:
            raise JournalError("the disk is full")
        self.entries.extend(entries)
        self.appends.append(len(entries))

    def read(self, after_sequence: int) -> Iterator[tuple[int, Entry]]:
        yield from enumerate(self.entries[after_sequence:], after_sequence + 1)

    def read_encoded(self, after_sequence: int) -> Iterator[tuple[int, EncodedEntries]]:
        """Yield records of three entries, of which the first may begin earlier."""
        for first in range(after_sequence - after_sequence % 3, len(self.entries), 3):
            entries = self.entries[first : first + 3]
            yield first + 1, EncodedEntries(len(entries), encode_record(entries))

    def save_snapshot(self, snapshot: Snapshot) -> None:
        if self.fail_snapshots:
            raise JournalError("no room for it")
        assert snapshot.sequence <= len(self.entries), "a snapshot of what is not durable"
        self.snapshots.append(snapshot)

    def load_snapshot(self, at_or_before: int) -> Snapshot | None:
        found = [snapshot for snapshot in self.snapshots if snapshot.sequence <= at_or_before]
        return found[-1] if found else None

    def snapshot_sequences(self) -> Sequence[int]:
        return [snapshot.sequence for snapshot in self.snapshots]

    def prune(self, before_time_us: int) -> bool:
        return False

    def close(self) -> None:
        self.closed = True


def _decoded(entries: Entries) -> list[Entry]:
    """Return the entries, with those decoded that are bytes."""
    decoded: list[Entry] = []
    for entry in entries:
        if isinstance(entry, EncodedEntries):
            decoded += decode_record(entry.content)
        else:
            decoded.append(entry)
    return decoded
