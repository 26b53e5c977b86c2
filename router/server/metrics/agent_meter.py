"""What agents do: how many are in each state, and for how long, all added up.

Keeps one invariant: each agent is in one state at a time, and time that has been counted is never taken back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from router.engine import Engine
from router.engine import events as e
from router.engine.vocabulary import AssignmentCause, Availability, EngagementState
from router.server.metrics import catalogue as m
from router.server.metrics.call_meter import Acts
from router.server.metrics.catalogue import Reading, single
from router.server.tally import PER_SECOND_US

STATES: Final = ("idle", "busy", "not_ready", "signed_out")
_IDLE, _BUSY, _NOT_READY, _SIGNED_OUT = range(4)
_WITHOUT_WORK: Final = {
    Availability.READY: _IDLE,
    Availability.CLOSING: _NOT_READY,  # for the moment between the last engagement's end and the change
    Availability.NOT_READY: _NOT_READY,
    Availability.SIGNED_OUT: _SIGNED_OUT,
}


class AgentMeter:
    """Follow agents' availability and engagements. Whoever has an engagement is busy; time is engine time."""

    def __init__(self, engine: Engine) -> None:
        """Begin where the engine stands, with all times at 0. O(agents)."""
        self._availability: dict[str, Availability] = {}
        self._engagements: dict[str, int] = {}
        self._assigned: set[str] = set()
        self._wrap_ups = 0
        self._agents = [0] * len(STATES)
        self._times_us = [0] * len(STATES)
        self._counted_to_us = engine.time_us
        for agent in engine.agents():
            self._availability[agent.agent] = agent.availability
            if agent.engagements:
                self._engagements[agent.agent] = len(agent.engagements)
            self._agents[self._state(agent.agent)] += 1
            self._wrap_ups += sum(one.state is EngagementState.WRAP_UP for one in agent.engagements)
            self._assigned.update(one.call for one in agent.engagements if one.state is EngagementState.ASSIGNED)

    def acts(self) -> Acts:
        """Return what to do for each kind of event."""
        return {
            e.AgentSignedIn: lambda event: self._become(event, event.availability),
            e.AgentSignedOut: lambda event: self._become(event, Availability.SIGNED_OUT),
            e.AgentAvailabilityChanged: lambda event: self._become(event, event.availability),
            e.OfferMade: self._on_begin,
            e.OfferRejected: self._on_end,
            e.OfferExpired: self._on_end,
            e.OfferWithdrawn: self._on_end,
            e.CallAssigned: self._on_assigned,
            e.CallCompleted: self._on_taken_away,
            e.CallRequeued: self._on_taken_away,
            e.CallTransferred: self._on_taken_away,
            e.WrapUpStarted: self._on_wrap_up_started,
            e.WrapUpEnded: self._on_wrap_up_ended,
            e.Restarted: self._on_restarted,
        }

    def count_to(self, time_us: int) -> None:
        """Count the time until now; what happened before that comes too late to be told apart."""
        passed_us = time_us - self._counted_to_us
        if passed_us <= 0:
            return
        self._counted_to_us = time_us
        for state, agents in enumerate(self._agents):
            self._times_us[state] += agents * passed_us

    def readings(self) -> Iterator[Reading]:
        """Yield what was counted. O(1)."""
        yield Reading(m.AGENTS, [((name,), n) for name, n in zip(STATES, self._agents, strict=True)])
        # nobody is there while signed out: that is no agent's time
        times = list(zip(STATES, self._times_us, strict=True))[:_SIGNED_OUT]
        yield Reading(m.AGENT_SECONDS, [((name,), time_us / PER_SECOND_US) for name, time_us in times])
        yield single(m.WRAP_UPS, self._wrap_ups)

    def _state(self, agent: str) -> int:
        return _BUSY if agent in self._engagements else _WITHOUT_WORK[self._availability[agent]]

    def _change(self, agent: str, before: int, time_us: int) -> None:
        after = self._state(agent)
        if after != before:
            self.count_to(time_us)
            self._agents[before] -= 1
            self._agents[after] += 1

    def _become(self, event: Any, availability: Availability) -> None:
        agent = event.agent
        if agent in self._availability:
            before = self._state(agent)
            self._availability[agent] = availability
            self._change(agent, before, event.time_us)
        else:
            self._availability[agent] = availability
            self.count_to(event.time_us)
            self._agents[self._state(agent)] += 1

    def _on_begin(self, event: Any) -> None:
        agent = event.agent
        before = self._state(agent)
        self._engagements[agent] = self._engagements.get(agent, 0) + 1
        self._change(agent, before, event.time_us)

    def _on_end(self, event: Any) -> None:
        agent = event.agent
        left = self._engagements[agent] - 1
        if left:
            self._engagements[agent] = left
            return
        del self._engagements[agent]
        self._change(agent, _BUSY, event.time_us)

    def _on_assigned(self, event: e.CallAssigned) -> None:
        self._assigned.add(event.call)
        if event.cause is not AssignmentCause.ACCEPTED:
            self._on_begin(event)

    def _on_taken_away(self, event: e.CallCompleted | e.CallRequeued | e.CallTransferred) -> None:
        # one that was only offered has been withdrawn already
        if event.call in self._assigned:
            self._assigned.remove(event.call)
            self._on_end(event)

    def _on_wrap_up_started(self, event: e.WrapUpStarted) -> None:
        self._wrap_ups += 1
        self._on_begin(event)

    def _on_wrap_up_ended(self, event: e.WrapUpEnded) -> None:
        self._wrap_ups -= 1
        self._on_end(event)

    def _on_restarted(self, event: e.Restarted) -> None:
        """Leave the downtime out: nobody knows what agents did in it."""
        self._counted_to_us = max(self._counted_to_us, event.time_us)
