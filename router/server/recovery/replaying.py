"""Replaying: journalled commands through the engine again, and to everybody who follows it.

Keeps one invariant: the state is what the journalled commands give, or `JournalCorrupt` says where it is not.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from itertools import islice
from time import monotonic
from typing import Final

import msgspec

from router.engine import Engine
from router.engine.errors import EngineError
from router.engine.events import Event
from router.journal import Entry, Journal, JournalCorrupt, Snapshot
from router.journal.records import Unreadable, decode_entry
from router.journal.replay import apply_entry, check_state, not_again, restore
from router.server._native import Replay
from router.server.shell import Shell
from router.server.writing.work import Happening

logger = logging.getLogger(__name__)

_PROGRESS_S: Final = 5.0
_CHECK_EVERY: Final = 1_000


class Stopped(Exception):
    """The recovery was told to stop before it was done."""


class Replaying:
    """Carry out journalled commands again, and hold the state against each snapshot that is passed.

    Those that come in volume become no Python objects on the way, unless the server follows an outside ACD: there each
    of them has to be seen. The others, and whatever is unusual, are carried out here.
    """

    def __init__(self, journal: Journal, shell: Shell, is_stopped: Callable[[], bool]) -> None:
        self._journal = journal
        self._shell = shell
        self._engine = shell.engine
        self._is_stopped = is_stopped
        self._begun = shell.engine.sequence
        self._told_s = monotonic()
        estimation = shell.estimation
        self._record = Replay(shell.engine, shell.followers, estimation.learn, estimation.not_learnt)
        self._snapshots = [sequence for sequence in journal.snapshot_sequences() if sequence > self._begun]
        self._snapshots.reverse()

    def run(self) -> None:
        """Replay everything. Raises `JournalCorrupt`, `Stopped`."""
        if self._shell.shadow is not None:
            self._run_to(self._journal.last_sequence)
            return
        for first, entries in self._journal.read_encoded(self._begun):
            if self._record.read(entries.content) and len(self._record) == entries.count:
                self._run_record(first)
            else:
                # it has to be looked at as a whole, which may say what is wrong with it
                self._run_to(first + entries.count - 1)

    def _run_record(self, first: int) -> None:
        """Carry out what is left of the record at hand, whose first entry has this sequence."""
        engine, record = self._engine, self._record
        record.skip(engine.sequence + 1 - first)
        while record.next < len(record):
            stop = min(len(record), self._stop() - first + 1)
            try:
                record.run(stop)
            except EngineError as error:
                raise not_again(first + record.next, decode_entry(record.entry), error) from error
            self._shell.hub.history.publish(engine.sequence)
            if record.next < stop:
                self._carry_out(first + record.next, self._entry(first + record.next))
                record.skip(1)
            self._look(engine.sequence)

    def _run_to(self, last: int) -> None:
        """Carry out entries up to a sequence as Python objects."""
        for sequence, entry in islice(self._journal.read(self._engine.sequence), last - self._engine.sequence):
            self._carry_out(sequence, entry)
            self._look(sequence)

    def _entry(self, sequence: int) -> Entry:
        try:
            return decode_entry(self._record.entry)
        except Unreadable:
            # which says where it is, and what to do
            return next(self._journal.read(sequence - 1))[1]

    def _carry_out(self, sequence: int, entry: Entry) -> None:
        events = apply_entry(self._engine, sequence, entry)
        self._shell.replay(happening_of(sequence, entry, events))

    def _stop(self) -> int:
        """Return the next sequence at which there is something to do besides."""
        sequence = self._engine.sequence
        due = sequence - sequence % _CHECK_EVERY + _CHECK_EVERY
        return min(due, self._snapshots[-1]) if self._snapshots else due

    def _look(self, sequence: int) -> None:
        if self._snapshots and sequence == self._snapshots[-1]:
            self._snapshots.pop()
            self._compare(sequence)
        if sequence % _CHECK_EVERY == 0:
            self._tell(sequence)

    def _compare(self, sequence: int) -> None:
        """Hold the state against the snapshot at a sequence. Raises `JournalCorrupt`."""
        snapshot = self._journal.load_snapshot(sequence)
        if snapshot is None or snapshot.sequence != sequence:
            # it is damaged, which the journal reports
            return
        try:
            check_state(self._engine, snapshot)
        except JournalCorrupt as error:
            if restored(snapshot) is None:
                return
            raise JournalCorrupt(
                f"replaying the commands {self._begun + 1:,} to {sequence:,} does not lead to the snapshot at "
                f"{sequence:,} ({error}): either the journal was changed, or this version of skill-router decides "
                "otherwise than the one that wrote it. Start the version that wrote it, or go on from the snapshot "
                "with `skill-router journal repair --from-snapshot` (docs/journal.md)"
            ) from None
        if self._shell.service_state() != msgspec.structs.replace(snapshot.service, wait=b""):
            logger.error("replaying led to other sessions or another config text than the snapshot at %d has", sequence)

    def _tell(self, sequence: int) -> None:
        if self._is_stopped():
            raise Stopped
        now_s = monotonic()
        if now_s - self._told_s >= _PROGRESS_S:
            self._told_s = now_s
            done, whole = sequence - self._begun, self._journal.last_sequence - self._begun
            logger.info(
                "recovering: %s of %s commands replayed (%.0f %%)", f"{done:,}", f"{whole:,}", 100 * done / whole
            )


def restored(snapshot: Snapshot) -> Engine | None:
    """Return the engine of a snapshot; None if it cannot be used, which is logged."""
    try:
        return restore(snapshot)
    except JournalCorrupt as error:
        logger.warning("a snapshot cannot be used: %s", error)
        return None


def happening_of(sequence: int, entry: Entry, events: Sequence[Event]) -> Happening:
    """Return what observers are told of an entry that was carried out again."""
    return Happening(sequence, entry.time_us, events, entry.client_id, entry.note, entry.command, entry.actor)
