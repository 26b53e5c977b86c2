"""The calls of a reconciliation: ended, returned to their places, assigned, attached, or brought anew.

Keeps one invariant: a call that is found elsewhere is offered to nobody until it is where the client has it.
"""

from __future__ import annotations

import heapq
from collections.abc import Generator, Iterator, Sequence
from typing import NamedTuple

import msgspec

from router.engine.commands import Accept, Assign, Attach, Cancel, Command, Complete, Detach, EndWrapUp, Requeue
from router.engine.views import CallView
from router.engine.vocabulary import CallState, EngagementState, Tier
from router.server.sessions.reconcile.agents import AgentRepair
from router.server.sessions.reconcile.ground import RECONCILE_REASON, Ground, Steps, call_in_words, is_live
from router.server.writing.requests import Answer, Submission
from router.wire.sessions import Difference, DifferenceKind, LiveCall

_STOP_RINGING = "the offer is over: stop ringing"
_FINISHED = "it is over here: end it, or enqueue it under another id"
_NO_ENQUEUE = "there is no `enqueue` to bring it back with"
_NOT_YOURS = "left alone: a call has one owner; enqueue yours under another id"
_QUEUE_FULL = "it was enqueued, and refused since its queue is full"
_MEANWHILE = "it has ended meanwhile"
_KEPT = "nobody is offered the call until you cancel it or reconcile again"

Rank = tuple[int, ...]
Problem = Generator[Submission, Answer, str]
"""Steps that return what is wrong, nothing if all went well."""


class Case(NamedTuple):
    """A call that is to be brought where the client has it."""

    live: LiveCall
    difference: Difference


