"""What is done when a session begins, ends, is lost or is given up, as plans for the writer.

Keeps one invariant: a lost client's agents and calls are touched only as long as it is lost and they are its own.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Final, TypeAlias

from router.engine import Engine
from router.engine.commands import Advance, Cancel, Command, Complete, Detach, SetAvailability, SignOut
from router.engine.vocabulary import Availability, CallState
from router.journal import Change, SessionChange
from router.server._native import Holdings
from router.server.errors import Refusal
from router.server.sessions.reconcile import LOST_REASON
from router.server.sessions.sessions import Sessions
from router.server.writing.requests import Answer, Submission
from router.wire.sessions import SessionState

SESSIONS_MAX: Final = 10_000

_ACTOR: Final = "server"
_PLAN_MAX: Final = 64
_RETRY_AFTER_US: Final = 10_000_000
_TAKES_CALLS = (Availability.READY, Availability.CLOSING)

Steps: TypeAlias = Generator[Submission, Answer, None]
ChangeSteps: TypeAlias = Generator[Submission, Answer, bool]


class SessionPlans:
    """Make the plans of one server. Those of a change return whether it was made."""

    def __init__(self, engine: Engine, sessions: Sessions) -> None:
        self._engine = engine
        self._sessions = sessions

    def begin(self, client_id: str, actor: str) -> ChangeSteps:
        """Begin a session where there is none. Raises `Refusal` (OVERLOADED) if there are too many."""
        if self._sessions.state_of(client_id) is not None:
            return False
        if self._sessions.held_count + self._sessions.lost_count >= SESSIONS_MAX:
            raise Refusal("OVERLOADED", f"there are {SESSIONS_MAX:,} sessions", retry_after_us=_RETRY_AFTER_US)
        yield from _change(client_id, Change.BEGAN, actor, client_id)
        return True

    def end(self, client_id: str, actor: str) -> ChangeSteps:
        """End a session if there is one. Raises `Refusal` (SESSION_LOST)."""
        state = self._sessions.state_of(client_id)
        if state is SessionState.LOST:
            raise Refusal("SESSION_LOST", client_id)
        if state is None:
            return False
        yield from _change(client_id, Change.ENDED, actor, client_id)
        return True

    def lose(self, client_id: str) -> ChangeSteps:
        """Say that a session that is held is lost."""
        if not self._sessions.is_held(client_id):
            return False
        yield from _change(client_id, Change.LOST)
        return True

    def give_up(self, client_id: str) -> ChangeSteps:
        """Say that a lost session is given up."""
        if self._sessions.lost_at_us(client_id) is None:
            return False
        yield from _change(client_id, Change.GIVEN_UP)
        return True

    def quieten(self, client_id: str) -> Iterator[Steps]:
        """Make a lost client's agents not ready, then detach its calls."""
        yield from self._plans(client_id, self._sessions.agents, self._make_not_ready)
        yield from self._plans(client_id, self._sessions.calls, self._detach)

    def wind_up(self, client_id: str) -> Iterator[Steps]:
        """Sign out a lost client's agents and end its calls, but for those that it uses again without reconciling."""
        yield from self._plans(client_id, self._sessions.agents, self._sign_out)
        yield from self._plans(client_id, self._sessions.calls, self._end_call)

    def _plans(self, client_id: str, holdings: Holdings, step: Callable[[str], Iterator[Command]]) -> Iterator[Steps]:
        names = holdings.of(client_id)
        for start in range(0, len(names), _PLAN_MAX):
            yield self._each(client_id, holdings, names[start : start + _PLAN_MAX], step)

    def _each(
        self, client_id: str, holdings: Holdings, names: Sequence[str], step: Callable[[str], Iterator[Command]]
    ) -> Steps:
        for name in names:
            if self._sessions.lost_at_us(client_id) is None:
                return
            if holdings.owner(name) == client_id:
                for command in step(name):
                    yield Submission(command, actor=_ACTOR)

    def _make_not_ready(self, agent: str) -> Iterator[Command]:
        if self._engine.agent(agent).availability in _TAKES_CALLS:
            yield SetAvailability(agent, ready=False, reason=LOST_REASON)

    def _detach(self, call: str) -> Iterator[Command]:
        if not self._engine.call(call).detached:
            yield Detach(call)

    def _sign_out(self, agent: str) -> Iterator[Command]:
        if self._engine.agent(agent).availability not in _TAKES_CALLS:
            yield SignOut(agent)

    def _end_call(self, call: str) -> Iterator[Command]:
        view = self._engine.call(call)
        if view.detached:
            yield Complete(call) if view.state is CallState.ASSIGNED else Cancel(call, LOST_REASON)


def _change(client_id: str, change: Change, actor: str = _ACTOR, by: str = "") -> Steps:
    """Journal a change of a session. Raises `Refusal` if that is impossible."""
    answer = yield Submission(Advance(), client_id=by, actor=actor, note=SessionChange(client_id, change))
    if answer.refusal is not None:
        raise answer.refusal
