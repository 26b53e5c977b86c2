"""Watching wait estimates: each watcher compares what it has told with what is true now, whenever it can send.

Keeps one invariant: nothing is kept for a watcher but what it was told last, so a slow one costs nothing and hears the
newest. Looking for changes takes at most 2 % of the time, whoever watches what.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final, NamedTuple

from router.engine import Engine
from router.engine.errors import UnknownName
from router.engine.vocabulary import CallState
from router.server.clock import Clock
from router.server.errors import Refusal
from router.server.estimation.announced import MIN_CHANGE_US, is_change
from router.server.estimation.estimation import Estimation
from router.server.estimation.pace import Share
from router.server.estimation.stays import Stay
from router.v1 import call_service_pb2 as pb
from router.wait import WaitEstimate
from router.wire.results import encode_header
from router.wire.vocabulary import CALL_STATE

UPDATES_MAX: Final = 200
"""How many updates one response has at most."""
_PORTION: Final = 50
_SHARE: Final = 0.02
_PAUSE_S: Final = 0.1
"""Watchers look for news so often at most."""
_RETRY_AFTER_US: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which calls a watcher wants to hear of, and by how much an announced end must move; an empty set: all."""

    queues: frozenset[str] = frozenset()
    calls: frozenset[str] = frozenset()
    min_change_us: int = MIN_CHANGE_US


class _Told(NamedTuple):
    """What was told last of a call: in which stay, and when it was said to be answered, in engine time.

    None for the end where nobody can tell, or a telephone rings for it already.
    """

    stay: Stay
    offered: bool
    position: int | None
    end_us: int | None
    left_us: int
    unanswered: bool


