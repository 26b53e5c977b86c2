"""Events about offers, assignments and wrap-ups: one engagement per offer number, from beginning to end."""

from __future__ import annotations

import heapq
from typing import Any

from router.engine import events
from router.engine.vocabulary import AssignmentCause, CallState, EngagementState, WithdrawalCause
from router.fairness.model import Call, Engagement
from router.fairness.report import Point
from router.fairness.restarts import Restarts

COME_BACK = frozenset(
    {
        WithdrawalCause.AGENT_NOT_READY,
        WithdrawalCause.AGENT_SIGNED_OUT,
        WithdrawalCause.CALL_DETACHED,
        WithdrawalCause.RESTARTED,
    }
)
"""Causes after which the call waits in its place; after the others the next event tells what becomes of it."""


class OfferEvents(Restarts):
    """Offers, assignments and wrap-ups."""

    def _take(
        self, event: events.OfferMade | events.CallAssigned, state: EngagementState, until_us: int | None
    ) -> None:
        """The agent gets a call that waits, as an offer or at once."""
        call = self.live(event.call, f"given to agent {event.agent}", CallState.WAITING)
        agent = self.agent(event.agent, f"was given call {event.call}")
        if event.offer <= self.last_offer:
            self.lost(f"offer number {event.offer} is used a second time, for call {event.call}", event.call)
        self.last_offer = max(self.last_offer, event.offer)
        if call is None or agent is None:
            return
        if event.queue != call.queue:
            self.lost(f"call {call.name} is in queue {call.queue}, but was given out from {event.queue}", call.name)
        if call.state == CallState.WAITING:
            forced = isinstance(event, events.CallAssigned) and event.cause == AssignmentCause.FORCED
            self.on_taken(agent, call, forced)
            self.measures.taken(call, self.waiting.older_kin(call), self.calls)
        self.waiting.remove(call)
        if event.offer not in self.engagements:
            self.engage(Engagement(event.offer, call.name, agent.name, call.channel, state, until_us), event.time_us)
        call.state = CallState.OFFERED if state == EngagementState.OFFERED else CallState.ASSIGNED
        call.offer = event.offer

    def _offer_made(self, event: events.OfferMade) -> None:
        self.measures.offers += 1
        self._take(event, EngagementState.OFFERED, event.expires_us)

    def _assigned(self, event: events.CallAssigned) -> None:
        self.measures.assignments += 1
        self.measures.forced += event.cause == AssignmentCause.FORCED
        if event.cause != AssignmentCause.ACCEPTED:
            self.check_wait(event.call, event.wait_us, event.time_us)
            self._take(event, EngagementState.ASSIGNED, None)
            return
        call = self.live(event.call, f"assigned to agent {event.agent}", CallState.OFFERED)
        engagement = self.engagements.get(event.offer)
        if call is None or engagement is None or call.offer != event.offer or engagement.agent != event.agent:
            self.lost(
                f"call {event.call} was assigned to agent {event.agent}, but offer {event.offer} was not theirs",
                event.call,
                event.agent,
            )
            return
        self.check_wait(event.call, event.wait_us, event.time_us)
        engagement.state = EngagementState.ASSIGNED
        engagement.until_us = None
        call.state = CallState.ASSIGNED

    def _pending(self, event: Any, doing: str) -> tuple[Call, Engagement] | None:
        """Return call and engagement of an offer that must be pending now."""
        call = self.live(event.call, doing, CallState.OFFERED)
        engagement = self.engagements.get(event.offer)
        if (
            call is None
            or engagement is None
            or engagement.state != EngagementState.OFFERED
            or (engagement.call, engagement.agent) != (event.call, event.agent)
        ):
            self.lost(f"call {event.call} is {doing}, but offer {event.offer} is not pending", event.call, event.agent)
            return None
        return call, engagement

    def _offer_accepted(self, event: events.OfferAccepted) -> None:
        found = self._pending(event, "accepted")
        if found is not None and found[1].until_us is not None and event.time_us >= found[1].until_us:
            self.findings.add(
                Point.RULES,
                f"agent {event.agent} accepted call {event.call} after the offer had expired",
                calls=(event.call,),
                agents=(event.agent,),
            )

    def _offer_rejected(self, event: events.OfferRejected) -> None:
        found = self._pending(event, "rejected")
        if found is not None:
            self.release(found[1], event.time_us)
            self._bar(found[0], event.agent, event.time_us)
            self.come_back(found[0], event.time_us)

    def _offer_expired(self, event: events.OfferExpired) -> None:
        found = self._pending(event, "let expire")
        if found is not None:
            self._check_expiry(event, found[1])
            self.release(found[1], event.time_us)
            self._bar(found[0], event.agent, event.time_us)
            self.come_back(found[0], event.time_us)

    def _offer_withdrawn(self, event: events.OfferWithdrawn) -> None:
        found = self._pending(event, "taken back")
        if found is None:
            return
        call, engagement = found
        if event.cause == WithdrawalCause.RESTARTED:
            self.taken_back_by_restart(call, engagement, event.time_us)
        self.release(engagement, event.time_us)
        if event.cause in COME_BACK:
            self.come_back(call, event.time_us)
        else:  # what becomes of the call is told by the next event
            call.state = CallState.WAITING
            call.offer = None

    def _check_expiry(self, event: events.OfferExpired, engagement: Engagement) -> None:
        if engagement.until_us is not None and event.time_us < engagement.until_us:
            self.findings.add(
                Point.RULES,
                f"the offer of call {event.call} to agent {event.agent} expired before its time {engagement.until_us}",
                calls=(event.call,),
                agents=(event.agent,),
            )

    def _bar(self, call: Call, agent: str, time_us: int) -> None:
        backoff_us = self.queue_settings(call.queue).reject_backoff_us
        if backoff_us:
            call.bars[agent] = time_us + backoff_us
            heapq.heappush(self.bar_ends, (time_us + backoff_us, call.name, agent))

    def _completed(self, event: events.CallCompleted) -> None:
        call = self.live(event.call, "completed", CallState.ASSIGNED)
        if call is not None:
            if call.offer != event.offer:
                self.lost(f"call {call.name} was completed under offer {event.offer}, not its own", call.name)
            self.end_assignment(call, event.time_us)
            self.finish(call)
        self.learned.add((event.agent, event.queue))

    def _wrap_up_started(self, event: events.WrapUpStarted) -> None:
        if self.ended is None or self.ended[0].offer != event.offer:
            self.lost(f"wrap-up of call {event.call} started, but no assignment of it ended", event.call, event.agent)
            return
        engagement, idle_since_us = self.ended
        self.ended = None
        engagement.state = EngagementState.WRAP_UP
        engagement.until_us = event.until_us
        self.agents[engagement.agent].idle_since_us = idle_since_us
        self.engage(engagement, event.time_us)

    def _wrap_up_ended(self, event: events.WrapUpEnded) -> None:
        engagement = self.engagements.get(event.offer)
        if engagement is None or engagement.state != EngagementState.WRAP_UP:
            self.lost(f"wrap-up of call {event.call} ended, but there was none", event.call, event.agent)
            return
        self.release(engagement, event.time_us)
