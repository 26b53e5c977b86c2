"""What the native history is compared with: the same rules over the events as values, without regard to cost."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

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
from router.engine.views import Result
from router.engine.vocabulary import EngagementState
from router.v1 import watch_service_pb2
from router.wire.events import encode_event
from router.wire.results import encode_header
from tests.engine.drive import Run, draw_operation
from tests.engine.lockstep import Restore, outcome
from tests.oracle import Oracle


class Entry(NamedTuple):
    """One event, the command's time, and the queues that the event is about."""

    event: Event
    time_us: int
    queues: tuple[str, ...]


class QueueModel:
    """Know which queue a call is in, or a wrap-up belongs to, by their names."""

    def __init__(self, engine: Engine) -> None:
        self.queue_of_call = {call.call: call.queue for call in engine.calls() if call.finished_us is None}
        self.queue_of_wrap_up = {
            engagement.offer: engagement.queue
            for agent in engine.agents()
            for engagement in agent.engagements
            if engagement.state is EngagementState.WRAP_UP
        }
        self.left_queue = ""

    def queues(self, event: Event) -> tuple[str, ...]:
        """Return the queues that the next event is about."""
        match event:
            case CallEnqueued():
                self.queue_of_call[event.call] = event.queue
            case CallTransferred() | CallOverflowed() | CallMoved():
                self.queue_of_call[event.call] = event.queue
                self.left_queue = event.from_queue
                return (event.from_queue, event.queue)
            case CallCompleted():
                self.left_queue = self.queue_of_call.pop(event.call)
            case CallAbandoned() | CallRefused():
                del self.queue_of_call[event.call]
            case WrapUpStarted():
                self.queue_of_wrap_up[event.offer] = self.left_queue
                return (self.left_queue,)
            case WrapUpEnded():
                return (self.queue_of_wrap_up.pop(event.offer),)
        queue = getattr(event, "queue", None) or self.queue_of_call.get(getattr(event, "call", ""))
        return () if queue is None else (queue,)


class Wanted(NamedTuple):
    """A filter; an empty collection sets no condition."""

    queues: Collection[str] = ()
    agents: Collection[str] = ()
    calls: Collection[str] = ()
    kinds: Collection[type[Any]] = ()

    def passes(self, entry: Entry) -> bool:
        """Say whether an event meets every condition."""
        event = entry.event
        return (
            (not self.kinds or type(event) in self.kinds)
            and (not self.queues or not set(self.queues).isdisjoint(entry.queues))
            and (not self.agents or getattr(event, "agent", None) in self.agents)
            and (not self.calls or getattr(event, "call", None) in self.calls)
        )


class HistoryModel:
    """Everything observed, and how far it is published."""

    def __init__(self, engine: Engine, events_max: int) -> None:
        self.tracker = QueueModel(engine)
        self.events_max = events_max
        self.entries: list[Entry] = []
        self.times = {engine.sequence: engine.time_us}
        self.sequence = self.forgotten_sequence = engine.sequence
        self.first = self.end = 0

    def observe(self, engine: Engine, events: list[Event]) -> None:
        """Learn what one command brought."""
        self.entries += [Entry(event, engine.time_us, self.tracker.queues(event)) for event in events]
        self.times[engine.sequence] = engine.time_us

    def publish(self, sequence: int) -> None:
        """Show what was observed up to a sequence."""
        self.sequence = sequence
        self.end = sum(entry.event.sequence <= sequence for entry in self.entries)
        self.first = max(self.first, self.end - self.events_max)
        if self.first:
            self.forgotten_sequence = self.entries[self.first - 1].event.sequence

    def take(self, start: int, wanted: Wanted, events_max: int, sequence_min: int) -> tuple[bytes, int, int, int]:
        """Return what History.take returns."""
        following = min(start + events_max, self.end)
        sequence, time_us = self.sequence, self.times[self.sequence]
        if following < self.end:
            unfinished = self.entries[following].event.sequence
            whole = [n for n in range(start, following) if self.entries[n].event.sequence != unfinished]
            following = whole[-1] + 1 if whole else following
            last = self.entries[following - 1]
            sequence = last.event.sequence - (self.entries[following].event.sequence == last.event.sequence)
            time_us = last.time_us
        sequence = max(sequence, sequence_min)
        passing = [entry.event for entry in self.entries[start:following] if wanted.passes(entry)]
        response = watch_service_pb2.WatchResponse(
            header=encode_header(sequence, time_us), events=[encode_event(event) for event in passing]
        )
        return response.SerializeToString(), len(passing), following, sequence


def random_stretches(seed: str, count: int) -> Iterator[tuple[Engine, Iterator[list[Event]]]]:
    """Yield an engine and, by command, what random ones brought; then one restored from its snapshot, and so on."""
    run = Run(seed)
    engine = Engine(run.settings, time_us=run.start_us)
    oracle = Oracle(run.settings, time_us=run.start_us)
    last = engine.sequence + count

    def stretch() -> Iterator[list[Event]]:
        while engine.sequence < last:
            operation = draw_operation(run.choices, run.world, oracle, run.mix, run.grid_us)
            if isinstance(operation, Restore):
                return
            before = engine.sequence
            told = outcome(engine, operation)
            outcome(oracle, operation)
            if engine.sequence != before:
                # a request's answer stands in front of the events
                yield [one for one in told if not isinstance(one, Result)]

    while engine.sequence < last:
        yield engine, stretch()
        engine = Engine.restore(engine.snapshot())


def random_commands(seed: str, count: int) -> Iterator[tuple[Engine, list[Event]]]:
    """Yield the engine and the events after each of `count` random commands that it has numbered."""
    for engine, stretch in random_stretches(seed, count):
        for events in stretch:
            yield engine, events
