"""The recent past: events by sequence, bounded in number, each with the queues that it is about.

Keeps one invariant: what is here is a gap-free stretch of the history that ends now; everything after
`forgotten_sequence` is in it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from router.engine import Engine
from router.engine.events import (
    CallAbandoned,
    CallCompleted,
    CallEnqueued,
    CallMoved,
    CallOverflowed,
    CallRefused,
    CallTransferred,
    Event,
    WrapUpEnded,
    WrapUpStarted,
)
from router.engine.vocabulary import EngagementState
from router.v1 import events_pb2
from router.wire.events import encode_event


class Entry:
    """One event, the queues that it is about, and its message, which is made when first wanted."""

    __slots__ = ("_message", "command_time_us", "event", "queues", "sequence")

    def __init__(self, event: Event, command_time_us: int, queues: tuple[str, ...]) -> None:
        self.sequence = event.sequence
        self.command_time_us = command_time_us
        self.event = event
        self.queues = queues
        self._message: events_pb2.Event | None = None

    @property
    def message(self) -> events_pb2.Event:
        """The event as a message; all watchers share it."""
        if self._message is None:
            self._message = encode_event(self.event)
        return self._message


class QueueTracker:
    """Know which queue a call is in, or a wrap-up belongs to, from the events alone."""

    def __init__(self) -> None:
        self._queue_of_call: dict[str, str] = {}
        self._queue_of_wrap_up: dict[int, str] = {}
        self._left_queue = ""

    @classmethod
    def of(cls, engine: Engine) -> QueueTracker:
        """Return a tracker that knows what it would know if it had seen how the engine became what it is. O(state)."""
        tracker = cls()
        for call in engine.calls():
            if call.finished_us is None:
                tracker._queue_of_call[call.call] = call.queue
        for agent in engine.agents():
            for engagement in agent.engagements:
                if engagement.state is EngagementState.WRAP_UP:
                    tracker._queue_of_wrap_up[engagement.offer] = engagement.queue
        return tracker

    def queues(self, event: Event) -> tuple[str, ...]:
        """Return the queues that the next event is about; none for events about agents alone."""
        match event:
            case CallEnqueued():
                self._queue_of_call[event.call] = event.queue
            case CallTransferred() | CallOverflowed() | CallMoved():
                self._queue_of_call[event.call] = event.queue
                self._left_queue = event.from_queue
                return (event.from_queue, event.queue)
            case CallCompleted():
                self._left_queue = self._queue_of_call.pop(event.call, event.queue)
            case CallAbandoned() | CallRefused():
                self._queue_of_call.pop(event.call, None)
            case WrapUpStarted():
                # it follows at once on the completion or transfer that it comes from
                self._queue_of_wrap_up[event.offer] = self._left_queue
                return (self._left_queue,)
            case WrapUpEnded():
                queue = self._queue_of_wrap_up.pop(event.offer, None)
                return () if queue is None else (queue,)
        queue = getattr(event, "queue", None) or self._queue_of_call.get(getattr(event, "call", ""))
        return () if queue is None else (queue,)


class History:
    """Keep the last `events_max` events or a little more. Adding and finding cost O(log n) at most."""

    def __init__(self, events_max: int, *, sequence: int, time_us: int, tracker: QueueTracker | None = None) -> None:
        self._events_max = events_max
        self._entries: list[Entry] = []
        self._first = 0
        self._tracker = tracker or QueueTracker()
        self.forgotten_sequence = sequence
        """The last sequence whose events are not, or not all, here."""
        self.sequence = sequence
        """The last sequence that is part of the history, with events or without."""
        self.time_us = time_us
        """The engine time of that sequence."""

    @property
    def end(self) -> int:
        """The number that the next event will get; events are numbered from 0 for as long as the server runs."""
        return self._first + len(self._entries)

    @property
    def first(self) -> int:
        """The number of the oldest event that is here."""
        return self._first

    def add(self, sequence: int, time_us: int, events: Sequence[Event]) -> None:
        """Add what one command brought."""
        self._entries.extend([Entry(event, time_us, self._tracker.queues(event)) for event in events])
        self.sequence = sequence
        self.time_us = time_us
        surplus = len(self._entries) - self._events_max
        if surplus > self._events_max // 8:
            self.forgotten_sequence = self._entries[surplus - 1].sequence
            del self._entries[:surplus]
            self._first += surplus

    def number_after(self, sequence: int) -> int:
        """Return the number of the first event after a sequence that is not forgotten."""
        return self._first + bisect_right(self._entries, sequence, key=lambda entry: entry.sequence)

    def slice(self, start: int, entries_max: int) -> Sequence[Entry]:
        """Return up to `entries_max` events from number `start` on, which must not be forgotten."""
        index = start - self._first
        return self._entries[index : index + entries_max]

    def sequence_at(self, number: int) -> int:
        """Return the sequence of an event that is here."""
        return self._entries[number - self._first].sequence
