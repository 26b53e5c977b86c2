"""Estimation: what the server tells of waits, from futures run beside the routing or at once from what was learnt.

Keeps one invariant: nothing here changes a decision of the engine, holds it up, or can make it fail; what a limit on
estimates leads to is an ordinary command.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Final, TypeGuard

import msgspec

from router.config import EstimateLimits, EstimateSettings
from router.engine import Engine
from router.engine.commands import Enqueue
from router.engine.errors import UnknownName
from router.server._native import Follower, Waiting, estimate_bytes
from router.server.clock import Clock
from router.server.estimation.announced import as_of, is_above, is_change, with_chances
from router.server.estimation.meter import EstimateMeter
from router.server.estimation.overflow import Overflow
from router.server.estimation.predicting import Predicting
from router.server.estimation.sets import Sets
from router.server.estimation.stays import Stay, Stays
from router.v1 import results_pb2
from router.wait import FutureSet, WaitEstimate
from router.wire.results import METHODS, encode_wait_estimate

_OLD_S: Final = 30.0
"""What is older is not told, though no set has come since: many calls take seconds to read out, but not so many."""


def _is_from_futures(estimate: WaitEstimate | None) -> TypeGuard[WaitEstimate]:
    """Whether futures have told it: a wait, or that in most of them there is no answer."""
    return estimate is not None and (estimate.futures > 0 or estimate.unanswered)


class Estimation:
    """Estimates of one server; `begin` once the state is there, `run` while it serves.

    After each command it is learnt and the `followers` are told of it; after each work comes `caught_up`. `limit_of`
    returns a queue's limits on estimates. `on_news` is called when what callers should hear may be another.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        settings: EstimateSettings,
        limit_of: Callable[[str], EstimateLimits],
        *,
        shadow: bool = False,
        now_s: Callable[[], float] = monotonic,
    ) -> None:
        self.settings = settings
        self.meter = EstimateMeter(now_s)
        self.predicting = Predicting(engine, shadow=shadow, time_zone=settings.time_zone)
        self.learn: Callable[[], None] = self.predicting.native.observe
        """Learn of the command that the engine has just carried out. May raise anything: then call `not_learnt`."""
        waiting = Waiting(engine)
        self.followers: Sequence[Follower] = (waiting,)
        self.stays = Stays(waiting, self._on_stays)
        self.overflow = Overflow(engine, self.stays, limit_of, self.meter)
        self.on_news: Callable[[], None] = lambda: None
        self.begun = False
        self._engine = engine
        self._clock = clock
        self._limit_of = limit_of
        self._now_s = now_s
        self._sets = Sets(
            self.predicting, self.stays, clock, settings, self.meter, self._on_set, self._on_over, now_s=now_s
        )
        self._refresh_s = settings.refresh_us / 1_000_000
        self._patience_s = 2 * settings.budget_us / 1_000_000

    def begin(self) -> None:
        """Begin where the engine stands. O(live calls + agents)."""
        self.stays.begin(self._engine)
        self.begun = True

    async def run(self) -> None:
        """Run futures until cancelled, if they are enabled."""
        if self.settings.enabled:
            await self._sets.run()

    def observe(self) -> None:
        """Learn of the command that the engine has just carried out, whatever goes wrong with that."""
        self.predicting.observe()

    def not_learnt(self) -> None:
        """Report the exception under way, which `learn` has raised; routing goes on."""
        self.predicting.not_learnt()

    def caught_up(self) -> None:
        """Learn that a work is done, and all who follow have been told of it."""
        self.stays.caught_up()

    # --- estimates

    def at_once(self, of: str | Enqueue, now_us: int, within_us: Sequence[int] = ()) -> WaitEstimate:
        """Return what can be said without futures. Raises `UnknownName`, `InvalidCommand`."""
        return self.meter.told(with_chances(self.predicting.quick(of, now_us), within_us))

    async def of_call(self, call: str, within_us: Sequence[int] = ()) -> WaitEstimate:
        """Estimate how long a call still waits: from futures not older than `refresh`, which may take a moment.

        `within_us` are the times for `answered_within`; without any it is the queue's target. Raises `UnknownName`.
        """
        settled = self.predicting.settled(call, self._clock.now_us())
        if settled is not None:
            return self.meter.told(with_chances(settled, within_us))
        until_s = self._now_s() + self._patience_s
        while self.settings.enabled:
            stay = self.stays.of_call.get(call)
            if stay is None or stay.offered:
                break
            if self._is_current(stay) and self._now_s() - stay.ready_s <= self._refresh_s:
                if not _is_from_futures(stay.estimate):
                    break
                return self.meter.told(self._as_asked(stay, within_us))
            if not await self._sets.for_all(until_s):
                break
        return self.at_once(call, self._clock.now_us(), within_us)

    async def of_new(self, enqueue: Enqueue, within_us: Sequence[int] = ()) -> WaitEstimate:
        """Estimate the wait of a call that has not come. Raises `UnknownName`, `InvalidCommand`."""
        settled = self.predicting.settled(enqueue, self._clock.now_us())
        if settled is not None:
            return self.meter.told(with_chances(settled, within_us))
        if self.settings.enabled:
            until_s = self._now_s() + self._patience_s
            estimate = await self._sets.for_supposed(enqueue, within_us, until_s)
            if _is_from_futures(estimate):
                return self.meter.told(estimate)
        return self.at_once(enqueue, self._clock.now_us(), within_us)

    def now(self, stay: Stay) -> WaitEstimate:
        """Return what the caller of a stay should hear now, without waiting for futures; count it if it is told."""
        now_us = self._clock.now_us()
        if stay.offered or not self._is_current(stay) or not _is_from_futures(stay.estimate):
            return self.predicting.quick(stay.call, now_us)
        settled = self.predicting.settled(stay.call, now_us)
        return self._as_of(stay) if settled is None else settled

    def expects_futures(self, stay: Stay) -> bool:
        """Whether futures will soon say something of a call that they have not spoken of yet."""
        if stay.estimate is not None or not self.settings.enabled or self._sets.faulty:
            return False
        return stay.call in self.stays.fresh or self._sets.under_way

    def estimate_message(self, estimate: WaitEstimate, queue: str, call: str = "") -> results_pb2.WaitEstimate:
        """Return the message for an estimate of a call in a queue; without `call`, of one that has not come."""
        return encode_wait_estimate(estimate, callback_offered=self._is_callback_offered(estimate, queue, call))

    def estimate_bytes(self, estimate: WaitEstimate, queue: str) -> bytes:
        """Return the bytes of the message for an estimate of a call that has just come to a queue."""
        return estimate_bytes(estimate, METHODS[estimate.method], self._is_callback_offered(estimate, queue, ""))

    def _is_callback_offered(self, estimate: WaitEstimate, queue: str, call: str) -> bool:
        limit_us = self._limit_of(queue).callback_wait_estimate_us
        return is_above(estimate, limit_us) and not self._is_callback(call)

    def _is_callback(self, call: str) -> bool:
        try:
            return bool(call) and self._engine.call(call).callback
        except UnknownName:
            return False

    def _is_current(self, stay: Stay) -> bool:
        """Whether the last set for all that is over spoke of a stay; what an earlier one said may long be untrue."""
        if stay.estimate is None or stay.set_number < self._sets.over:
            return False
        return self._now_s() - stay.ready_s <= max(_OLD_S, 2 * self._refresh_s)

    def _as_of(self, stay: Stay) -> WaitEstimate:
        """Return what futures said of a stay, as of now. O(1)."""
        assert stay.estimate is not None
        return as_of(stay.estimate, self._clock.now_us() - stay.taken_us, self._engine.position(stay.call))

    def _as_asked(self, stay: Stay, within_us: Sequence[int]) -> WaitEstimate:
        """Return the same, with chances for `within_us`, else the queue's target, from the very futures. O(calls)."""
        told, estimate, futures = self._as_of(stay), stay.estimate, stay.futures
        assert estimate is not None
        assert futures is not None
        times = within_us or [time_us for time_us, _ in estimate.answered_within]
        passed_us = max(0, self._clock.now_us() - stay.taken_us)

        def chance(time_us: int) -> float | None:
            return self.predicting.native.answered_within(futures, stay.call, estimate, time_us)

        before = chance(passed_us) if times and passed_us else 0.0
        if before is None or before >= 1:
            # no future has it wait so long
            return with_chances(msgspec.structs.replace(told, answered_within=()), times)
        chances = ((time_us, chance(time_us + passed_us)) for time_us in times)
        within = tuple(
            (time_us, (by_then - before) / (1 - before)) for time_us, by_then in chances if by_then is not None
        )
        return msgspec.structs.replace(told, answered_within=within)

    # --- what happens

    def _on_stays(self) -> None:
        if self.settings.enabled:
            self._sets.wake()
        self.on_news()

    def _on_set(self, futures: FutureSet, estimates: Mapping[str, WaitEstimate]) -> None:
        """Take over what a set says of everybody who still waits where the situation had him."""
        ready_s, judged = self._now_s(), []
        for call, estimate in estimates.items():
            stay = self.stays.of_call.get(call)
            if stay is None or stay.sequence > futures.sequence:
                continue
            stay.estimate, stay.futures = estimate, futures
            stay.taken_us, stay.ready_s = futures.taken_us, ready_s
            stay.set_number = self._sets.over + 1
            if _is_from_futures(estimate):
                judged.append((stay, estimate))
                self._announce(stay, estimate)
        self.overflow.judge(judged)
        self.on_news()

    def _on_over(self) -> None:
        """Let watchers look again: what a set has not spoken of is not from futures any more."""
        self.on_news()

    def _announce(self, stay: Stay, estimate: WaitEstimate) -> None:
        """Count how often what a caller should hear changes enough to matter, and which way."""
        if estimate.mean_us is None:
            return
        end_us, told_us = stay.taken_us + estimate.mean_us, stay.announced_end_us
        if told_us is None:
            self.meter.announced("first")
        elif is_change(told_us, max(0, told_us - stay.taken_us), end_us):
            self.meter.announced("later" if end_us > told_us else "sooner")
        else:
            return
        stay.announced_end_us = end_us
