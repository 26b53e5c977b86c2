"""What the native counts must agree with: the same metrics in plain Python, from commands and events by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from router.engine import Engine
from router.engine import commands as c
from router.engine import events as e
from router.engine.settings import QueueSettings
from router.engine.vocabulary import (
    AssignmentCause,
    Availability,
    CallState,
    EngagementState,
    LimitCause,
    RejectReason,
    Urgency,
)
from router.server.metrics import catalogue as m
from router.server.metrics.call_meter import ENDS, OUTCOMES
from router.server.metrics.catalogue import Reading, single
from router.server.tally import HANDLE_BOUNDS, PER_SECOND_US, WAIT_BOUNDS, Buckets

LIVE = (CallState.WAITING, CallState.OFFERED, CallState.ASSIGNED)
PLAIN = (
    (m.ENQUEUED, "enqueued"),
    (m.TRANSFERRED, "transferred"),
    (m.REQUEUED, "requeued"),
    (m.SERVICE_LEVEL_CALLS, "level_calls"),
    (m.SERVICE_LEVEL_MET, "level_met"),
    (m.OFFERS, "offers"),
)

Acts = dict[type[Any], Callable[[Any], object]]


class QueueReference:
    """What was counted of one queue."""

    def __init__(self) -> None:
        self.counts: Counter[Any] = Counter()
        self.waits = {end: Buckets(WAIT_BOUNDS, PER_SECOND_US) for end in ENDS}
        self.handle = Buckets(HANDLE_BOUNDS, PER_SECOND_US)
        self.targets_us: dict[int, int] = {}

    def configure(self, settings: QueueSettings) -> None:
        target = settings.target_us
        self.targets_us = {urgency: getattr(target, urgency.name.lower()) for urgency in Urgency}


class CallReference:
    """Calls and offers."""

    def __init__(self, engine: Engine) -> None:
        self.queues: dict[str, QueueReference] = {}
        self.configure(engine.settings.queues)
        live = [call for call in engine.calls() if call.state in LIVE]
        self.urgencies = {call.call: call.urgency for call in live}
        self.detached = {call.call for call in live if call.detached}
        self.queue_of_offer = {call.offer: call.queue for call in live if call.state is CallState.OFFERED}
        self.overdue = 0
        self.command: c.Command | None = None

    def acts(self) -> Acts:
        return {
            e.Configured: self.on_configured,
            e.CallEnqueued: self.on_enqueued,
            e.CallUpdated: self.on_updated,
            e.CallOverflowed: lambda event: self.count(event.from_queue, event.cause),
            e.CallTransferred: lambda event: self.count(event.from_queue, "transferred"),
            e.CallRequeued: lambda event: self.count(event.queue, "requeued"),
            e.CallOverdue: self.on_overdue,
            e.CallDetached: lambda event: self.detached.add(event.call),
            e.CallAttached: lambda event: self.detached.discard(event.call),
            e.CallAssigned: self.on_assigned,
            e.CallAbandoned: lambda event: self.on_given_up(event, "abandoned"),
            e.CallRefused: lambda event: self.on_given_up(event, "refused"),
            e.CallCompleted: self.on_completed,
            e.OfferMade: self.on_offer_made,
            e.OfferAccepted: lambda event: self.on_offer_ended(event.offer, "accepted"),
            e.OfferRejected: lambda event: self.on_offer_ended(event.offer, "rejected"),
            e.OfferExpired: lambda event: self.on_offer_ended(event.offer, "expired"),
            e.OfferWithdrawn: lambda event: self.on_offer_ended(event.offer, "withdrawn"),
        }

    def configure(self, queues: Any) -> None:
        self.queues = {name: self.queues.get(name) or QueueReference() for name in queues}
        for name, settings in queues.items():
            self.queues[name].configure(settings)

    def count(self, queue: str, what: Any) -> None:
        self.queues[queue].counts[what] += 1

    def on_configured(self, _: e.Configured) -> None:
        assert isinstance(self.command, c.Configure)
        self.configure(self.command.settings.queues)

    def on_enqueued(self, event: e.CallEnqueued) -> None:
        assert isinstance(self.command, c.Enqueue)
        self.urgencies[event.call] = self.command.urgency
        self.count(event.queue, "enqueued")

    def on_updated(self, event: e.CallUpdated) -> None:
        assert isinstance(self.command, c.UpdateCall)
        if self.command.urgency is not None:
            self.urgencies[event.call] = self.command.urgency

    def on_overdue(self, _: e.CallOverdue) -> None:
        self.overdue += 1

    def on_assigned(self, event: e.CallAssigned) -> None:
        queue = self.queues[event.queue]
        queue.waits["answered"].add(event.wait_us)
        queue.counts["level_calls"] += 1
        queue.counts["level_met"] += event.wait_us <= queue.targets_us[self.urgencies[event.call]]

    def on_given_up(self, event: e.CallAbandoned | e.CallRefused, end: str) -> None:
        self.forget(event.call)
        self.queues[event.queue].waits[end].add(event.wait_us)
        self.count(event.queue, "level_calls")

    def on_completed(self, event: e.CallCompleted) -> None:
        self.forget(event.call)
        self.queues[event.queue].handle.add(event.handle_us)

    def forget(self, call: str) -> None:
        del self.urgencies[call]
        self.detached.discard(call)

    def on_offer_made(self, event: e.OfferMade) -> None:
        self.queue_of_offer[event.offer] = event.queue
        self.count(event.queue, "offers")

    def on_offer_ended(self, offer: int, outcome: str) -> None:
        queue = self.queue_of_offer.pop(offer)
        if queue in self.queues:
            self.count(queue, outcome)

    def readings(self) -> Iterator[Reading]:
        queues = sorted(self.queues.items())
        for metric, name in PLAIN:
            yield Reading(metric, [((q,), one.counts[name]) for q, one in queues])
        yield Reading(
            m.OVERFLOWED,
            [((q, cause.name.lower()), one.counts[cause]) for q, one in queues for cause in LimitCause],
        )
        yield Reading(m.OFFER_OUTCOMES, [((q, word), one.counts[word]) for q, one in queues for word in OUTCOMES])
        yield Reading(m.WAIT, [((q, end), one.waits[end].distribution()) for q, one in queues for end in ENDS])
        yield Reading(m.HANDLE, [((q,), one.handle.distribution()) for q, one in queues])
        targets = [((q, u.name.lower()), one.targets_us[u] / PER_SECOND_US) for q, one in queues for u in Urgency]
        yield Reading(m.TARGET, targets)
        yield single(m.OVERDUE, self.overdue)
        yield single(m.CALLS_DETACHED, len(self.detached))


class AgentReference:
    """Agents' states and times."""

    STATES = ("idle", "busy", "not_ready", "signed_out")

    def __init__(self, engine: Engine) -> None:
        agents = engine.agents()
        engagements = [one for agent in agents for one in agent.engagements]
        self.availability = {agent.agent: agent.availability for agent in agents}
        self.engagements = Counter({agent.agent: len(agent.engagements) for agent in agents})
        self.assigned = {one.call for one in engagements if one.state is EngagementState.ASSIGNED}
        self.wrap_ups = sum(one.state is EngagementState.WRAP_UP for one in engagements)
        self.times_us: Counter[str] = Counter()
        self.counted_to_us = engine.time_us

    def acts(self) -> Acts:
        return {
            e.AgentSignedIn: lambda event: self.become(event, event.availability),
            e.AgentSignedOut: lambda event: self.become(event, Availability.SIGNED_OUT),
            e.AgentAvailabilityChanged: lambda event: self.become(event, event.availability),
            e.OfferMade: lambda event: self.change(event, 1),
            e.OfferRejected: lambda event: self.change(event, -1),
            e.OfferExpired: lambda event: self.change(event, -1),
            e.OfferWithdrawn: lambda event: self.change(event, -1),
            e.CallAssigned: self.on_assigned,
            e.CallCompleted: self.on_taken_away,
            e.CallRequeued: self.on_taken_away,
            e.CallTransferred: self.on_taken_away,
            e.WrapUpStarted: lambda event: self.wrap_up(event, 1),
            e.WrapUpEnded: lambda event: self.wrap_up(event, -1),
            e.Restarted: self.on_restarted,
        }

    def states(self) -> Counter[str]:
        return Counter(self.state(agent) for agent in self.availability)

    def state(self, agent: str) -> str:
        if self.engagements[agent]:
            return "busy"
        words = {Availability.READY: "idle", Availability.SIGNED_OUT: "signed_out"}
        return words.get(self.availability[agent], "not_ready")

    def count_to(self, time_us: int) -> None:
        passed_us = max(0, time_us - self.counted_to_us)
        self.counted_to_us += passed_us
        for state, agents in self.states().items():
            self.times_us[state] += agents * passed_us

    def become(self, event: Any, availability: Availability) -> None:
        self.count_to(event.time_us)
        self.availability[event.agent] = availability

    def change(self, event: Any, by: int) -> None:
        self.count_to(event.time_us)
        self.engagements[event.agent] += by
        assert self.engagements[event.agent] >= 0

    def wrap_up(self, event: Any, by: int) -> None:
        self.wrap_ups += by
        self.change(event, by)

    def on_assigned(self, event: e.CallAssigned) -> None:
        self.assigned.add(event.call)
        if event.cause is not AssignmentCause.ACCEPTED:
            self.change(event, 1)

    def on_taken_away(self, event: Any) -> None:
        if event.call in self.assigned:
            self.assigned.remove(event.call)
            self.change(event, -1)

    def on_restarted(self, event: e.Restarted) -> None:
        self.count_to(event.time_us - event.downtime_us)
        self.counted_to_us = max(self.counted_to_us, event.time_us)

    def readings(self) -> Iterator[Reading]:
        states = self.states()
        yield Reading(m.AGENTS, [((name,), states[name]) for name in self.STATES])
        yield Reading(m.AGENT_SECONDS, [((name,), self.times_us[name] / PER_SECOND_US) for name in self.STATES[:3]])
        yield single(m.WRAP_UPS, self.wrap_ups)


class Reference:
    """All of it, told of commands and what they brought."""

    def __init__(self, engine: Engine) -> None:
        self.calls = CallReference(engine)
        self.agents = AgentReference(engine)
        self.outcomes: Counter[tuple[type[Any], str]] = Counter()
        self.rejections: Counter[RejectReason] = Counter()

    def observe(self, command: c.Command, events: Sequence[e.Event]) -> None:
        self.calls.command = command
        outcome = "done"
        for event in events:
            if isinstance(event, e.CommandRejected):
                outcome = "rejected"
                self.rejections[event.reason] += 1
            for acts in (self.calls.acts(), self.agents.acts()):
                if type(event) in acts:
                    acts[type(event)](event)
        self.outcomes[type(command), outcome] += 1

    def repeated(self, command: c.Command) -> None:
        self.outcomes[type(command), "repeated"] += 1
