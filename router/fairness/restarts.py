"""The restart rule: what a downtime changes in the picture, and that nobody was punished for it.

Keeps one invariant: every limit of the picture is what the downtimes so far have made of it.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Final

from router.engine import commands, events
from router.engine.vocabulary import Availability, EngagementState
from router.fairness.model import Call, Engagement
from router.fairness.picture import Picture
from router.fairness.report import Point


class Restarts(Picture):
    """Downtimes, and what may not happen because of one."""

    def end(self, time_us: int, told: Sequence[events.Event]) -> None:
        """Check the events of a whole command, once they are in the picture."""
        if not isinstance(self.command, commands.Restart):
            return
        if not told or not isinstance(told[0], events.Restarted):
            self._punished("a Restart did not begin with Restarted")
        for event in told:
            if event.time_us != time_us:
                self._punished(f"{type(event).__name__} at {event.time_us}, while the server was down")
            if isinstance(event, PUNISHMENTS):
                self._punished(f"{type(event).__name__} because of a restart")

    def _restarted(self, event: events.Restarted) -> None:
        if not isinstance(self.command, commands.Restart):
            self._punished("restarted without a Restart")
        if event.downtime_us != event.time_us - self.last_us:
            self._punished(f"the downtime was {event.time_us - self.last_us} us, but {event.downtime_us} us were told")
        for engagement in self.engagements.values():
            self._extend_offer(engagement, event)
        for call in self.calls.values():
            if call.hold_until_us is not None and call.hold_until_us > self.last_us:
                call.hold_until_us += event.downtime_us
            call.bars = {agent: until_us for agent, until_us in call.bars.items() if until_us > event.time_us}

    def _extend_offer(self, engagement: Engagement, event: events.Restarted) -> None:
        """Leave the downtime out of an offer that is not due; one that is due must be taken back."""
        until_us = engagement.until_us
        if engagement.state == EngagementState.OFFERED and until_us is not None and until_us > event.time_us:
            engagement.until_us = until_us + event.downtime_us
            heapq.heappush(self.limits, (engagement.until_us, engagement.offer))

    def taken_back_by_restart(self, call: Call, engagement: Engagement, time_us: int) -> None:
        """Note a call whose offer was due in the downtime, and check that it was."""
        self.back_from_offer.add(call.name)
        if not isinstance(self.command, commands.Restart) or engagement.until_us is None:
            self._punished(f"the offer of call {call.name} was taken back by a restart that there was not")
        elif engagement.until_us > time_us:
            self._punished(f"the offer of call {call.name} was taken back, but is not due before {engagement.until_us}")

    def check_made_not_ready(self, event: events.AgentAvailabilityChanged, before: Availability) -> None:
        """Check that a restart leaves agents as they were, but those closing agents whose work was done."""
        engaged = bool(self.agents[event.agent].engagements)
        if isinstance(self.command, commands.Restart) and (before != Availability.CLOSING or engaged):
            self._punished(f"agent {event.agent} was made {event.availability.name.lower()} by a restart", event.agent)

    def check_limit_met(self, call: Call) -> None:
        """Check that the downtime did not count as waiting for a limit: only one met while on offer may be due."""
        if isinstance(self.command, commands.Restart) and call.name not in self.back_from_offer:
            self._punished(f"call {call.name} met its wait limit in a downtime")

    def _punished(self, sentence: str, *agents: str) -> None:
        self.findings.add(Point.RULES, sentence, agents=agents)


PUNISHMENTS: Final = (events.OfferExpired, events.OfferRejected, events.AgentSignedOut)
"""What a restart never brings about."""
