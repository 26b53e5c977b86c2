"""What is learned of each queue from the event stream: service, patience and the last waits.

Invariant: it follows from the events alone. Memory is bounded by the queues, the calls that wait and the wrap-ups
that run; old experience fades by halving, so that a queue that changes is followed.

A downtime of the server teaches nothing about the next caller's wait: it is left out of the last waits and of wrap-ups,
and a talk that it cut through, whose end could not be told, is no sample. Patience goes on: those who gave up in it are
told of afterwards.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from router.engine.events import (
    CallAbandoned,
    CallAssigned,
    CallCompleted,
    CallEnqueued,
    CallMoved,
    CallOverflowed,
    CallRefused,
    CallRequeued,
    CallTransferred,
    CallTurnedIntoCallback,
    Event,
    OfferMade,
    Restarted,
    WrapUpEnded,
    WrapUpStarted,
)
from router.engine.vocabulary import AssignmentCause

SAMPLES_MAX: Final = 1024  # at this count sums and counts are halved
DOWNTIMES_MAX: Final = 32  # the last ones are remembered


class Average:
    """A mean that forgets: at `SAMPLES_MAX` samples both count and sum are halved."""

    def __init__(self) -> None:
        self.count = 0
        self.sum_us = 0

    def extend(self, value_us: int) -> None:
        """Add to the last sample instead of counting a new one."""
        self.sum_us += value_us

    def add(self, value_us: int) -> None:
        """Add one sample."""
        self.count += 1
        self.sum_us += value_us
        if self.count >= SAMPLES_MAX:
            self.count //= 2
            self.sum_us //= 2

    @property
    def mean_us(self) -> float:
        """Return the mean; 0 without samples."""
        return self.sum_us / self.count if self.count else 0.0


class QueueHistory:
    """What is known of one queue.

    `service` is the time that a call keeps its agent, wrap-up included; `wrapping_up` agents are at it. `served` counts
    waits that ended with an agent, `last_wait_us` is the last of them. Patience: `abandoned` callers over `exposed_us`
    of waiting, that of the answered included, for they are censored observations.
    """

    def __init__(self) -> None:
        self.service = Average()
        self.wrapping_up = 0
        self.served = 0
        self.last_wait_us = 0
        self.waits = 0
        self.abandoned = 0
        self.exposed_us = 0

    @property
    def patience_rate(self) -> float:
        """Return abandonments per microsecond of waiting: the maximum-likelihood rate under censoring."""
        return self.abandoned / self.exposed_us if self.exposed_us else 0.0

    def add_wait(self, wait_us: int, *, abandoned: bool) -> None:
        """Count one stretch of waiting and how it ended."""
        self.waits += 1
        self.abandoned += abandoned
        self.exposed_us += wait_us
        if self.waits >= SAMPLES_MAX:
            self.waits //= 2
            self.abandoned //= 2
            self.exposed_us //= 2


class History:
    """Learns from events, queue by queue."""

    def __init__(self) -> None:
        self.queues: dict[str, QueueHistory] = {}
        self._waiting: dict[str, tuple[str, int]] = {}  # call -> its queue, since when it is at risk of being given up
        self._wrap_ups: dict[int, tuple[str, int]] = {}  # offer -> queue, start
        self._completed: tuple[int, str] = (0, "")  # the last completed pairing and its queue
        self._downtimes: deque[tuple[int, int]] = deque(maxlen=DOWNTIMES_MAX)  # end, duration

    def observe(self, events: Sequence[Event]) -> None:
        """Learn from events, in their order. O(events)."""
        for event in events:
            handler = _HANDLERS.get(type(event))
            if handler is not None:
                handler(self, event)

    def queue(self, queue: str) -> QueueHistory:
        """Return what is known of a queue; all zero if nothing is."""
        found = self.queues.get(queue)
        return found if found is not None else QueueHistory()

    def downtime_since(self, time_us: int) -> int:
        """Return for how long the server was down after a moment, 0 for a moment after the last restart."""
        return sum(downtime_us for end_us, downtime_us in self._downtimes if end_us > time_us)

    def forget(self, queues_kept: Mapping[str, object]) -> None:
        """Forget queues that are no longer configured."""
        self.queues = {name: known for name, known in self.queues.items() if name in queues_kept}

    def _learn(self, queue: str) -> QueueHistory:
        found = self.queues.get(queue)
        if found is None:
            found = self.queues[queue] = QueueHistory()
        return found

    def _on_restarted(self, event: Restarted) -> None:
        self._downtimes.append((event.time_us, event.downtime_us))

    def _start_wait(self, event: CallEnqueued) -> None:
        self._waiting[event.call] = (event.queue, event.time_us)

    def _end_wait(self, call: str, time_us: int, *, abandoned: bool = False) -> bool:
        waited = self._waiting.pop(call, None)
        if waited is not None:
            queue, since_us = waited
            self._learn(queue).add_wait(time_us - since_us, abandoned=abandoned)
        return waited is not None

    def _change_queue(self, event: CallOverflowed | CallMoved) -> None:
        if self._end_wait(event.call, event.time_us):
            self._waiting[event.call] = (event.queue, event.time_us)

    def _on_transferred(self, event: CallTransferred) -> None:
        self._end_wait(event.call, event.time_us)
        self._waiting[event.call] = (event.queue, event.time_us)

    def _on_requeued(self, event: CallRequeued) -> None:
        # it may come from an offer, with its wait still running, or from an agent
        self._waiting.setdefault(event.call, (event.queue, event.time_us))

    def _on_callback(self, event: CallTurnedIntoCallback) -> None:
        self._end_wait(event.call, event.time_us)

    def _on_offered(self, event: OfferMade) -> None:
        if event.callback:  # nobody is on the line who could give up
            self._waiting.pop(event.call, None)

    def _on_assigned(self, event: CallAssigned) -> None:
        self._end_wait(event.call, event.time_us)
        if event.cause is not AssignmentCause.FORCED:
            known = self._learn(event.queue)
            known.served += 1
            known.last_wait_us = event.wait_us - self.downtime_since(event.time_us - event.wait_us)

    def _on_abandoned(self, event: CallAbandoned) -> None:
        self._end_wait(event.call, event.time_us, abandoned=True)

    def _on_refused(self, event: CallRefused) -> None:
        self._end_wait(event.call, event.time_us)

    def _on_completed(self, event: CallCompleted) -> None:
        known = self._learn(event.queue)
        if self.downtime_since(event.time_us - event.handle_us):
            return
        known.service.add(event.handle_us)
        self._completed = (event.offer, event.queue)

    def _on_wrap_up_started(self, event: WrapUpStarted) -> None:
        # where the talk is no sample (a transfer has no CallCompleted), neither is the wrap-up
        offer, queue = self._completed
        if offer == event.offer:
            self._wrap_ups[event.offer] = (queue, event.time_us)
            self._learn(queue).wrapping_up += 1

    def _on_wrap_up_ended(self, event: WrapUpEnded) -> None:
        started = self._wrap_ups.pop(event.offer, None)
        known = self.queues.get(started[0]) if started is not None else None
        if started is not None and known is not None:
            known.service.extend(event.time_us - started[1] - self.downtime_since(started[1]))
            known.wrapping_up = max(0, known.wrapping_up - 1)


_HANDLERS: Final[Mapping[type, Callable[[History, Any], None]]] = {
    CallEnqueued: History._start_wait,
    CallOverflowed: History._change_queue,
    CallMoved: History._change_queue,
    CallTransferred: History._on_transferred,
    CallRequeued: History._on_requeued,
    CallTurnedIntoCallback: History._on_callback,
    OfferMade: History._on_offered,
    CallAssigned: History._on_assigned,
    CallAbandoned: History._on_abandoned,
    CallRefused: History._on_refused,
    CallCompleted: History._on_completed,
    WrapUpStarted: History._on_wrap_up_started,
    WrapUpEnded: History._on_wrap_up_ended,
    Restarted: History._on_restarted,
}
