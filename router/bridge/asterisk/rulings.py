"""Rulings: what the router has decided about calls, as its watch tells it.

Keeps one invariant: what is told comes in order, so the last thing told about a call is what is so, unless the bridge
has said something else since.
"""

from __future__ import annotations

from typing import Final

from router.bridge.asterisk.actions import Level, Reconcile
from router.bridge.asterisk.agent_book import AgentBook
from router.bridge.asterisk.arriving import Arriving
from router.bridge.asterisk.calls import Call, CallPhase, Leg
from router.bridge.asterisk.connecting import Connecting
from router.bridge.asterisk.desk import Desk
from router.bridge.asterisk.leaving import Leaving
from router.bridge.asterisk.legs import Legs
from router.bridge.asterisk.returns import Returns
from router.client import Difference, DifferenceKind, Reconciled
from router.engine import events
from router.engine.vocabulary import AssignmentCause

HEEDED: Final = (
    events.OfferMade,
    events.OfferWithdrawn,
    events.OfferExpired,
    events.OfferRejected,
    events.CallAssigned,
    events.CallRequeued,
    events.CallTransferred,
    events.CallOverflowed,
    events.CallMoved,
    events.CallRefused,
    events.CallAbandoned,
    events.CallCompleted,
)
"""The kinds of events that say something about a call which the bridge has not said itself."""


class Rulings:
    """What the router tells about calls."""

    def __init__(
        self,
        desk: Desk,
        book: AgentBook,
        arriving: Arriving,
        leaving: Leaving,
        returns: Returns,
        connecting: Connecting,
        legs: Legs,
    ) -> None:
        self._desk = desk
        self._book = book
        self._arriving = arriving
        self._leaving = leaving
        self._returns = returns
        self._connecting = connecting
        self._legs = legs

    def heard(self, event: events.Event) -> None:
        """Do what the router has decided about one of our calls."""
        call = self._desk.calls.get(getattr(event, "call", ""))
        if call is None or call.phase in (CallPhase.ARRIVING, CallPhase.LEAVING, CallPhase.HANDED_OVER):
            return
        call.brought = True
        match event:
            case events.OfferMade():
                self._offered(call, event)
            case events.OfferWithdrawn() | events.OfferExpired() | events.OfferRejected():
                self._offer_over(call, event)
            case events.CallAssigned():
                self._assigned(call, event)
            case events.CallRequeued(queue=queue) | events.CallTransferred(queue=queue):
                self._moved(call, queue)
                if call.leg is not None and call.leg.agreed:
                    self._returns.take_back(call, call.leg, "the router has taken the call back")
            case events.CallOverflowed(queue=queue) | events.CallMoved(queue=queue):
                self._moved(call, queue)
            case events.CallRefused(cause=cause):
                self._desk.note("info", f"refused: {cause.name.lower()}", call=call.id)
                self._leaving.leave(call, self._desk.settings.refused, "refused")
            case events.CallAbandoned():
                self._leaving.leave(call, self._desk.settings.fallback, "ended_by_router")
            case events.CallCompleted():
                self._leaving.leave(call, self._desk.settings.after_agent, "ended_by_router")

    def _moved(self, call: Call, queue: str) -> None:
        if queue != call.queue:
            self._desk.note("info", f"waits in {queue} now, no longer in {call.queue}", call=call.id)
            call.queue = queue

    def _offered(self, call: Call, event: events.OfferMade) -> None:
        leg = call.leg
        if leg is not None and (leg.offer, leg.agent) == (event.offer, event.agent):
            return
        if leg is not None and leg.agreed:
            # from before the comparison that told the router of the talk
            self._desk.unexpected("OfferMade", call.channel)
            return
        if leg is not None:
            self._returns.take_back(call, leg, "another agent is rung")
        self._legs.ring(call, event.agent, event.offer, event.expires_us - event.time_us, direct=False)

    def _offer_over(
        self, call: Call, event: events.OfferWithdrawn | events.OfferExpired | events.OfferRejected
    ) -> None:
        leg = call.leg
        if leg is not None and leg.offer == event.offer and not leg.agreed:
            self._returns.take_back(call, leg, type(event).__name__)

    def _assigned(self, call: Call, event: events.CallAssigned) -> None:
        leg = call.leg
        if leg is not None and leg.agent == event.agent and (leg.agreed or leg.offer == event.offer):
            leg.offer = event.offer
            self._connecting.agreed(call, leg)
            return
        if event.offer in call.returned or self._legs.awaits_accept(event.offer):
            return  # the agent who had answered is gone again, and the router knows, or will be told
        if leg is None and event.cause is AssignmentCause.ACCEPTED:
            self._returns.give_back(call, event.offer, "agent hung up")
            return
        if leg is not None:
            self._returns.take_back(call, leg, "the router has given the call to another agent")
        self._legs.ring(call, event.agent, event.offer, self._desk.settings.assigned_ring_us, direct=True)

    # --- comparisons

    def reconciled(self, asked: Reconcile, answer: Reconciled, unanswered: bool) -> None:
        """Do what the differences leave to us. Those of an earlier comparison are not known if it is `unanswered`."""
        listed = {call.call for call in asked.calls}
        finished = {one.call for one in answer.differences if one.kind is DifferenceKind.CALL_FINISHED}
        for known in self._desk.calls.values():
            known.detached = False
            if unanswered:
                self._count_anew(known)
            if known.id in listed and known.id not in finished:
                known.brought = True
        self._book.agreed(answer.sequence, asked.agents, answer.differences)
        for difference in answer.differences:
            self._desk.count("differences", difference.kind.name.lower())
            level: Level = "info" if difference.repaired else "warning"
            self._desk.note(
                "debug" if difference.kind is DifferenceKind.AVAILABILITY and difference.repaired else level,
                f"{difference.kind.name}: the router had {difference.agent} {difference.found}; {difference.problem}",
                call=difference.call,
            )
            call = self._desk.calls.get(difference.call)
            if call is not None and difference.kind is DifferenceKind.CALL_UNKNOWN:
                self._count_anew(call)
            over = call is None or call.phase in (CallPhase.LEAVING, CallPhase.HANDED_OVER)
            if call is not None and not over and not difference.repaired:
                self._unrepaired(call, difference)

    def _count_anew(self, call: Call) -> None:
        """The router may have lost its memory, and counts offers anew then."""
        call.returned.clear()
        if call.leg is not None and call.leg.agreed:
            call.leg.offer = 0

    def _unrepaired(self, call: Call, difference: Difference) -> None:
        talks: Leg | None = call.leg if call.phase in (CallPhase.CONNECTING, CallPhase.TALKING) else None
        match difference.kind:
            case DifferenceKind.TALKING | DifferenceKind.CALL_UNKNOWN if difference.agent:
                # it is there, and offered to nobody until it is compared again
                call.detached = True
                if talks is None:
                    self._returns.let_wait(call, "the router cannot give the call to this agent")
            case DifferenceKind.CALL_FINISHED if not call.brought and talks is None:
                self._arriving.bring_again(call)
            case DifferenceKind.CALL_FINISHED | DifferenceKind.CALL_UNKNOWN | DifferenceKind.OTHER_OWNER:
                if talks is None:
                    self._leaving.leave(call, self._desk.settings.fallback)
                # two who talk are left to it
            case DifferenceKind.OFFER_ENDED:
                if call.leg is not None and not call.leg.agreed and call.leg.offer == difference.offer:
                    self._returns.take_back(call, call.leg, "the offer is over")
