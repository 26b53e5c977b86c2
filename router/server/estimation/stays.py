"""Stays: the calls whose callers wait to hear how long, each for as long as it is in one queue.

Keeps one invariant: whenever they are read, the stays are exactly the calls that the engine has waiting or offered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from router.engine import Engine
from router.engine.vocabulary import EngagementState
from router.server._native import Waiting
from router.wait import FutureSet, WaitEstimate

_CHANGES_MAX: Final = 500
"""So many changes wait for somebody to read, so that nobody who does is held up for long."""


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
    """Follow which calls wait, by the net changes that `changes` has gathered when somebody reads.

    `on_news` is called after a work that changed anything of that. `fresh` are those that have come since futures were
    last asked about everybody who waits.
    """

    def __init__(self, changes: Waiting, on_news: Callable[[], None] = lambda: None) -> None:
        self.on_news = on_news
        self._changes = changes
        self._of_call: dict[str, Stay] = {}
        self._of_queue: dict[str, dict[str, Stay]] = {}
        self._fresh: set[str] = set()
        self._offered = 0

    @property
    def of_call(self) -> dict[str, Stay]:
        """All of them, by call."""
        self._catch_up()
        return self._of_call

    @property
    def of_queue(self) -> dict[str, dict[str, Stay]]:
        """All of them, by queue and call."""
        self._catch_up()
        return self._of_queue

    @property
    def fresh(self) -> set[str]:
        """The calls that have come, or come back from an offer, since this was last cleared, and still wait."""
        self._catch_up()
        return self._fresh

    @property
    def waiting(self) -> int:
        """How many calls wait and are not on offer."""
        self._catch_up()
        return len(self._of_call) - self._offered

    @property
    def may_have_fresh(self) -> bool:
        """Whether somebody may be in `fresh`: False if nobody is. O(1)."""
        return self._changes.has_waiting or bool(self._fresh)

    def begin(self, engine: Engine) -> None:
        """Begin where the engine stands; limits were heeded before. O(live calls + agents)."""
        self._of_call.clear()
        self._of_queue.clear()
        self._fresh.clear()
        self._offered = 0
        self._changes.begin()
        for queue in engine.queues():
            for call in engine.waiting(queue.queue, queue.waiting) if queue.waiting else ():
                self._enter(call, queue.queue, engine.sequence)
        for agent in engine.agents():
            for engagement in agent.engagements:
                if engagement.state is EngagementState.OFFERED:
                    self._enter(engagement.call, engine.call(engagement.call).queue, engine.sequence)
                    self._set_offered(engagement.call, True)
        for stay in self._of_call.values():
            stay.judged = True

    def caught_up(self) -> None:
        """Learn that a work is done, and say the news if there are any. O(1) most times, amortized O(changes)."""
        if len(self._changes) > _CHANGES_MAX:
            self._catch_up()
        if self._changes.take_news():
            self.on_news()

    def passing(self, queues: Iterable[str], calls: Iterable[str]) -> list[Stay]:
        """Return the stays in any of the queues, if there are any, and of any of the calls, if there are any."""
        of_call, of_queue = self.of_call, self._of_queue
        wanted = frozenset(queues)
        named = [stay for call in calls if (stay := of_call.get(call)) is not None]
        if calls:
            return [stay for stay in named if not wanted or stay.queue in wanted]
        if wanted:
            return [stay for queue in wanted for stay in of_queue.get(queue, {}).values()]
        return list(of_call.values())

    def _catch_up(self) -> None:
        """Take over what has changed since the last time. O(changes), O(1) if there are none."""
        if not len(self._changes):
            return
        for what, call, offered, queue, sequence, follows in self._changes.take():
            if what == "left":
                self._leave(call)
                continue
            if what == "entered":
                self._enter(call, queue, sequence, follows=follows)
            self._set_offered(call, offered)

    def _enter(self, call: str, queue: str, sequence: int, *, follows: bool = False) -> None:
        before = self._leave(call)
        stay = Stay(call, queue, sequence)
        if before is not None and follows:
            stay.left = before.left
        self._of_call[call] = stay
        self._of_queue.setdefault(queue, {})[call] = stay
        self._fresh.add(call)

    def _leave(self, call: str) -> Stay | None:
        stay = self._of_call.pop(call, None)
        if stay is not None:
            line = self._of_queue[stay.queue]
            del line[call]
            if not line:
                del self._of_queue[stay.queue]
            self._offered -= stay.offered
            self._fresh.discard(call)
        return stay

    def _set_offered(self, call: str, offered: bool) -> None:
        """Take over whether a call is on offer, which has changed, if only for a while."""
        stay = self._of_call.get(call)
        if stay is None:
            return
        self._offered += offered - stay.offered
        stay.offered = offered
        if offered:
            self._fresh.discard(call)
        else:
            # sets run meanwhile said nothing of it
            self._fresh.add(call)
