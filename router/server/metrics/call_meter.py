"""What becomes of calls and offers, by queue, counted from the events.

Keeps one invariant: whatever happened is counted once, in the queue that the event names, and nothing costs more than
O(1) but the beginning and a change of the config.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from router.engine import Engine
from router.engine import events as e
from router.engine.commands import Command, Configure, Enqueue, UpdateCall
from router.engine.settings import QueueSettings
from router.engine.views import CallView
from router.engine.vocabulary import CallState, EngagementState, LimitCause, Urgency
from router.server.metrics import catalogue as m
from router.server.metrics.catalogue import Reading, single
from router.server.tally import HANDLE_BOUNDS, PER_SECOND_US, WAIT_BOUNDS, Buckets

ENDS: Final = ("answered", "abandoned", "refused")
OUTCOMES: Final = ("accepted", "rejected", "expired", "withdrawn")
_ANSWERED, _ABANDONED, _REFUSED = range(3)
_ACCEPTED, _REJECTED, _EXPIRED, _WITHDRAWN = range(4)
_CAUSES: Final = tuple(cause.name.lower() for cause in LimitCause)
_URGENCIES: Final = tuple(urgency.name.lower() for urgency in Urgency)

Acts = Mapping[type[Any], Callable[[Any], None]]


class QueueCounts:
    """What was counted of one queue, and its targets by urgency."""

    __slots__ = (
        "enqueued",
        "handle",
        "level_calls",
        "level_met",
        "offers",
        "outcomes",
        "overflowed",
        "requeued",
        "targets_us",
        "transferred",
        "waits",
    )

    def __init__(self) -> None:
        self.enqueued = self.transferred = self.requeued = self.offers = 0
        self.level_calls = self.level_met = 0
        self.overflowed = [0] * len(_CAUSES)
        self.outcomes = [0] * len(OUTCOMES)
        self.waits = [Buckets(WAIT_BOUNDS, PER_SECOND_US) for _ in ENDS]
        self.handle = Buckets(HANDLE_BOUNDS, PER_SECOND_US)
        self.targets_us: tuple[int, ...] = ()


class CallMeter:
    """Count calls and offers. A queue that is no longer configured is forgotten, and so are its counts."""

    def __init__(self, engine: Engine) -> None:
        """Begin where the engine stands, with all counts at 0. O(live calls + agents)."""
        self._queues: dict[str, QueueCounts] = {}
        self._urgencies: dict[str, int] = {}
        self._queue_of_offer: dict[int, str] = {}
        self._detached: set[str] = set()
        self._overdue = 0
        self._command: Command | None = None
        self._configure(engine.settings.queues)
        for call in _live_calls(engine):
            self._look_at(call)

    def begin(self, command: Command | None) -> None:
        """Learn which command the next events come from."""
        self._command = command

    def acts(self) -> Acts:
        """Return what to do for each kind of event."""
        return {
            e.CallEnqueued: self._on_enqueued,
            e.CallUpdated: self._on_updated,
            e.CallOverflowed: self._on_overflowed,
            e.CallTransferred: self._on_transferred,
            e.CallRequeued: self._on_requeued,
            e.CallOverdue: self._on_overdue,
            e.CallDetached: lambda event: self._detached.add(event.call),
            e.CallAttached: lambda event: self._detached.discard(event.call),
            e.CallAssigned: self._on_assigned,
            e.CallAbandoned: lambda event: self._on_given_up(event, _ABANDONED),
            e.CallRefused: lambda event: self._on_given_up(event, _REFUSED),
            e.CallCompleted: self._on_completed,
            e.OfferMade: self._on_offer_made,
            e.OfferAccepted: lambda event: self._on_offer_ended(event.offer, _ACCEPTED),
            e.OfferRejected: lambda event: self._on_offer_ended(event.offer, _REJECTED),
            e.OfferExpired: lambda event: self._on_offer_ended(event.offer, _EXPIRED),
            e.OfferWithdrawn: lambda event: self._on_offer_ended(event.offer, _WITHDRAWN),
            e.Configured: self._on_configured,
        }

    def _look_at(self, call: CallView) -> None:
        self._note_urgency(call.call, call.urgency)
        if call.detached:
            self._detached.add(call.call)
        if call.state is CallState.OFFERED and call.offer is not None:
            self._queue_of_offer[call.offer] = call.queue

    def _configure(self, queues: Mapping[str, QueueSettings]) -> None:
        self._queues = {name: self._queues.get(name) or QueueCounts() for name in queues}
        for name, settings in queues.items():
            target = settings.target_us
            # a target is always a duration; only other settings by urgency may be None
            self._queues[name].targets_us = (target.normal or 0, target.important or 0, target.urgent or 0)

    def _note_urgency(self, call: str, urgency: int) -> None:
        """Remember the urgency of a live call; most are normal and need no room."""
        if urgency:
            self._urgencies[call] = urgency
        elif self._urgencies:
            self._urgencies.pop(call, None)

    def _forget(self, call: str) -> None:
        if self._urgencies:
            self._urgencies.pop(call, None)
        if self._detached:
            self._detached.discard(call)

    def _on_configured(self, _: e.Configured) -> None:
        if isinstance(self._command, Configure):
            self._configure(self._command.settings.queues)

    def _on_enqueued(self, event: e.CallEnqueued) -> None:
        if isinstance(self._command, Enqueue):
            self._note_urgency(event.call, self._command.urgency)
        self._queues[event.queue].enqueued += 1

    def _on_updated(self, event: e.CallUpdated) -> None:
        if isinstance(self._command, UpdateCall) and self._command.urgency is not None:
            self._note_urgency(event.call, self._command.urgency)

    def _on_overflowed(self, event: e.CallOverflowed) -> None:
        self._queues[event.from_queue].overflowed[event.cause] += 1

    def _on_transferred(self, event: e.CallTransferred) -> None:
        self._queues[event.from_queue].transferred += 1

    def _on_requeued(self, event: e.CallRequeued) -> None:
        self._queues[event.queue].requeued += 1

    def _on_overdue(self, _: e.CallOverdue) -> None:
        self._overdue += 1

    def _on_assigned(self, event: e.CallAssigned) -> None:
        counts = self._queues[event.queue]
        counts.waits[_ANSWERED].add(event.wait_us)
        counts.level_calls += 1
        counts.level_met += event.wait_us <= counts.targets_us[self._urgencies.get(event.call, 0)]

    def _on_given_up(self, event: e.CallAbandoned | e.CallRefused, end: int) -> None:
        self._forget(event.call)
        counts = self._queues[event.queue]
        counts.waits[end].add(event.wait_us)
        counts.level_calls += 1

    def _on_completed(self, event: e.CallCompleted) -> None:
        self._forget(event.call)
        self._queues[event.queue].handle.add(event.handle_us)

    def _on_offer_made(self, event: e.OfferMade) -> None:
        self._queue_of_offer[event.offer] = event.queue
        self._queues[event.queue].offers += 1

    def _on_offer_ended(self, offer: int, outcome: int) -> None:
        # its queue may have been removed since: the offer stood, and goes on under the rules of the call's new queue
        counts = self._queues.get(self._queue_of_offer.pop(offer))
        if counts is not None:
            counts.outcomes[outcome] += 1

    def readings(self) -> Iterator[Reading]:
        """Yield what was counted. O(queues)."""
        queues = list(self._queues.items())
        for metric, name in (
            (m.ENQUEUED, "enqueued"),
            (m.TRANSFERRED, "transferred"),
            (m.REQUEUED, "requeued"),
            (m.SERVICE_LEVEL_CALLS, "level_calls"),
            (m.SERVICE_LEVEL_MET, "level_met"),
            (m.OFFERS, "offers"),
        ):
            yield Reading(metric, [((queue,), getattr(counts, name)) for queue, counts in queues])
        for metric, name, words in (
            (m.OVERFLOWED, "overflowed", _CAUSES),
            (m.OFFER_OUTCOMES, "outcomes", OUTCOMES),
        ):
            yield Reading(
                metric,
                [((q, word), n) for q, counts in queues for word, n in zip(words, getattr(counts, name), strict=True)],
            )
        yield Reading(
            m.WAIT,
            [
                ((q, end), wait.distribution())
                for q, counts in queues
                for end, wait in zip(ENDS, counts.waits, strict=True)
            ],
        )
        yield Reading(m.HANDLE, [((queue,), counts.handle.distribution()) for queue, counts in queues])
        yield Reading(
            m.TARGET,
            [
                ((queue, urgency), target_us / PER_SECOND_US)
                for queue, counts in queues
                for urgency, target_us in zip(_URGENCIES, counts.targets_us, strict=True)
            ],
        )
        yield single(m.OVERDUE, self._overdue)
        yield single(m.CALLS_DETACHED, len(self._detached))


def _live_calls(engine: Engine) -> Iterator[CallView]:
    """Yield the calls that are not finished, without looking at those that are."""
    for agent in engine.agents():
        for engagement in agent.engagements:
            if engagement.state is not EngagementState.WRAP_UP:
                yield engine.call(engagement.call)
    for queue in engine.queues():
        if queue.waiting:
            yield from map(engine.call, engine.waiting(queue.queue, queue.waiting))