class CallRepair:
    """Compare all calls first, then repair them, one at a time."""

    def __init__(self, ground: Ground, agents: AgentRepair) -> None:
        self._ground = ground
        self._agents = agents
        self._returning: list[tuple[Rank, str]] = []
        self._new: list[tuple[Rank, Case]] = []
        self.cases: list[Case] = []
        """Calls that wait for the client, and not here."""
        self.talks: list[Case] = []
        """Calls that talk with an agent for the client, and not here."""

    def returning(self) -> Iterator[str]:
        """Yield by rank the calls that are to be attached."""
        while self._returning:
            yield heapq.heappop(self._returning)[1]

    def new(self) -> Iterator[Case]:
        """Yield by rank the calls that are to be enqueued."""
        while self._new:
            yield heapq.heappop(self._new)[1]

    # --- comparing, which changes nothing

    def compare(self, live: LiveCall) -> None:
        """Compare a call that the client has."""
        ground = self._ground
        view = ground.call(live.call)
        if view is None:
            self._compare_unknown(live)
        elif not is_live(view):
            ground.note(_difference(DifferenceKind.CALL_FINISHED, view, problem=_FINISHED))
            self._let_talk(live, view)
        elif ground.own_call(live.call) is None:
            found = ground.owner_in_words(ground.sessions.calls.owner(live.call))
            kind = DifferenceKind.OTHER_OWNER
            ground.note(Difference(kind=kind, call=live.call, found=found, problem=_NOT_YOURS))
            if view.state is not CallState.ASSIGNED or view.agent != live.talking:
                self._let_talk(live, view)
        else:
            self._compare_live(live, view)

    def _compare_unknown(self, live: LiveCall) -> None:
        ground = self._ground
        difference = Difference(kind=DifferenceKind.CALL_UNKNOWN, call=live.call, found="unknown")
        if live.ringing is not None:
            ground.note(_over(live, "unknown"))
        if live.enqueue is None:
            ground.note(msgspec.structs.replace(difference, problem=_NO_ENQUEUE))
            self._let_talk(live, None)
        elif live.talking is not None:
            self.talks.append(Case(live, msgspec.structs.replace(difference, agent=live.talking)))
        else:
            wanted = live.enqueue
            rank = (-wanted.urgency, -wanted.priority, -wanted.credited_wait_us, len(self._new))
            heapq.heappush(self._new, (rank, Case(live, difference)))

    def _compare_live(self, live: LiveCall, view: CallView) -> None:
        if _agrees(live, view):
            self._ground.agreed += 1
            if view.detached:
                self._let_return(view)
            return
        if live.ringing is not None:
            self._ground.note(_over(live, call_in_words(view)))
        if live.talking is not None:
            self.talks.append(Case(live, _difference(DifferenceKind.TALKING, view, agent=live.talking)))
            return
        self._let_return(view)
        if view.state is CallState.OFFERED:
            self.cases.append(Case(live, _difference(DifferenceKind.OFFER_NOT_RINGING, view)))
        elif view.state is CallState.ASSIGNED:
            self.cases.append(Case(live, _difference(DifferenceKind.NOT_TALKING, view)))

    def _let_talk(self, live: LiveCall, view: CallView | None) -> None:
        """Keep an agent free who talks with a call that is not assigned here."""
        if live.talking is not None and (view is None or self._ground.takes_whole(view.channel)):
            self._ground.busy[live.talking] = live.call

    def _let_return(self, view: CallView) -> None:
        heapq.heappush(self._returning, (self._rank(view), view.call))

    def _rank(self, view: CallView) -> Rank:
        """Return the call's rank among those that wait, as DESIGN.md has it."""
        arrival_us = view.effective_arrival_us
        if view.tier in (Tier.URGENT_OVERDUE, Tier.OVERDUE):
            return (view.tier, arrival_us + self._ground.bound_us(view), arrival_us, view.order)
        return (view.tier, -view.priority, arrival_us, view.order)

    # --- repairing

    def clear_way(self, case: Case) -> Steps:
        """See that an agent who is to be assigned a call takes no other one meanwhile."""
        agent = case.live.talking
        view = self._ground.own_call(case.live.call)
        if agent is not None and (view is None or not _rings_at(view, agent)):
            yield from self._agents.quieten(agent)

    def end(self, call: str) -> Steps:
        """End a call that the client no longer has."""
        view = self._ground.own_call(call)
        if view is not None:
            command = Complete(call) if view.state is CallState.ASSIGNED else Cancel(call, RECONCILE_REASON)
            yield from self._ground.repair(_difference(DifferenceKind.CALL_ENDED, view), command)

    def take_back(self, case: Case) -> Steps:
        """Let a call wait in its place that an agent has or is offered."""
        view = self._ground.own_call(case.live.call)
        if view is None:
            self._ground.note(msgspec.structs.replace(case.difference, problem=_MEANWHILE))
        else:
            yield from self._ground.repair(case.difference, *_taking_back(view))

    def free(self, case: Case) -> Steps:
        """Take a call that is to be assigned from whoever else has it or is offered it."""
        view, agent = self._ground.own_call(case.live.call), case.live.talking
        if view is not None and agent is not None and view.agent != agent:
            for command in _taking_back(view):
                yield from self._ground.do(command)

    def assign(self, case: Case) -> Steps:
        """Give a call to the agent who talks with it; bring it first if it is not known."""
        ground, live = self._ground, case.live
        assert live.talking is not None
        problem = ""
        if case.difference.kind is DifferenceKind.CALL_UNKNOWN:
            problem = yield from self._bring(live)
        if not problem:
            problem = yield from self._give(live.call, live.talking)
        view = ground.own_call(live.call)
        if problem:
            self._let_talk(live, view)
            if view is not None:
                problem = f"{problem}; {_KEPT}"
                if not view.detached:
                    yield from ground.do(Detach(live.call))
        elif view is not None and view.detached:
            yield from ground.do(Attach(live.call))
        ground.note(msgspec.structs.replace(case.difference, repaired=not problem, problem=problem))

    def attach(self, call: str) -> Steps:
        """Let a call be offered again."""
        view = self._ground.own_call(call)
        if view is not None and view.detached:
            yield from self._ground.do(Attach(call))

    def enqueue(self, case: Case) -> Steps:
        """Bring a call that the router does not know."""
        problem = yield from self._bring(case.live)
        self._ground.note(msgspec.structs.replace(case.difference, repaired=not problem, problem=problem))

    def _bring(self, live: LiveCall) -> Problem:
        assert live.enqueue is not None
        answer = yield from self._ground.do(live.enqueue, "enqueue")
        if answer.refusal is not None:
            return answer.refusal.message
        assert answer.result is not None
        return _QUEUE_FULL if answer.result.call_state is CallState.REFUSED else ""

    def _give(self, call: str, agent: str) -> Problem:
        """Give an agent a call that may be with somebody else."""
        view = self._ground.own_call(call)
        if view is None:
            return _MEANWHILE
        if view.agent == agent and view.state is CallState.ASSIGNED:
            return ""
        if view.state is CallState.ASSIGNED:
            for command in _taking_back(view):
                yield from self._ground.do(command)
        command = Accept(view.offer) if view.offer and _rings_at(view, agent) else Assign(call, agent)
        while True:
            answer = yield from self._ground.do(command)
            if answer.refusal is None:
                return ""
            if answer.refusal.reason != "NO_CAPACITY" or not (yield from self._make_room(agent)):
                return answer.refusal.message

    def _make_room(self, agent: str) -> Generator[Submission, Answer, bool]:
        """Take back the offers to an agent who talks already, or end a wrap-up. Return whether something was done."""
        view = self._ground.agent(agent)
        states = {engagement.state for engagement in view.engagements} if view is not None else set()
        if EngagementState.OFFERED in states and self._ground.owns_agent(agent):
            yield from self._agents.quieten(agent)
            return True
        if EngagementState.WRAP_UP in states:
            answer = yield from self._ground.do(EndWrapUp(agent))
            return answer.refusal is None
        return False


def _agrees(live: LiveCall, view: CallView) -> bool:
    if live.ringing is not None:
        return view.state is CallState.OFFERED and view.offer == live.ringing
    if live.talking is not None:
        return view.state is CallState.ASSIGNED and view.agent == live.talking
    return view.state is CallState.WAITING


def _rings_at(view: CallView, agent: str) -> bool:
    return view.state is CallState.OFFERED and view.agent == agent


def _taking_back(view: CallView) -> Sequence[Command]:
    """Return what makes a live call wait in its place, offered to nobody."""
    commands: list[Command] = [] if view.detached else [Detach(view.call)]
    if view.state is CallState.ASSIGNED:
        commands.append(Requeue(view.call, keep_place=True, reason=RECONCILE_REASON))
    return commands


def _difference(kind: DifferenceKind, view: CallView, *, agent: str = "", problem: str = "") -> Difference:
    return Difference(
        kind=kind,
        call=view.call,
        agent=agent or view.agent or "",
        offer=view.offer or 0,
        found=call_in_words(view),
        problem=problem,
    )


def _over(live: LiveCall, found: str) -> Difference:
    return Difference(
        kind=DifferenceKind.OFFER_ENDED, call=live.call, offer=live.ringing or 0, found=found, problem=_STOP_RINGING
    )
