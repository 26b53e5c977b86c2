"""A second engine that lives from the journal alone, and holds everything that clients were told against it.

Keeps one invariant: it replays each entry once, from the first on, whatever the server has forgotten since.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path

from router.engine import Engine
from router.engine import commands as c
from router.engine.events import Event
from router.engine.views import AgentView, CallView
from router.fairness import Checker
from router.journal import ConfigText, Entry
from router.journal.sqlite import SqliteJournal
from tests.recovery.record import Contradiction, Outcome, Record, Sighting, View

AUDIT_EVERY = 500


class Shadow:
    """Follows a journal. Raises `Contradiction` where it does not agree with what the clients know."""

    def __init__(self, data_dir: Path, record: Record, watched: deque[Event]) -> None:
        self.engine = Engine()
        self.checker = Checker()
        self.commands: dict[str, int] = {}
        self.events = 0
        self.views = 0
        self._data_dir = data_dir
        self._record = record
        self._watched = watched
        self._expected: deque[Event] = deque()
        self._found: dict[tuple[str, str], Outcome] = {}
        self._history_id = ""

    def catch_up(self) -> None:
        """Replay what the journal has more than before; the server must be down."""
        journal = SqliteJournal.open(self._data_dir, read_only=True)
        try:
            self._check_journal(journal)
            sightings = deque(sorted(self._record.sightings, key=lambda sighting: sighting.sequence))
            self._record.sightings.clear()
            while sightings and sightings[0].sequence < self.engine.sequence:
                sightings.popleft()
            for sequence, entry in journal.read(self.engine.sequence):
                self._compare_views(sightings)
                self._replay(sequence, entry)
            self._compare_views(sightings)
        finally:
            journal.close()
        self.engine.audit()
        self._compare_answers()
        self._compare_events()

    def check_end(self) -> None:
        """Hold the state at the end of the journal against its last snapshot."""
        journal = SqliteJournal.open(self._data_dir, read_only=True)
        try:
            snapshot = journal.load_snapshot(journal.last_sequence)
        finally:
            journal.close()
        if snapshot is None or snapshot.sequence != self.engine.sequence:
            raise Contradiction(f"an orderly end left no snapshot of {self.engine.sequence}")
        if snapshot.state_hash != self.engine.state_hash():
            raise Contradiction(f"the snapshot of {snapshot.sequence} is not what the journal leads to")
        left = next(self._record.unanswered(), None)
        if left is not None:
            raise Contradiction(f"{left.key} never got an answer")
        report = self.checker.report()
        if report.violations:
            raise Contradiction(f"the fairness contract is broken: {report.violations[:3]}")

    def _check_journal(self, journal: SqliteJournal) -> None:
        if journal.shortfall:
            raise Contradiction(f"the journal falls short: {journal.shortfall}")
        if self._record.highest_sequence > journal.last_sequence:
            raise Contradiction(
                f"a client knows of {self._record.highest_sequence}, and the journal ends with {journal.last_sequence}"
            )
        if journal.last_sequence < self.engine.sequence:
            raise Contradiction(f"the journal had {self.engine.sequence} entries and has {journal.last_sequence} now")
        if self._history_id not in ("", journal.history_id):
            raise Contradiction("the journal has become another one")
        self._history_id = journal.history_id

    def _replay(self, sequence: int, entry: Entry) -> None:
        if sequence != self.engine.sequence + 1:
            raise Contradiction(f"entry {sequence} follows {self.engine.sequence}")
        events: Sequence[Event]
        if entry.request_id:
            result, events = self.engine.apply_request(
                entry.command,
                entry.time_us,
                client=entry.client_id,
                request_id=entry.request_id,
                content=entry.content,
            )
            if result.repeated:
                raise Contradiction(f"entry {sequence} was carried out before: {entry.client_id} {entry.request_id}")
        else:
            events = self.engine.apply(entry.command, entry.time_us)
            last = self.engine.last_result
            assert last is not None
            result = last
        kind = type(entry.command).__name__
        self.commands[kind] = self.commands.get(kind, 0) + 1
        self._note(entry, Outcome.of_result(result))
        self._expected.extend(events)
        self.checker.observe(entry.time_us, entry.command, events)
        if sequence % AUDIT_EVERY == 0:
            self.engine.audit()

    def _note(self, entry: Entry, outcome: Outcome) -> None:
        """Find the request behind an entry of a client."""
        if not entry.request_id and (entry.client_id or not isinstance(entry.command, c.Enqueue)):
            return  # of the server itself
        key = (entry.client_id, entry.request_id or f"call:{getattr(entry.command, 'call', '')}")
        deed = self._record.deeds.get(key)
        if deed is None:
            raise Contradiction(f"entry {outcome.sequence} was never asked for: {entry}")
        if key in self._found:
            raise Contradiction(f"{key} was carried out as {self._found[key]}, and again as {outcome}")
        self._found[key] = outcome
        if deed.command is None:
            same = isinstance(entry.note, ConfigText) and entry.note.toml == deed.toml
        else:
            same = entry.command == deed.command
        if not same:
            raise Contradiction(f"{deed} came into the journal as {entry}")

    def _compare_answers(self) -> None:
        """Every answer that a client got is in the journal, with the same result."""
        for deed in self._record.fresh:
            if self._found.get(deed.key) != deed.outcome:
                raise Contradiction(f"{deed} was answered, and the journal leads to {self._found.get(deed.key)}")
        self._record.fresh.clear()

    def _compare_views(self, sightings: deque[Sighting]) -> None:
        """What queries showed as of this sequence is how things stand here."""
        while sightings and sightings[0].sequence == self.engine.sequence:
            view: View = sightings.popleft().view
            self.views += 1
            here: View
            if isinstance(view, CallView):
                here = self.engine.call(view.call)
            elif isinstance(view, AgentView):
                here = self.engine.agent(view.agent)
            else:
                here = self.engine.queue(view.queue)
            if here != view:
                raise Contradiction(f"as of {self.engine.sequence} a query showed {view}, and it was {here}")

    def _compare_events(self) -> None:
        """What the watcher has seen is what happened, each event once and in order."""
        while self._watched:
            seen = self._watched.popleft()
            self.events += 1
            happened = self._expected.popleft() if self._expected else None
            if seen != happened:
                raise Contradiction(f"the watcher saw {seen}, and what happened is {happened}")

    @property
    def unseen_events(self) -> int:
        """How many events the watcher has not seen yet."""
        return len(self._expected)
