"""Stays in plain Python, event by event: what the net changes of the native `Waiting` are held against."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from router.engine import Engine
from router.engine import events as e
from router.engine.vocabulary import EngagementState


class PlainStay:
    """One call in one queue. `left` and `judged` stand for whatever is known of a stay and goes with it."""

    def __init__(self, call: str, queue: str, sequence: int) -> None:
        self.call = call
        self.queue = queue
        self.sequence = sequence
        self.offered = False
        self.judged = False
        self.left: frozenset[str] = frozenset()


class PlainStays:
    """Which calls wait. `news` counts the commands that changed anything of that."""

    def __init__(self) -> None:
        self.of_call: dict[str, PlainStay] = {}
        self.fresh: set[str] = set()
        self.news = 0
        self._changed = False

    def begin(self, engine: Engine) -> None:
        for queue in engine.queues():
            for call in engine.waiting(queue.queue, queue.waiting) if queue.waiting else ():
                self._enter(call, queue.queue, engine.sequence)
        for agent in engine.agents():
            for engagement in agent.engagements:
                if engagement.state is EngagementState.OFFERED:
                    self._enter(engagement.call, engine.call(engagement.call).queue, engine.sequence)
                    self._offer(engagement.call)
        for stay in self.of_call.values():
            stay.judged = True
        self._changed = False

    def observe(self, events: Iterable[e.Event]) -> None:
        for event in events:
            act = _ACTS.get(type(event))
            if act is not None:
                act(self, event)
        self.news += self._changed
        self._changed = False

    def _enter(self, call: str, queue: str, sequence: int) -> None:
        before = self._leave(call)
        stay = PlainStay(call, queue, sequence)
        if before is not None:
            stay.left = before.left
        self.of_call[call] = stay
        self.fresh.add(call)
        self._changed = True

    def _leave(self, call: str) -> PlainStay | None:
        stay = self.of_call.pop(call, None)
        if stay is not None:
            self.fresh.discard(call)
            self._changed = True
        return stay

    def _offer(self, call: str) -> None:
        stay = self.of_call.get(call)
        if stay is not None and not stay.offered:
            stay.offered = True
            self.fresh.discard(call)
            self._changed = True

    def _withdraw(self, call: str) -> None:
        stay = self.of_call.get(call)
        if stay is not None and stay.offered:
            stay.offered = False
            self.fresh.add(call)
            self._changed = True

    def _on_moved(self, event: e.CallMoved) -> None:
        stay = self.of_call.get(event.call)
        if stay is not None:
            self._enter(event.call, event.queue, event.sequence)
            if stay.offered:
                self._offer(event.call)

    def _on_requeued(self, event: e.CallRequeued) -> None:
        if event.call not in self.of_call or not event.kept_place:
            self._enter(event.call, event.queue, event.sequence)


_ACTS: Final[Mapping[type, Callable[[PlainStays, Any], object]]] = {
    e.CallEnqueued: lambda stays, event: stays._enter(event.call, event.queue, event.sequence),
    e.CallOverflowed: lambda stays, event: stays._enter(event.call, event.queue, event.sequence),
    e.CallTransferred: lambda stays, event: stays._enter(event.call, event.queue, event.sequence),
    e.CallMoved: PlainStays._on_moved,
    e.CallRequeued: PlainStays._on_requeued,
    e.OfferMade: lambda stays, event: stays._offer(event.call),
    e.OfferRejected: lambda stays, event: stays._withdraw(event.call),
    e.OfferExpired: lambda stays, event: stays._withdraw(event.call),
    e.OfferWithdrawn: lambda stays, event: stays._withdraw(event.call),
    e.CallAssigned: lambda stays, event: stays._leave(event.call),
    e.CallAbandoned: lambda stays, event: stays._leave(event.call),
    e.CallRefused: lambda stays, event: stays._leave(event.call),
    e.CallCompleted: lambda stays, event: stays._leave(event.call),
}
