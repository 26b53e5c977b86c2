"""The agents of a reconciliation: signed in or out and made ready or not, as the client has them.

Keeps one invariant: an agent who talks with a call that could not be assigned is not made ready.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from router.engine.commands import Command, SetAvailability, SignOut
from router.engine.vocabulary import Availability
from router.server.sessions.reconcile.ground import LOST_REASON, Ground, Steps, availability_in_words
from router.wire.sessions import Difference, DifferenceKind, LiveAgent

UNKNOWN_CALL_REASON: Final = "unknown_call"
"""Why an agent is not ready who talks with a call that the router could not assign."""

_NOT_YOURS = "left alone: an agent has one owner; who signed the agent in must sign the agent out first"
_TAKES_CALLS = (Availability.READY, Availability.CLOSING)


class Stand(NamedTuple):
    """Whether an agent takes calls, and why not."""

    availability: Availability
    reason: str


class AgentCase(NamedTuple):
    """An agent whom the client has and how the agent stood before anything was done."""

    live: LiveAgent
    before: Stand


class AgentRepair:
    """Compare all agents first, then repair them, one at a time."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self.cases: list[AgentCase] = []

    def compare(self, live: LiveAgent) -> None:
        """Take down how an agent stands whom the client has."""
        ground, agent = self._ground, live.sign_in.agent
        stand = self._stand(agent)
        if stand.availability is Availability.SIGNED_OUT or ground.owns_agent(agent):
            self.cases.append(AgentCase(live, stand))
        else:
            found = ground.owner_in_words(ground.sessions.agents.owner(agent))
            kind = DifferenceKind.OTHER_OWNER
            ground.note(Difference(kind=kind, agent=agent, found=found, problem=_NOT_YOURS))

    def quieten(self, agent: str) -> Steps:
        """Make an agent not ready who takes calls; sign one in who is signed out. `repair` has the last word."""
        availability = self._stand(agent).availability
        if availability is Availability.SIGNED_OUT:
            live = self._ground.report.agents.get(agent)
            if live is not None:
                yield from self._ground.do(msgspec.structs.replace(live.sign_in, ready=False))
        elif availability in _TAKES_CALLS and self._ground.owns_agent(agent):
            yield from self._ground.do(SetAvailability(agent, ready=False, reason=LOST_REASON))

    def end(self, agent: str) -> Steps:
        """Sign out an agent whom the client no longer has."""
        if self._ground.owns_agent(agent):
            found = availability_in_words(*self._stand(agent))
            difference = Difference(kind=DifferenceKind.AGENT_GONE, agent=agent, found=found)
            yield from self._ground.repair(difference, SignOut(agent))

    def repair(self, case: AgentCase) -> Steps:
        """Make an agent as the client says. What was only done in between is undone without a word."""
        ground, (live, before), agent = self._ground, case, case.live.sign_in.agent
        call = ground.busy.get(agent, "") if live.sign_in.ready else ""
        if before.availability is Availability.SIGNED_OUT:
            kind = DifferenceKind.AGENT_UNKNOWN
        elif call or not _agrees(live, before):
            kind = DifferenceKind.AVAILABILITY
        else:
            ground.agreed += 1
            kind = None
        commands = _commands(live, self._stand(agent), before, call)
        if kind is None:
            if not ground.report.dry_run:
                for command in commands:
                    yield from ground.do(command)
            return
        problem = f"not made ready: the agent talks with call {call}, which could not be assigned" if call else ""
        found = availability_in_words(*before)
        difference = Difference(kind=kind, agent=agent, call=call, found=found, problem=problem)
        yield from ground.repair(difference, *commands, path="sign_in")

    def _stand(self, agent: str) -> Stand:
        view = self._ground.agent(agent)
        return Stand(Availability.SIGNED_OUT, "") if view is None else Stand(view.availability, view.reason)


def _commands(live: LiveAgent, stand: Stand, before: Stand, call: str) -> Sequence[Command]:
    """Return what makes an agent as the client says; not ready because of a call, if there is one."""
    agent, ready = live.sign_in.agent, live.sign_in.ready and not call
    commands: list[Command] = []
    if stand.availability is Availability.SIGNED_OUT:
        commands.append(msgspec.structs.replace(live.sign_in, ready=ready))
        stand = Stand(Availability.READY if ready else Availability.NOT_READY, "")
    if ready:
        if stand.availability is not Availability.READY:
            commands.append(SetAvailability(agent, ready=True))
        return commands
    reason = UNKNOWN_CALL_REASON if call else live.reason or _kept_reason(before)
    if stand.availability is Availability.READY or stand.reason != reason:
        after_call = stand.availability is Availability.CLOSING
        commands.append(SetAvailability(agent, ready=False, reason=reason, after_call=after_call))
    return commands


def _kept_reason(stand: Stand) -> str:
    if stand.availability in (Availability.NOT_READY, Availability.CLOSING) and stand.reason != LOST_REASON:
        return stand.reason
    return ""


def _agrees(live: LiveAgent, stand: Stand) -> bool:
    if live.sign_in.ready:
        return stand.availability is Availability.READY
    if stand.availability not in (Availability.NOT_READY, Availability.CLOSING):
        return False
    return stand.reason == live.reason if live.reason else stand.reason != LOST_REASON
