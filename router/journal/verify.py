"""Check a whole journal: every page, every record, every snapshot, and that each state follows from the one before.

Keeps one invariant: it changes nothing, and goes on after damage as far as there is something whole to go on from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from router.engine import Engine
from router.journal import database, snapshots
from router.journal.chain import MISSING, Break, Row, break_before, break_in
from router.journal.entries import Snapshot
from router.journal.faults import READ_ERRORS, is_damage, reporting
from router.journal.files import DATABASE
from router.journal.journal import JournalCorrupt
from router.journal.opening import Opened, open_for_reading
from router.journal.records import Unreadable, decode_record
from router.journal.replay import apply_entry, check_state, restore

_PAGES_MAX = 20
_NOTHING = ("ok", "*** in database main ***")

Progress = Callable[[int, int], None]
"""Told how many entries of how many are done."""


@dataclass
class Verification:
    """What was found. The journal is whole if there are neither `general` findings, `breaks` nor `damaged_snapshots`.

    `general` is what SQLite says of its pages, and what concerns the whole; `breaks` are entries that are missing,
    damaged or do not lead where they should; `notes` are no damage. `replayed` entries were carried out again; that led
    to the states of `agreeing` snapshots.
    """

    history_id: str
    first_sequence: int
    last_sequence: int
    acknowledged_sequence: int
    snapshots: Sequence[int]
    records: int = 0
    replayed: int = 0
    agreeing: list[int] = field(default_factory=list)
    general: list[str] = field(default_factory=list)
    breaks: list[Break] = field(default_factory=list)
    damaged_snapshots: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def findings(self) -> list[str]:
        """Everything that is wrong, a sentence each."""
        of_snapshots = [f"the snapshot of entry {n}: {what}" for n, what in self.damaged_snapshots.items()]
        return [*self.general, *(found.sentence for found in self.breaks), *of_snapshots]


def verify(directory: Path, progress: Progress = lambda done, total: None) -> Verification:
    """Check a journal, a running server's too. O(journal). Raises `JournalError` if it cannot be opened at all."""
    opened = open_for_reading(directory)
    try:
        with reporting("reading", directory / DATABASE):
            check = _Check(opened, progress)
            check.check_pages()
            check.check_entries()
            check.check_end()
            check.check_beginning()
        return check.found
    finally:
        opened.close()


