"""The demo's figures, from the events alone: what the watch stream told is all that they know.

Occupancy is measured over the hour; calls that came in the hour are followed to their end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

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
from router.engine.settings import SECOND_US
from router.engine.vocabulary import AssignmentCause, Availability
from router.fairness.measures import jain_index
from router.simulation.recorded.figures import percentile


class QueueFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of one queue, or of all. Waits are seconds of those who were answered; None where there were none.

    `service_level` is the share of all decided calls, those that gave up included, answered within their target.
    """

    offered: int
    answered: int
    abandoned: int
    refused: int
    waiting: int
    target_s: float | None
    service_level: float | None
    wait_mean_s: float | None
    wait_p95_s: float | None


class OccupancyFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Share of ready-or-engaged time that agents were busy (offer, call, wrap-up). `jain` is 1 if all are equal."""

    agents: int
    mean: float
    lowest: float
    lowest_agent: str
    highest: float
    highest_agent: str
    jain: float


class OfferFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the offers, and how many calls with preferred agents reached one of them."""

    made: int
    accepted: int
    rejected: int
    expired: int
    withdrawn: int
    preferred: int
    preferred_reached: int


class DemoFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the demo counted."""

    total: QueueFigures
    queues: dict[str, QueueFigures]
    occupancy: OccupancyFigures | None
    offers: OfferFigures


@dataclass
class QueueTally:
    """What has happened in one queue so far."""

    target_us: int
    offered: int = 0
    abandoned: int = 0
    refused: int = 0
    waits_us: list[int] = field(default_factory=list)

    @property
    def answered(self) -> int:
        return len(self.waits_us)

    @property
    def within_target(self) -> int:
        return sum(wait_us <= self.target_us for wait_us in self.waits_us)


@dataclass
class AgentClock:
    """Adds up an agent's time up to `until_us`."""

    until_us: int
    ready: bool = False
    engagements: int = 0
    since_us: int = 0
    present_us: int = 0
    busy_us: int = 0

    def change(self, time_us: int, *, ready: bool | None = None, engagements: int = 0) -> None:
        now_us = min(time_us, self.until_us)
        elapsed_us = max(0, now_us - self.since_us)
        if self.ready or self.engagements:
            self.present_us += elapsed_us
        if self.engagements:
            self.busy_us += elapsed_us
        self.since_us = now_us
        self.engagements += engagements
        if ready is not None:
            self.ready = ready


