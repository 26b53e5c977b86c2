"""Stays: the calls whose callers wait to hear how long, each for as long as it is in one queue.

Keeps one invariant: after each command the stays are exactly the calls that the engine has waiting or offered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from router.engine import Engine
from router.engine import events as e
from router.engine.vocabulary import EngagementState
from router.server.work import Happening
from router.wait import FutureSet, WaitEstimate


class Stay:
    """One call in one queue, and the last that futures have said of it.

    It began with command `sequence`. `estimate` counts from `taken_us`, the engine time of the situation that its
    futures began with; it has been there since `ready_s`, in real time, and came of set number `set_number`.
    `announced_end_us` is when the call was last said to be answered. `judged` says that its first estimate was held
    against the queue's limit; `left` are the queues that it has left because of one.
    """

    __slots__ = (
        "announced_end_us",
        "call",
        "estimate",
        "futures",
        "judged",
        "left",
        "offered",
        "queue",
        "ready_s",
        "sequence",
        "set_number",
        "taken_us",
    )

    def __init__(self, call: str, queue: str, sequence: int) -> None:
        self.call = call
        self.queue = queue
        self.sequence = sequence
        self.offered = False
        self.estimate: WaitEstimate | None = None
        self.futures: FutureSet | None = None
        self.set_number = 0
        self.taken_us = 0
        self.ready_s = float("-inf")
        self.announced_end_us: int | None = None
        self.judged = False
        self.left: frozenset[str] = frozenset()


class Stays:
    """Follow which calls wait. `on_news` is called after a command that changed anything of that. An `Observer`.

    `fresh` are those that have come since futures were last asked about everybody who waits.
    """

    def __init__(self, on_news: Callable[[], None] = lambda: None) -> None:
        self.of_call: dict[str, Stay] = {}
        self.of_queue: dict[str, dict[str, Stay]] = {}
        self.fresh: set[str] = set()
        self.on_news = on_news
        self._changed = False
        self._offered = 0

    @property
    def waiting(self) -> int:
        """How many calls wait and are not on offer."""
        return len(self.of_call) - self._offered

    def begin(self, engine: Engine) -> None:
        """Begin where the engine stands; limits were heeded before. O(live calls + agents)."""
        self.of_call.clear()
        self.of_queue.clear()
        self.fresh.clear()
        self._offered = 0
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

    def observe(self, happening: Happening) -> None:
        """Follow one command. O(events)."""
        acts = _ACTS
        for event in happening.events:
            act = acts.get(type(event))
            if act is not None:
                act(self, event)
        if self._changed:
            self._changed = False
            self.on_news()

    def passing(self, queues: Iterable[str], calls: Iterable[str]) -> list[Stay]:
        """Return the stays in any of the queues, if there are any, and of any of the calls, if there are any."""
        wanted = frozenset(queues)
        named = [stay for call in calls if (stay := self.of_call.get(call)) is not None]
        if calls:
            return [stay for stay in named if not wanted or stay.queue in wanted]
        if wanted:
            return [stay for queue in wanted for stay in self.of_queue.get(queue, {}).values()]
        return list(self.of_call.values())

    def _enter(self, call: str, queue: str, sequence: int) -> None:
        before = self._leave(call)
        stay = Stay(call, queue, sequence)
        if before is not None:
            stay.left = before.left
        self.of_call[call] = stay
        self.of_queue.setdefault(queue, {})[call] = stay
        self.fresh.add(call)
        self._changed = True

    def _leave(self, call: str) -> Stay | None:
        stay = self.of_call.pop(call, None)
        if stay is not None:
            line = self.of_queue[stay.queue]
            del line[call]
            if not line:
                del self.of_queue[stay.queue]
            self._offered -= stay.offered
            self.fresh.discard(call)
            self._changed = True
        return stay

    def _offer(self, call: str) -> None:
        stay = self.of_call.get(call)
        if stay is not None and not stay.offered:
            stay.offered = True
            self._offered += 1
            self.fresh.discard(call)
            self._changed = True

    def _withdraw(self, call: str) -> None:
        stay = self.of_call.get(call)
        if stay is not None and stay.offered:
            stay.offered = False
            self._offered -= 1
            # sets run meanwhile said nothing of it
            self.fresh.add(call)
            self._changed = True

    def _on_moved(self, event: e.CallMoved) -> None:
        stay = self.of_call.get(event.call)
        if stay is not None:
            self._enter(event.call, event.queue, event.sequence)
            if stay.offered:
                self._offer(event.call)

    def _on_requeued(self, event: e.CallRequeued) -> None:
        # it may come from an offer, with its stay going on, or from an agent
        stay = self.of_call.get(event.call)
        if stay is None or not event.kept_place:
            self._enter(event.call, event.queue, event.sequence)


_ACTS: Final[Mapping[type, Callable[[Stays, Any], object]]] = {
    e.CallEnqueued: lambda stays, event: stays._enter(event.call, event.queue, event.sequence),
    e.CallOverflowed: lambda stays, event: stays._enter(event.call, event.queue, event.sequence),
    e.CallTransferred: lambda stays, event: stays._enter(event.call, event.queue, event.sequence),
    e.CallMoved: Stays._on_moved,
    e.CallRequeued: Stays._on_requeued,
    e.OfferMade: lambda stays, event: stays._offer(event.call),
    e.OfferRejected: lambda stays, event: stays._withdraw(event.call),
    e.OfferExpired: lambda stays, event: stays._withdraw(event.call),
    e.OfferWithdrawn: lambda stays, event: stays._withdraw(event.call),
    e.CallAssigned: lambda stays, event: stays._leave(event.call),
    e.CallAbandoned: lambda stays, event: stays._leave(event.call),
    e.CallRefused: lambda stays, event: stays._leave(event.call),
    e.CallCompleted: lambda stays, event: stays._leave(event.call),
}
