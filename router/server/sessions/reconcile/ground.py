"""What all of a reconciliation stands on: the engine as it is now, the report, and what was found so far.

Keeps one invariant: a dry run yields no command, and every difference is noted once.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final, TypeAlias

import msgspec

from router.engine import Engine
from router.engine.commands import Command
from router.engine.errors import UnknownName
from router.engine.views import AgentView, CallView
from router.engine.vocabulary import Availability, CallState, Urgency
from router.server.sessions.reconcile.report import Report
from router.server.sessions.sessions import Sessions
from router.server.writing.requests import Answer, Submission
from router.wire.sessions import Difference

Steps: TypeAlias = Generator[Submission, Answer, Any]
"""Commands that follow from the answers to those before."""

LOST_REASON: Final = "connection_lost"
"""Why an agent is not ready, and why a call was cancelled, when the client that brought it is out of reach."""
RECONCILE_REASON: Final = "reconcile"
"""Why a call was cancelled or returned to its place."""


class Ground:
    """One reconciliation's common ground. Reading it always shows the present state."""

    def __init__(self, engine: Engine, sessions: Sessions, report: Report, actor: str) -> None:
        self.engine = engine
        self.sessions = sessions
        self.report = report
        self.client_id = report.client_id
        self.differences: list[Difference] = []
        self.agreed = 0
        self.busy: dict[str, str] = {}
        """Agents who talk with a call that they do not have here, and the call."""
        self._actor = actor
        # as of the beginning; asking the engine each time would cost much
        self._settings = engine.settings

    def call(self, name: str) -> CallView | None:
        """Return a call, None if it is not known."""
        try:
            return self.engine.call(name)
        except UnknownName:
            return None

    def agent(self, name: str) -> AgentView | None:
        """Return an agent, None if nobody of that name has ever signed in."""
        try:
            return self.engine.agent(name)
        except UnknownName:
            return None

    def own_call(self, name: str) -> CallView | None:
        """Return a live call of the client's, None if there is none of that name."""
        view = self.call(name) if self.sessions.calls.owner(name) == self.client_id else None
        return view if view is not None and is_live(view) else None

    def owns_agent(self, name: str) -> bool:
        """Whether the agent is signed in, and was by the client."""
        return self.sessions.agents.owner(name) == self.client_id

    def takes_whole(self, channel: str) -> bool:
        """Whether a call on the channel leaves the agent no room for others."""
        settings = self._settings.channels.get(channel)
        return settings is None or settings.exclusive

    def bound_us(self, view: CallView) -> int:
        """Return how long the call may be overtaken, 0 if there is no bound."""
        queue = self._settings.queues.get(view.queue)
        if queue is None:
            return 0
        bounds = queue.max_overtake_wait_us
        return {Urgency.NORMAL: bounds.normal, Urgency.IMPORTANT: bounds.important, Urgency.URGENT: bounds.urgent}[
            view.urgency
        ] or 0

    def do(self, command: Command, path: str = "") -> Generator[Submission, Answer, Answer]:
        """Carry out a command in the client's name."""
        return (yield Submission(command, path=path, client_id=self.client_id, actor=self._actor))

    def note(self, difference: Difference) -> None:
        """Note a difference that is what it is."""
        self.differences.append(difference)

    def repair(self, difference: Difference, *commands: Command, path: str = "") -> Steps:
        """Carry out what repairs a difference, unless it is a dry run, and note it. A problem that it has stays one."""
        if not self.report.dry_run:
            for command in commands:
                answer = yield from self.do(command, path)
                if answer.refusal is not None:
                    difference = msgspec.structs.replace(difference, problem=answer.refusal.message)
                    break
            else:
                difference = msgspec.structs.replace(difference, repaired=not difference.problem)
        self.note(difference)

    def owner_in_words(self, owner: str) -> str:
        """Say who brought what is not the client's."""
        return f"brought by {owner}" if owner else "brought without a client id"


def is_live(view: CallView) -> bool:
    """Whether a call is not over."""
    return view.state <= CallState.ASSIGNED


def call_in_words(view: CallView) -> str:
    """Say where a call is."""
    if view.state is CallState.OFFERED:
        return f"offered to {view.agent} as offer {view.offer}"
    if view.state is CallState.ASSIGNED:
        return f"with {view.agent}"
    return view.state.name.lower()


def availability_in_words(availability: Availability, reason: str) -> str:
    """Say what an agent is doing."""
    words = availability.name.lower().replace("_", " ")
    return f"{words} ({reason})" if reason else words
