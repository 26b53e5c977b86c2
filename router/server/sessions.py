"""Sessions: which clients are watched over, and who brought which agents and calls.

Keeps one invariant: all of it follows from the numbered commands, so a replay of the journal gives the same again.
"""

from __future__ import annotations

from collections.abc import Sequence

from router.engine.events import (
    AgentSignedIn,
    AgentSignedOut,
    CallAbandoned,
    CallCompleted,
    CallEnqueued,
    CallRefused,
    Restarted,
)
from router.journal import Change, Owned, Session, SessionChange
from router.server.work import Happening
from router.wire.sessions import SessionState


class Holdings:
    """Names of one kind, each with at most one owner. Every operation is O(1) but `of` and `clients`."""

    def __init__(self) -> None:
        self._owners: dict[str, str] = {}
        # in the order in which they came
        self._names: dict[str, dict[str, None]] = {}

    def __len__(self) -> int:
        return len(self._owners)

    def owner(self, name: str) -> str:
        """Return the client that brought it; empty if nobody did who said a client id."""
        return self._owners.get(name, "")

    def of(self, client_id: str) -> Sequence[str]:
        """Return what a client brought and still has."""
        return tuple(self._names.get(client_id, ()))

    def clients(self) -> set[str]:
        """Return the clients that have something."""
        return set(self._names)

    def give(self, name: str, client_id: str) -> None:
        """Give it to a client, to nobody if the client id is empty."""
        self.drop(name)
        if client_id:
            self._owners[name] = client_id
            self._names.setdefault(client_id, {})[name] = None

    def drop(self, name: str) -> None:
        """It is over."""
        owner = self._owners.pop(name, None)
        if owner is not None:
            names = self._names[owner]
            del names[name]
            if not names:
                del self._names[owner]


class Sessions:
    """Follow the commands: sessions begin, are lost and end; agents and calls come and go. An `Observer`.

    Agents belong to the client that signed them in last, until they are signed out; calls to the client that enqueued
    them, until they end. Memory grows with live agents, calls and sessions only.
    """

    def __init__(self) -> None:
        self.agents = Holdings()
        self.calls = Holdings()
        self._held: dict[str, None] = {}
        self._lost_at_us: dict[str, int] = {}
        self.changed_sequence = 0
        """The last command with which a session began, was lost or ended, 0 before the first one."""

    @property
    def held(self) -> Sequence[str]:
        """The clients whose session is held."""
        return tuple(self._held)

    @property
    def lost(self) -> Sequence[str]:
        """The clients whose session is lost."""
        return tuple(self._lost_at_us)

    @property
    def held_count(self) -> int:
        """How many sessions are held."""
        return len(self._held)

    @property
    def lost_count(self) -> int:
        """How many sessions are lost."""
        return len(self._lost_at_us)

    def state_of(self, client_id: str) -> SessionState | None:
        """Return the state of the client's session, None if it has none."""
        if client_id in self._held:
            return SessionState.HELD
        return SessionState.LOST if client_id in self._lost_at_us else None

    def is_held(self, client_id: str) -> bool:
        """Whether the client has a session that is not lost."""
        return client_id in self._held

    def lost_at_us(self, client_id: str) -> int | None:
        """Return when the client's session was lost, not counting downtimes of the server since; None if it is not."""
        return self._lost_at_us.get(client_id)

    def observe(self, happening: Happening) -> None:
        """Learn of a numbered command. O(events), but for the first command after a restart: O(lost sessions)."""
        if isinstance(happening.note, SessionChange):
            self.changed_sequence = happening.sequence
            self._change(happening.note, happening.time_us)
        for event in happening.events:
            if type(event) is CallEnqueued:
                self.calls.give(event.call, happening.client_id)
            elif type(event) is CallCompleted or type(event) is CallAbandoned or type(event) is CallRefused:
                self.calls.drop(event.call)
            elif type(event) is AgentSignedIn:
                self.agents.give(event.agent, happening.client_id)
            elif type(event) is AgentSignedOut:
                self.agents.drop(event.agent)
            elif type(event) is Restarted:
                self._forgive(event.downtime_us)

    def _change(self, note: SessionChange, time_us: int) -> None:
        client_id = note.client_id
        self._held.pop(client_id, None)
        self._lost_at_us.pop(client_id, None)
        if note.change in (Change.BEGAN, Change.RECONCILED):
            self._held[client_id] = None
        elif note.change is Change.LOST:
            self._lost_at_us[client_id] = time_us

    def _forgive(self, downtime_us: int) -> None:
        """While the server was down no client could come back."""
        self._lost_at_us = {client_id: lost_us + downtime_us for client_id, lost_us in self._lost_at_us.items()}

    def state(self) -> tuple[Sequence[Session], Sequence[Owned]]:
        """Return everything, in an order that depends on nothing else."""
        sessions: list[Session] = [Session(client_id) for client_id in self._held]
        sessions += [Session(client_id, lost_us) for client_id, lost_us in self._lost_at_us.items()]
        sessions.sort(key=lambda session: session.client_id)
        owned = tuple(
            Owned(client_id, tuple(sorted(self.agents.of(client_id))), tuple(sorted(self.calls.of(client_id))))
            for client_id in sorted(self.agents.clients() | self.calls.clients())
        )
        return tuple(sessions), owned

    def restore(self, sessions: Sequence[Session], owned: Sequence[Owned]) -> None:
        """Begin with what `state` returned."""
        self._held = {session.client_id: None for session in sessions if session.lost_at_us is None}
        self._lost_at_us = {
            session.client_id: session.lost_at_us for session in sessions if session.lost_at_us is not None
        }
        self.agents, self.calls = Holdings(), Holdings()
        for client in owned:
            for agent in client.agents:
                self.agents.give(agent, client.client_id)
            for call in client.calls:
                self.calls.give(call, client.client_id)