class Scoreboard:
    """Follows the events of the hour."""

    def __init__(self, targets_us: Mapping[str, int], until_us: int) -> None:
        self.tallies = {queue: QueueTally(target_us) for queue, target_us in targets_us.items()}
        self.waiting: dict[str, tuple[str, int]] = {}
        self.clocks: dict[str, AgentClock] = {}
        self.offers = dict.fromkeys(("made", "accepted", "rejected", "expired", "withdrawn"), 0)
        self.preferred: dict[str, tuple[str, ...]] = {}
        self.preferred_reached = 0
        self.time_us = 0
        self._until_us = until_us

    def observe(self, event: Event) -> None:
        """Count one event."""
        self.time_us = max(self.time_us, event.time_us)
        handler = _HANDLERS.get(type(event))
        if handler is not None:
            handler(self, event)

    def busy_agents(self) -> int:
        return sum(clock.engagements > 0 for clock in self.clocks.values())

    def present_agents(self) -> int:
        return sum(clock.ready or clock.engagements > 0 for clock in self.clocks.values())

    def waiting_in(self, queue: str) -> int:
        return sum(where == queue for where, _ in self.waiting.values())

    def longest_wait_us(self, queue: str) -> int:
        since = [since_us for where, since_us in self.waiting.values() if where == queue]
        return self.time_us - min(since) if since else 0

    def service_level(self) -> float | None:
        """Return the share of calls decided so far that were answered within their queue's target."""
        return _service_level(list(self.tallies.values()))

    def figures(self) -> DemoFigures:
        """Return the figures so far."""
        return DemoFigures(
            total=self._queue_figures(list(self.tallies), None),
            queues={queue: self._queue_figures([queue], tally.target_us) for queue, tally in self.tallies.items()},
            occupancy=self._occupancy(),
            offers=OfferFigures(**self.offers, preferred=len(self.preferred), preferred_reached=self.preferred_reached),
        )

    def _queue_figures(self, queues: list[str], target_us: int | None) -> QueueFigures:
        tallies = [self.tallies[queue] for queue in queues]
        waits_us = sorted(wait_us for tally in tallies for wait_us in tally.waits_us)
        p95_us = percentile(waits_us, 95)
        return QueueFigures(
            offered=sum(tally.offered for tally in tallies),
            answered=len(waits_us),
            abandoned=sum(tally.abandoned for tally in tallies),
            refused=sum(tally.refused for tally in tallies),
            waiting=sum(self.waiting_in(queue) for queue in queues),
            target_s=None if target_us is None else target_us / SECOND_US,
            service_level=_service_level(tallies),
            wait_mean_s=sum(waits_us) / len(waits_us) / SECOND_US if waits_us else None,
            wait_p95_s=None if p95_us is None else p95_us / SECOND_US,
        )

    def _occupancy(self) -> OccupancyFigures | None:
        for clock in self.clocks.values():
            clock.change(self.time_us)
        shares = {agent: clock.busy_us / clock.present_us for agent, clock in self.clocks.items() if clock.present_us}
        if not shares:
            return None
        lowest, highest = min(shares, key=shares.__getitem__), max(shares, key=shares.__getitem__)
        return OccupancyFigures(
            agents=len(shares),
            mean=sum(shares.values()) / len(shares),
            lowest=shares[lowest],
            lowest_agent=lowest,
            highest=shares[highest],
            highest_agent=highest,
            jain=jain_index(list(shares.values())) or 1.0,
        )

    def _clock(self, agent: str) -> AgentClock:
        return self.clocks.setdefault(agent, AgentClock(self._until_us))

    def _on_signed_in(self, event: AgentSignedIn) -> None:
        ready = event.availability is Availability.READY
        self._clock(event.agent).change(event.time_us, ready=ready)

    def _on_signed_out(self, event: AgentSignedOut) -> None:
        self._clock(event.agent).change(event.time_us, ready=False)

    def _on_availability(self, event: AgentAvailabilityChanged) -> None:
        ready = event.availability is Availability.READY
        self._clock(event.agent).change(event.time_us, ready=ready)

    def _on_enqueued(self, event: CallEnqueued) -> None:
        self.tallies[event.queue].offered += 1
        self.waiting[event.call] = (event.queue, event.time_us)
        if event.preferred_agents:
            self.preferred[event.call] = event.preferred_agents

    def _on_offered(self, event: OfferMade) -> None:
        self.offers["made"] += 1
        self._clock(event.agent).change(event.time_us, engagements=1)

    def _on_rejected(self, event: OfferRejected) -> None:
        self.offers["rejected"] += 1
        self._clock(event.agent).change(event.time_us, engagements=-1)

    def _on_expired(self, event: OfferExpired) -> None:
        self.offers["expired"] += 1
        self._clock(event.agent).change(event.time_us, engagements=-1)

    def _on_withdrawn(self, event: OfferWithdrawn) -> None:
        self.offers["withdrawn"] += 1
        self._clock(event.agent).change(event.time_us, engagements=-1)

    def _on_assigned(self, event: CallAssigned) -> None:
        if event.cause is AssignmentCause.ACCEPTED:
            self.offers["accepted"] += 1
        else:  # an accepted offer is counted since it was made
            self._clock(event.agent).change(event.time_us, engagements=1)
        self.waiting.pop(event.call, None)
        self.tallies[event.queue].waits_us.append(event.wait_us)
        self.preferred_reached += event.agent in self.preferred.get(event.call, ())

    def _on_released(self, event: CallCompleted | WrapUpEnded) -> None:
        self._clock(event.agent).change(event.time_us, engagements=-1)

    def _on_wrap_up(self, event: WrapUpStarted) -> None:
        self._clock(event.agent).change(event.time_us, engagements=1)

    def _on_abandoned(self, event: CallAbandoned) -> None:
        self.waiting.pop(event.call, None)
        self.tallies[event.queue].abandoned += 1

    def _on_refused(self, event: CallRefused) -> None:
        self.waiting.pop(event.call, None)
        self.tallies[event.queue].refused += 1


def _service_level(tallies: list[QueueTally]) -> float | None:
    decided = sum(tally.answered + tally.abandoned + tally.refused for tally in tallies)
    return sum(tally.within_target for tally in tallies) / decided if decided else None


_HANDLERS: Final[Mapping[type, Callable[[Scoreboard, Any], None]]] = {
    AgentSignedIn: Scoreboard._on_signed_in,
    AgentSignedOut: Scoreboard._on_signed_out,
    AgentAvailabilityChanged: Scoreboard._on_availability,
    CallEnqueued: Scoreboard._on_enqueued,
    CallAbandoned: Scoreboard._on_abandoned,
    CallRefused: Scoreboard._on_refused,
    OfferMade: Scoreboard._on_offered,
    OfferRejected: Scoreboard._on_rejected,
    OfferExpired: Scoreboard._on_expired,
    OfferWithdrawn: Scoreboard._on_withdrawn,
    CallAssigned: Scoreboard._on_assigned,
    CallCompleted: Scoreboard._on_released,
    WrapUpStarted: Scoreboard._on_wrap_up,
    WrapUpEnded: Scoreboard._on_released,
}
