"""Callers and agents of a planned day: what happens outside the engine, as commands to come.

Invariant: a centre reads no clock and no engine. It is told events and says which command comes next and when, so
the same centre drives an engine in virtual time and a server over the wire. Within one instant agents leave, then
calls end, agents come, offers are answered, callers give up, and last calls arrive.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import IntEnum
from typing import Any, Final

import msgspec

from router.engine.commands import (
    Accept,
    Cancel,
    Command,
    Complete,
    EndWrapUp,
    Enqueue,
    Reject,
    SetAvailability,
    SignIn,
    SignOut,
)
from router.engine.events import (
    AgentAvailabilityChanged,
    AgentSignedIn,
    AgentSignedOut,
    CallAbandoned,
    CallAssigned,
    CallCompleted,
    CallEnqueued,
    CallRefused,
    Event,
    OfferExpired,
    OfferMade,
    OfferRejected,
    OfferWithdrawn,
    WrapUpEnded,
    WrapUpStarted,
)
from router.engine.vocabulary import Availability
from router.simulation.recorded.behaviour import AgentBehaviour, Answer
from router.simulation.recorded.day_plan import DayPlan, PlannedAgent, PlannedCall

NO_ANSWER: Final = "no_answer"
SKILL_LEVEL: Final = 10  # logs know no levels: everybody is as good as it gets


class Rank(IntEnum):
    """Order of what happens at the same instant."""

    LEAVE = 0
    END = 1
    COME = 2
    ANSWER = 3
    GIVE_UP = 4
    ARRIVE = 5


class Due(msgspec.Struct, frozen=True, order=True):
    """Something to do: when, its rank, its number (first planned, first done), and of whom."""

    time_us: int
    rank: Rank
    number: int
    subject: str
    offer: int = 0


def queue_name(kind: str) -> str:
    """Return the queue, and the skill, of a type of calls."""
    return f"type-{kind}"


class Centre:
    """Says what callers and agents do next, given what the engine answered so far."""

    def __init__(
        self, plan: DayPlan, behaviour: AgentBehaviour | None = None, *, manual_wrap_up: Collection[str] = ()
    ) -> None:
        """Plan the day. In queues of `manual_wrap_up` agents end wrap-up at once, as the log's release includes it."""
        self._behaviour = behaviour or AgentBehaviour(seed=plan.seed)
        self._manual_wrap_up = frozenset(manual_wrap_up)
        self._calls: Mapping[str, PlannedCall] = {call.call: call for call in plan.calls}
        self._agents: Mapping[str, PlannedAgent] = {agent.agent: agent for agent in plan.agents}
        self._number = 0
        self._due: list[Due] = []
        self._unanswered: set[str] = set()
        self._in_talk: set[str] = set()
        self._in_wrap_up: dict[str, str] = {}
        self._completed_in = ""
        self._pending: dict[int, Answer] = {}
        self._attempts: dict[tuple[str, str], int] = {}
        self._signed_in: set[str] = set()
        self._away: set[str] = set()
        for agent in plan.agents:
            self._plan(agent.from_us, Rank.COME, agent.agent)
            self._plan(agent.until_us, Rank.LEAVE, agent.agent)
        for call in plan.calls:
            self._plan(call.arrives_us, Rank.ARRIVE, call.call)

    def _plan(self, time_us: int, rank: Rank, subject: str, offer: int = 0) -> None:
        self._number += 1
        heapq.heappush(self._due, Due(time_us, rank, self._number, subject, offer))

    def next_time_us(self) -> int | None:
        """Return when the next command is due, None if nothing is left to do. O(log n) amortised."""
        while self._due and self._command(self._due[0]) is None:
            heapq.heappop(self._due)
        return self._due[0].time_us if self._due else None

    def take(self) -> Command | None:
        """Return the next command and consider it given, None if nothing is left to do."""
        if self.next_time_us() is None:
            return None
        due = heapq.heappop(self._due)
        command = self._command(due)
        if due.rank is Rank.ANSWER:
            self._pending.pop(due.offer, None)
        return command

    def _command(self, due: Due) -> Command | None:
        """Return what a due item amounts to now, None if it is pointless by now."""
        match due.rank:
            case Rank.ARRIVE:
                return Enqueue(call=due.subject, queue=queue_name(self._calls[due.subject].type))
            case Rank.GIVE_UP:
                return Cancel(due.subject) if due.subject in self._unanswered else None
            case Rank.ANSWER:
                return self._answer_command(due.offer)
            case Rank.END:
                return self._end_command(due)
            case Rank.COME:
                return self._come_command(due)
            case Rank.LEAVE:
                return SignOut(due.subject) if due.subject in self._signed_in else None

    def _answer_command(self, offer: int) -> Command | None:
        answer = self._pending.get(offer)
        if answer is None:
            return None
        return Accept(offer) if answer is Answer.ACCEPT else Reject(offer)

    def _end_command(self, due: Due) -> Command | None:
        if due.subject in self._in_talk:
            return Complete(due.subject)
        agent = self._in_wrap_up.get(due.subject)
        return EndWrapUp(agent, due.subject) if agent is not None else None

    def _come_command(self, due: Due) -> Command | None:
        agent = self._agents[due.subject]
        if due.time_us >= agent.until_us:
            return None
        if agent.agent not in self._signed_in:
            return SignIn(agent.agent, skills={queue_name(kind): SKILL_LEVEL for kind in agent.types})
        return SetAvailability(agent.agent, ready=True) if agent.agent in self._away else None

    def observe(self, events: Sequence[Event]) -> None:
        """Learn what the engine answered: plan replies, ends of calls, patience and returns. O(events · log n)."""
        for event in events:
            handler = _HANDLERS.get(type(event))
            if handler is not None:
                handler(self, event)

    def _on_enqueued(self, event: CallEnqueued) -> None:
        self._unanswered.add(event.call)
        patience_us = self._calls[event.call].patience_us
        if patience_us is not None:
            self._plan(event.time_us + patience_us, Rank.GIVE_UP, event.call)

    def _on_offered(self, event: OfferMade) -> None:
        pair = (event.call, event.agent)
        attempt = self._attempts[pair] = self._attempts.get(pair, 0) + 1
        answer = self._behaviour.answer(event.call, event.agent, attempt)
        if answer is Answer.IGNORE:
            return
        behaviour = self._behaviour
        after_us = behaviour.ring_us if answer is Answer.ACCEPT else behaviour.reject_after_us
        self._pending[event.offer] = answer
        self._plan(event.time_us + after_us, Rank.ANSWER, event.call, event.offer)

    def _on_offer_over(self, event: OfferExpired | OfferRejected | OfferWithdrawn) -> None:
        self._pending.pop(event.offer, None)

    def _on_assigned(self, event: CallAssigned) -> None:
        self._unanswered.discard(event.call)
        self._in_talk.add(event.call)
        self._plan(event.time_us + self._calls[event.call].handle_us, Rank.END, event.call)

    def _on_gone(self, event: CallAbandoned | CallRefused) -> None:
        self._unanswered.discard(event.call)

    def _on_completed(self, event: CallCompleted) -> None:
        self._in_talk.discard(event.call)
        self._completed_in = event.queue

    def _on_wrap_up(self, event: WrapUpStarted) -> None:
        # it follows its CallCompleted, which has named the queue
        if self._completed_in in self._manual_wrap_up:
            self._in_wrap_up[event.call] = event.agent
            self._plan(event.time_us, Rank.END, event.call)

    def _on_wrap_up_over(self, event: WrapUpEnded) -> None:
        self._in_wrap_up.pop(event.call, None)

    def _on_signed_in(self, event: AgentSignedIn) -> None:
        self._signed_in.add(event.agent)
        self._away.discard(event.agent)

    def _on_signed_out(self, event: AgentSignedOut) -> None:
        self._signed_in.discard(event.agent)
        self._away.discard(event.agent)
        if event.no_answer:
            self._plan(event.time_us + self._behaviour.return_after_us, Rank.COME, event.agent)

    def _on_availability(self, event: AgentAvailabilityChanged) -> None:
        if event.availability is Availability.NOT_READY and event.reason == NO_ANSWER:
            self._away.add(event.agent)
            self._plan(event.time_us + self._behaviour.return_after_us, Rank.COME, event.agent)
        elif event.availability is Availability.READY:
            self._away.discard(event.agent)


_HANDLERS: Final[Mapping[type, Callable[[Centre, Any], None]]] = {
    CallEnqueued: Centre._on_enqueued,
    CallAbandoned: Centre._on_gone,
    CallRefused: Centre._on_gone,
    CallAssigned: Centre._on_assigned,
    CallCompleted: Centre._on_completed,
    OfferMade: Centre._on_offered,
    OfferExpired: Centre._on_offer_over,
    OfferRejected: Centre._on_offer_over,
    OfferWithdrawn: Centre._on_offer_over,
    WrapUpStarted: Centre._on_wrap_up,
    WrapUpEnded: Centre._on_wrap_up_over,
    AgentSignedIn: Centre._on_signed_in,
    AgentSignedOut: Centre._on_signed_out,
    AgentAvailabilityChanged: Centre._on_availability,
}