class WaitWatcher:
    """One watch of wait estimates."""

    def __init__(self, hub: WaitHub, wanted: Wanted) -> None:
        self._hub = hub
        self._wanted = wanted
        self._told: dict[str, _Told] = {}
        self._looking: list[Stay | _Told] = []
        self._complete = False
        self._news = asyncio.Event()
        self._news.set()

    def notice(self) -> None:
        """Learn that there may be news."""
        self._news.set()

    async def next_response(self, heartbeat_s: float) -> pb.WatchWaitEstimatesResponse | None:
        """Return what has changed, or after `heartbeat_s` without any that nothing has; None at the end."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + heartbeat_s
        while not self._hub.closed:
            if self._looking or self._news.is_set():
                response = await self._look()
                if response is not None:
                    return response
            try:
                async with asyncio.timeout_at(until_s):
                    await self._news.wait()
            except TimeoutError:
                return await self._hub.response([])
        return None

    async def _look(self) -> pb.WatchWaitEstimatesResponse | None:
        """Look at everybody once; return as soon as a response is full, and go on from there the next time."""
        updates: list[pb.WaitUpdate] = []
        if not self._looking:
            await self._hub.turn()
            self._news.clear()
            with self._hub.share.work():
                here = self._hub.estimation.stays.passing(self._wanted.queues, self._wanted.calls)
                gone = [told for told in self._told.values() if self._is_gone(told)]
                self._looking = [*here, *gone]
        while self._looking and len(updates) < UPDATES_MAX:
            await self._hub.turn()
            with self._hub.share.work():
                for _ in range(min(_PORTION, len(self._looking))):
                    item = self._looking.pop()
                    update = self._end_of(item) if isinstance(item, _Told) else self._update_of(item)
                    if update is not None:
                        updates.append(update)
        first = not self._complete and not self._looking
        if not updates and not first:
            return None
        self._complete = self._complete or first
        return await self._hub.response(updates, complete=first)

    def _is_gone(self, told: _Told) -> bool:
        stay = self._hub.estimation.stays.of_call.get(told.stay.call)
        return stay is None or (bool(self._wanted.queues) and stay.queue not in self._wanted.queues)

    def _end_of(self, told: _Told) -> pb.WaitUpdate | None:
        """Return the last update of a call, unless it waits again."""
        call = told.stay.call
        if call not in self._told or not self._is_gone(told):
            return None
        del self._told[call]
        update = pb.WaitUpdate(call=call, queue=told.stay.queue)
        with suppress(UnknownName):
            update.call_state = _wire_state(self._hub.engine.call(call).state)
        return update

    def _update_of(self, stay: Stay) -> pb.WaitUpdate | None:
        """Return what is to be told of a call now, None if nothing that matters has changed."""
        estimation = self._hub.estimation
        if estimation.stays.of_call.get(stay.call) is not stay:
            return None
        told = self._told.get(stay.call)
        if self._complete and told is None and not stay.offered and estimation.expects_futures(stay):
            # the first thing that is told should not be taken back a moment later
            return None
        estimate = estimation.now(stay)
        now = _told(stay, estimate, self._hub.clock.now_us())
        if told is not None and not _matters(told, now, self._wanted.min_change_us):
            return None
        self._told[stay.call] = now
        estimation.meter.told(estimate)
        return pb.WaitUpdate(
            call=stay.call,
            queue=stay.queue,
            call_state=_wire_state(CallState.OFFERED if stay.offered else CallState.WAITING),
            wait_estimate=estimation.estimate_message(estimate, stay.queue, stay.call),
        )


def _wire_state(state: CallState) -> Any:
    return CALL_STATE.to_wire[state]


def _told(stay: Stay, estimate: WaitEstimate, now_us: int) -> _Told:
    mean_us = estimate.mean_us
    end_us = None if mean_us is None or stay.offered else now_us + mean_us
    return _Told(stay, stay.offered, estimate.position, end_us, mean_us or 0, estimate.unanswered)


def _matters(told: _Told, now: _Told, min_change_us: int) -> bool:
    if told.stay is not now.stay or told.offered != now.offered or told.position != now.position:
        return True
    if told.end_us is None or now.end_us is None:
        return told.end_us != now.end_us or told.unanswered != now.unanswered
    return is_change(told.end_us, told.left_us, now.end_us, min_change_us)


class WaitHub:
    """All watchers of wait estimates of one server."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        estimation: Estimation,
        durable: Callable[[int | None], Awaitable[None]],
        *,
        watchers_max: int,
        now_s: Callable[[], float] = monotonic,
    ) -> None:
        self.engine = engine
        self.clock = clock
        self.estimation = estimation
        self._durable = durable
        self.closed = False
        self.share = Share(_SHARE, now_s)
        self._now_s = now_s
        self._watchers_max = watchers_max
        self._watchers: set[WaitWatcher] = set()
        self._waking: asyncio.TimerHandle | None = None
        estimation.on_news = self._on_news

    def __len__(self) -> int:
        return len(self._watchers)

    def open(self, wanted: Wanted) -> WaitWatcher:
        """Begin a watch. Raises `Refusal`: OVERLOADED, SHUTTING_DOWN."""
        if self.closed:
            raise Refusal("SHUTTING_DOWN")
        if len(self._watchers) >= self._watchers_max:
            text = f"{self._watchers_max:,} watchers of wait estimates already"
            raise Refusal("OVERLOADED", text, retry_after_us=_RETRY_AFTER_US)
        watcher = WaitWatcher(self, wanted)
        self._watchers.add(watcher)
        return watcher

    def leave(self, watcher: WaitWatcher) -> None:
        """End a watch."""
        self._watchers.discard(watcher)

    def close(self) -> None:
        """Let every watcher end."""
        self.closed = True
        self._wake()

    async def turn(self) -> None:
        """Wait until watchers may look again."""
        await asyncio.sleep(0)
        while (left_s := self.share.free_s - self._now_s()) > 0:
            await asyncio.sleep(left_s)

    async def response(
        self, updates: Sequence[pb.WaitUpdate], *, complete: bool = False
    ) -> pb.WatchWaitEstimatesResponse:
        """Return a response with updates as of now, once all that they may have seen is durable. Raises `Refusal`."""
        header = encode_header(self.engine.sequence, self.engine.time_us)
        await self._durable(header.sequence)
        return pb.WatchWaitEstimatesResponse(header=header, updates=updates, complete=complete)

    def _on_news(self) -> None:
        if self._watchers and self._waking is None:
            self._waking = asyncio.get_running_loop().call_later(_PAUSE_S, self._wake)

    def _wake(self) -> None:
        self._waking = None
        for watcher in self._watchers:
            watcher.notice()