class _Check:
    """One pass over a journal. `engine` has the state after its own sequence, or is None until the next snapshot."""

    def __init__(self, opened: Opened, progress: Progress) -> None:
        self._connection = opened.connection
        self._shortfall = opened.shortfall
        self._progress = progress
        first = opened.meta.first_sequence
        self._pending = self._snapshot_sequences()
        self.found = Verification(
            opened.meta.history_id,
            first,
            opened.last_sequence,
            opened.acknowledged_sequence,
            tuple(self._pending),
            notes=list(opened.reports),
        )
        self._engine: Engine | None = Engine() if first == 1 else None
        self._previous: Row | None = None
        self._wanted = first
        self._agreed = first - 1

    def check_pages(self) -> None:
        """Let SQLite look at every page."""
        try:
            rows = self._connection.execute(f"PRAGMA integrity_check({_PAGES_MAX})").fetchall()
            lines = [line for (text,) in rows for line in str(text).splitlines()]
        except READ_ERRORS as error:
            if not is_damage(error):
                raise
            lines = [str(error)]
        self.found.general += [
            f"SQLite finds: {line}" for line in lines if line not in ("ok", "*** in database main ***")
        ]

    def check_entries(self) -> None:
        """Go through all records and snapshots in their order."""
        total = self.found.last_sequence - self.found.first_sequence + 1
        for row in self._rows():
            self._check_row(row)
            self._progress(self._wanted - self.found.first_sequence, total)
        self._pass_snapshots(self.found.last_sequence)
        if self._wanted <= self.found.last_sequence:
            self._broken(Break(self._wanted, self.found.last_sequence, MISSING))
        for sequence in self._pending:
            self.found.damaged_snapshots[sequence] = "there is no such entry"

    def check_end(self) -> None:
        """Add what was seen at the end when the journal was opened; that says more of it."""
        if self._shortfall is not None:
            others = [known for known in self.found.breaks if known.first != self._shortfall.first]
            self.found.breaks = [*others, self._shortfall]

    def check_beginning(self) -> None:
        """See that there is a state to start from."""
        first = self.found.first_sequence
        if first > 1 and all(one in self.found.damaged_snapshots or one < first - 1 for one in self.found.snapshots):
            self.found.general.append(
                f"there is no whole snapshot, and the entries before {first} are not kept: nothing can be replayed"
            )

    def _snapshot_sequences(self) -> list[int]:
        try:
            return snapshots.sequences(self._connection)
        except READ_ERRORS as error:
            if not is_damage(error):
                raise
            return []  # the pages are among the findings

    def _rows(self) -> Iterator[Row]:
        """Yield all records that can be read; after a page that cannot, go on behind the next snapshot."""
        while True:
            try:
                for rows in database.read_rows(self._connection, self._wanted):
                    yield from rows
                return
            except READ_ERRORS as error:
                if not is_damage(error):
                    raise
                last = self.found.last_sequence
                resume = next((sequence for sequence in self._pending if self._wanted <= sequence < last), last)
                self._broken(Break(self._wanted, resume, "they cannot be read, a page of the file is damaged"))
                self._previous = None
                self._wanted = resume + 1
                if resume == last:
                    return

    def _check_row(self, row: Row) -> None:
        found = break_before(row, self._previous, self._wanted)
        if found is not None:
            self._broken(found)
            self._previous = None
        found = break_in(row, self._previous)
        if found is not None:
            self._broken(found)
        else:
            self._replay(row)
        self.found.records += 1
        self._previous = row
        # what a damaged record says of itself is believed as far as it can be
        ends = row.last if found is None else min(found.last, self.found.last_sequence)
        self._wanted = max(self._wanted, ends + 1)

    def _replay(self, row: Row) -> None:
        try:
            entries = decode_record(row.body)
        except Unreadable as unreadable:
            self._broken(Break(row.first, row.last, f"they cannot be understood: {unreadable}"))
            return
        if len(entries) != row.last - row.first + 1:
            self._broken(Break(row.first, row.last, f"they are {len(entries)} in number"))
            return
        for sequence, entry in enumerate(entries, row.first):
            self._pass_snapshots(sequence - 1)
            if self._engine is None or self._engine.sequence != sequence - 1:
                continue
            try:
                apply_entry(self._engine, sequence, entry)
                self.found.replayed += 1
            except JournalCorrupt as corrupt:
                self._broken(Break(sequence, sequence, str(corrupt)))

    def _pass_snapshots(self, sequence: int) -> None:
        """Check the snapshots up to a sequence, and go on from the last of them."""
        while self._pending and self._pending[0] <= sequence:
            self._check_snapshot(self._pending.pop(0))

    def _check_snapshot(self, sequence: int) -> None:
        try:
            snapshot = snapshots.load(self._connection, sequence)
            restored = restore(snapshot)
        except (Unreadable, JournalCorrupt) as error:
            self.found.damaged_snapshots[sequence] = str(error)
            return
        if self._engine is not None and self._engine.sequence == sequence:
            self._compare(self._engine, snapshot)
        self._engine = restored
        self._agreed = sequence

    def _compare(self, engine: Engine, snapshot: Snapshot) -> None:
        try:
            check_state(engine, snapshot)
            self.found.agreeing.append(snapshot.sequence)
        except JournalCorrupt as corrupt:
            self._broken(Break(self._agreed + 1, snapshot.sequence, str(corrupt)))

    def _broken(self, found: Break) -> None:
        """Note what is wrong; what comes after it cannot be replayed until the next snapshot."""
        last = self.found.last_sequence
        found = found._replace(first=min(found.first, last), last=min(found.last, last))
        self._pass_snapshots(found.first - 1)
        self.found.breaks.append(found)
        self._engine = None
