"""Hands each event to what follows it, and follows administration and refusals itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from router.engine import commands, events
from router.engine.settings import Settings
from router.engine.vocabulary import CallState, EngagementState, RejectReason
from router.fairness.agent_events import AgentEvents
from router.fairness.call_events import CallEvents
from router.fairness.model import Agent, Call
from router.fairness.offer_events import OfferEvents
from router.fairness.report import Findings, Point


class Follower(AgentEvents, OfferEvents, CallEvents):
    """The picture, kept up to date by `follow`."""

    def __init__(self, settings: Settings, findings: Findings, on_taken: Callable[[Agent, Call, bool], None]) -> None:
        super().__init__(settings, findings, on_taken)
        self._handlers: dict[type, Callable[[Any], None]] = {
            events.CommandRejected: self._rejected,
            events.AgentSignedIn: self._signed_in,
            events.AgentSignedOut: self._signed_out,
            events.AgentAvailabilityChanged: self._availability_changed,
            events.AgentUpdated: self._agent_updated,
            events.CallEnqueued: self._enqueued,
            events.CallUpdated: self._call_updated,
            events.CallAbandoned: self._abandoned,
            events.CallRequeued: self._requeued,
            events.CallTransferred: self._transferred,
            events.CallOverflowed: self._overflowed,
            events.CallRefused: self._refused,
            events.CallStepReached: self._step_reached,
            events.CallHoldEnded: self._hold_ended,
            events.CallOverdue: self._overdue,
            events.OfferMade: self._offer_made,
            events.OfferAccepted: self._offer_accepted,
            events.OfferRejected: self._offer_rejected,
            events.OfferExpired: self._offer_expired,
            events.OfferWithdrawn: self._offer_withdrawn,
            events.CallAssigned: self._assigned,
            events.CallCompleted: self._completed,
            events.WrapUpStarted: self._wrap_up_started,
            events.WrapUpEnded: self._wrap_up_ended,
            events.OutcomeRecorded: self._outcome_recorded,
            events.QueuePaused: self._paused,
            events.QueueResumed: self._resumed,
            events.CallMoved: self._moved,
            events.Configured: self._configured,
            events.CallDetached: self._detached,
            events.CallAttached: self._attached,
            events.Restarted: self._restarted,
        }

    def follow(self, event: events.Event) -> None:
        """Take one event into the picture."""
        if not isinstance(event, events.WrapUpStarted):
            self.ended = None
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(event)

    def _outcome_recorded(self, event: events.OutcomeRecorded) -> None:
        self.learned.add((event.agent, event.queue))

    def _paused(self, event: events.QueuePaused) -> None:
        self.paused.add(event.queue)

    def _resumed(self, event: events.QueueResumed) -> None:
        self.paused.discard(event.queue)
        for call in self.calls.values():
            if call.queue == event.queue and call.state == CallState.WAITING:
                self.touched_calls[call.name] = call

    def _configured(self, event: events.Configured) -> None:
        if not isinstance(self.command, commands.Configure):
            self.findings.add(Point.RULES, "settings changed without a Configure")
            return
        for agent in self.agents.values():
            self.before_change(agent, event.time_us)
        self.settings = self.command.settings
        self.paused &= set(self.settings.queues)
        self.learned = {(agent, queue) for agent, queue in self.learned if queue in self.settings.queues}
        for agent in self.agents.values():
            agent.capacity = {name: most for name, most in agent.capacity.items() if name in self.settings.channels}
            self.agent_changed(agent)
        for call in list(self.calls.values()):
            if call.state == CallState.WAITING and call.queue in self.settings.queues:
                self.assess(call, event.time_us)

    def _rejected(self, event: events.CommandRejected) -> None:
        """A refusal tells what the engine believes of a call or an offer: it must be so."""
        call = self.calls.get(event.subject)
        if event.reason in (RejectReason.UNKNOWN_OFFER, RejectReason.OFFER_ENDED):
            offer = int(event.subject) if event.subject.isdigit() else 0
            engagement = self.engagements.get(offer)
            if engagement is not None and engagement.state == EngagementState.OFFERED:
                self.lost(f"offer {offer} is pending, but was refused as ended or unknown", engagement.call)
        elif call is not None and call.state in CONTRADICTED_BY.get(event.reason, ()):
            state = call.state.name.lower()
            self.lost(f"call {call.name} is {state}, but a command was refused with {event.reason.name}", call.name)
        elif call is not None and call.detached == DETACHED_CONTRADICTED_BY.get(event.reason):
            state = "detached" if call.detached else "not detached"
            self.lost(f"call {call.name} is {state}, but a command was refused with {event.reason.name}", call.name)


_ANY_LIVE = frozenset({CallState.WAITING, CallState.OFFERED, CallState.ASSIGNED})
CONTRADICTED_BY = {
    RejectReason.UNKNOWN_CALL: _ANY_LIVE,
    RejectReason.CALL_FINISHED: _ANY_LIVE,
    RejectReason.CALL_WAITING: _ANY_LIVE - {CallState.WAITING},
    RejectReason.CALL_ASSIGNED: _ANY_LIVE - {CallState.ASSIGNED},
    RejectReason.CALL_NOT_ASSIGNED: frozenset({CallState.ASSIGNED}),
}
DETACHED_CONTRADICTED_BY = {RejectReason.CALL_DETACHED: False, RejectReason.CALL_NOT_DETACHED: True}
