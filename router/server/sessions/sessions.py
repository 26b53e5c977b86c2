"""Sessions: which clients are watched over, and who brought which agents and calls.

Keeps one invariant: all of it follows from the numbered commands, so a replay of the journal gives the same again.
"""

from __future__ import annotations

from collections.abc import Sequence

from router.engine.events import Restarted
from router.journal import Change, Owned, Session, SessionChange
from router.server._native import AgentHoldings, CallHoldings, Follower
from router.server.writing.work import Happening
from router.wire.sessions import SessionState


class Sessions:
    """Follow the commands: sessions begin, are lost and end. An `Observer`; the `followers` are told first.

    Agents belong to the client that signed them in last, until they are signed out; calls to the client that enqueued
    them, until they end. Memory grows with live agents, calls and sessions only.
    """

    def __init__(self) -> None:
        self.agents = AgentHoldings()
        self.calls = CallHoldings()
        self.followers: Sequence[Follower] = (self.agents, self.calls)
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
            if type(event) is Restarted:
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
        owned = tuple(
            Owned(client_id, tuple(sorted(self.agents.of(client_id))), tuple(sorted(self.calls.of(client_id))))
            for client_id in sorted(self.agents.clients() | self.calls.clients())
        )
        return self.sessions(), owned

    def sessions(self) -> Sequence[Session]:
        """Return the sessions, sorted."""
        sessions: list[Session] = [Session(client_id) for client_id in self._held]
        sessions += [Session(client_id, lost_us) for client_id, lost_us in self._lost_at_us.items()]
        return tuple(sorted(sessions, key=lambda session: session.client_id))

    def restore(self, sessions: Sequence[Session], owned: Sequence[Owned]) -> None:
        """Begin with what `state` returned."""
        self._held = {session.client_id: None for session in sessions if session.lost_at_us is None}
        self._lost_at_us = {
            session.client_id: session.lost_at_us for session in sessions if session.lost_at_us is not None
        }
        self.agents.clear()
        self.calls.clear()
        for client in owned:
            for agent in client.agents:
                self.agents.give(agent, client.client_id)
            for call in client.calls:
                self.calls.give(call, client.client_id)
