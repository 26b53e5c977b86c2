"""Sets of futures: when one is run, for whom, and what it may cost.

Keeps one invariant: on the routing's thread, taking situations costs at most 1 % of the time, and reading out at most
2 %; the futures themselves are run beside it, one set at a time.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Final, NamedTuple

from router.config import EstimateSettings
from router.engine.commands import Enqueue
from router.server.clock import Clock
from router.server.estimation.futures_thread import FuturesThread
from router.server.estimation.meter import EstimateMeter
from router.server.estimation.pace import Share
from router.server.estimation.predicting import Predicting
from router.server.estimation.stays import Stays
from router.wait import FutureSet, WaitEstimate

logger = logging.getLogger(__name__)

SUPPOSED_MAX: Final = 4
"""How many calls that have not come may wait for a set of their own."""
FUTURES_MIN: Final = 10
"""What fewer futures say is not told: with thousands of waiting calls, or a tiny budget, there may be no more."""
_TAKING_SHARE: Final = 0.01
_READING_SHARE: Final = 0.02
_PORTION: Final = 64
"""How many estimates are read out before other tasks get a turn."""
_REST: Final = 2.0
"""After a set for all the thread rests for so many times as long, unless somebody asks."""
_LONG_REST: Final = 20.0
"""And for so many times as long if there were too few futures."""
_FAULT_S: Final = 10.0
"""How long nothing is tried after a fault."""

Estimates = Mapping[str, WaitEstimate]


class _Ask(NamedTuple):
    """A call that has not come, for which a set is wanted."""

    enqueue: Enqueue
    within_us: Sequence[int]
    answer: asyncio.Future[WaitEstimate | None]


class Sets:
    """Run sets of futures for all who wait, every `refresh` and soon for those who have come, and for who asks.

    `on_set` is told what each set for all says, in bits: the estimates, and the futures they come from; then `on_over`,
    also of a set that came to nothing.
    """

    def __init__(
        self,
        predicting: Predicting,
        stays: Stays,
        clock: Clock,
        settings: EstimateSettings,
        meter: EstimateMeter,
        on_set: Callable[[FutureSet, Estimates], None],
        on_over: Callable[[], None],
        *,
        now_s: Callable[[], float] = monotonic,
    ) -> None:
        self._predicting = predicting
        self._stays = stays
        self._clock = clock
        self._meter = meter
        self._on_set = on_set
        self._on_over = on_over
        self._now_s = now_s
        self._refresh_s = settings.refresh_us / 1_000_000
        self._thread = FuturesThread(settings.futures, settings.budget_us)
        self._taking = Share(_TAKING_SHARE, now_s)
        self._reading = Share(_READING_SHARE, now_s)
        self._wake = asyncio.Event()
        self._awaits_fresh = False
        self._asks: deque[_Ask] = deque()
        self._next: asyncio.Future[bool] | None = None
        self._last_s = float("-inf")
        self._rested_s = float("-inf")
        self._fault_until_s = float("-inf")
        self._supposed_last = False
        self.under_way = False
        """Whether a set for all is being run."""
        self.over = 0
        """How many sets for all are over, those included that came to nothing."""

    @property
    def faulty(self) -> bool:
        """Whether nothing is tried for a while, after a fault."""
        return self._fault_until_s > self._now_s()

    def wake(self) -> None:
        """Learn that somebody may have come. O(1)."""
        if self._awaits_fresh and self._stays.may_have_fresh:
            self._awaits_fresh = False
            self._wake.set()

    async def for_all(self, until_s: float) -> bool:
        """Wait for the next set for all who wait, at most until `until_s`; say whether it has come."""
        if self.faulty or self._free_s() >= until_s:
            return False
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
            self._wake.set()
        try:
            async with asyncio.timeout(max(0.0, until_s - self._now_s())):
                return await asyncio.shield(self._next)
        except TimeoutError:
            return False

    async def for_supposed(self, enqueue: Enqueue, within_us: Sequence[int], until_s: float) -> WaitEstimate | None:
        """Return an estimate of a call that has not come; None if there is no time for it until `until_s`."""
        if self.faulty or len(self._asks) >= SUPPOSED_MAX or self._free_s() >= until_s:
            return None
        ask = _Ask(enqueue, within_us, asyncio.get_running_loop().create_future())
        self._asks.append(ask)
        self._wake.set()
        try:
            async with asyncio.timeout(max(0.0, until_s - self._now_s())):
                return await ask.answer
        except TimeoutError:
            return None
        finally:
            if ask in self._asks:
                self._asks.remove(ask)

    async def run(self) -> None:
        """Run sets until cancelled."""
        try:
            while True:
                await self._due()
                try:
                    await self._run_next()
                except Exception:
                    self._predicting.report("futures could not be run; estimates come from the formulas meanwhile")
                    self._meter.failed()
                    self._fault_until_s = self._now_s() + _FAULT_S
                    self._give_up()
        finally:
            self._thread.close()
            self._give_up()

    def _first_ask(self) -> _Ask | None:
        return next((ask for ask in self._asks if not ask.answer.done()), None)

    def _free_s(self) -> float:
        return max(self._taking.free_s, self._reading.free_s, self._fault_until_s)

    def _due_s(self) -> float:
        """Return when the next set is to be run, infinity if nobody wants one."""
        due_s = float("inf")
        if self._next is not None or self._first_ask() is not None:
            due_s = self._now_s()
        elif self._stays.waiting:
            due_s = self._last_s + self._refresh_s
            if self._stays.fresh:
                due_s = min(due_s, self._rested_s)
        return max(due_s, self._free_s())

    async def _due(self) -> None:
        while (left_s := self._due_s() - self._now_s()) > 0:
            self._wake.clear()
            # if somebody is fresh already, more of them change nothing
            self._awaits_fresh = not self._stays.fresh
            try:
                async with asyncio.timeout(None if left_s == float("inf") else left_s):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _run_next(self) -> None:
        # in turns where both are wanted
        for_all = self._next is not None or self._last_s + self._refresh_s <= self._now_s()
        ask = self._first_ask()
        if ask is not None and not (self._supposed_last and for_all and self._stays.waiting):
            self._supposed_last = True
            await self._run_supposed(ask)
        else:
            self._supposed_last = False
            await self._run_for_all()

    async def _run_for_all(self) -> None:
        begun_s = self._last_s = self._now_s()
        # whoever is left out, since nobody may take the call, need not be asked about again before the next refresh
        self._stays.fresh.clear()
        self.under_way = True
        try:
            found = await self._futures_of(None)
            # too few are not told: the formulas know more
            is_told = found is not None and found[0].futures >= FUTURES_MIN
            if found is not None and is_told:
                await self._read_out(*found)
        finally:
            self.under_way = False
        self._rested_s = self._now_s() + _REST * (self._now_s() - begun_s)
        if found is not None and not is_told:
            # it will hardly be otherwise in a moment
            self._last_s = self._rested_s = self._now_s() + _LONG_REST * (self._now_s() - begun_s)
        self._tell(is_told)

    async def _read_out(self, futures: FutureSet, targets: int) -> None:
        for first in range(0, targets, _PORTION):
            with self._reading.work():
                self._on_set(futures, self._predicting.native.digest(futures, first=first, most=_PORTION))
            await asyncio.sleep(0)

    async def _run_supposed(self, ask: _Ask) -> None:
        estimate = None
        try:
            found = await self._futures_of(ask.enqueue)
            if found is not None:
                futures, targets = found
                with self._reading.work():
                    estimates = self._predicting.native.digest(
                        futures, within_us=ask.within_us, first=targets - 1, most=1
                    )
                estimate = estimates.get("") if futures.futures >= FUTURES_MIN else None
        except ValueError as error:
            logger.debug("the engine would not take a call that was only thought of: %s", error)
        finally:
            if not ask.answer.done():
                ask.answer.set_result(estimate)

    async def _futures_of(self, supposed: Enqueue | None) -> tuple[FutureSet, int] | None:
        """Run a set and return it with the number of its targets; None where nobody's wait depends on futures."""
        begun_s = self._now_s()
        with self._taking.work():
            situation = self._predicting.native.situation(supposed, now_us=self._clock.now_us())
        taken_s = self._now_s()
        if not situation.calls:
            return None
        futures = await self._thread.run(situation)
        self._meter.ran(futures, taken_s - begun_s, self._now_s() - taken_s, supposed=supposed is not None)
        return futures, situation.calls

    def _tell(self, is_told: bool) -> None:
        self.over += 1
        self._on_over()
        told, self._next = self._next, None
        if told is not None and not told.done():
            told.set_result(is_told)

    def _give_up(self) -> None:
        """Let nobody wait for futures any longer."""
        self._tell(False)
        for ask in self._asks:
            if not ask.answer.done():
                ask.answer.set_result(None)
