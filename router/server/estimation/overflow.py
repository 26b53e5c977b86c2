"""Limits on estimates: who goes to the overflow queue because the wait would be too long.

Keeps one invariant: a call is judged once in each of its stays, by its first estimate from futures, and is never sent
back to a queue that it has left so. What is done is an ordinary journalled `Transfer` by "server".
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator, Sequence
from typing import Final

from router.config import EstimateLimits
from router.engine import Engine
from router.engine.commands import Transfer
from router.engine.errors import UnknownName
from router.engine.vocabulary import CallState
from router.server.errors import Refusal
from router.server.estimation.announced import is_above
from router.server.estimation.meter import EstimateMeter
from router.server.estimation.stays import Stay, Stays
from router.server.writing.requests import Answer, Submission
from router.server.writing.writer import Writer
from router.wait import WaitEstimate

logger = logging.getLogger(__name__)

_PLAN_MAX: Final = 64


class Overflow:
    """Move calls whose first estimate is above their queue's `overflow_wait_estimate`. `writer` carries it out."""

    def __init__(
        self, engine: Engine, stays: Stays, limit_of: Callable[[str], EstimateLimits], meter: EstimateMeter
    ) -> None:
        self._engine = engine
        self._stays = stays
        self._limit_of = limit_of
        self._meter = meter
        self._tasks: set[asyncio.Task[None]] = set()
        self.writer: Writer | None = None

    def judge(self, judged: Sequence[tuple[Stay, WaitEstimate]]) -> None:
        """Hold first estimates against the limits, and begin to move whose are above."""
        moving = [stay for stay, estimate in judged if self._is_above(stay, estimate)]
        for start in range(0, len(moving), _PLAN_MAX):
            task = asyncio.create_task(self._move(moving[start : start + _PLAN_MAX]), name="overflow by estimate")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def settle(self) -> None:
        """Wait until all that has begun is done."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _is_above(self, stay: Stay, estimate: WaitEstimate) -> bool:
        if stay.judged:
            return False
        stay.judged = True
        return is_above(estimate, self._limit_of(stay.queue).overflow_wait_estimate_us)

    async def _move(self, stays: Sequence[Stay]) -> None:
        assert self.writer is not None
        try:
            await self.writer.carry_out(self._moving(stays))
        except Refusal as refusal:
            logger.info("calls stay where they are, though their estimates are above the limit: %s", refusal.message)
        except Exception:
            logger.exception("calls could not be moved because of their estimates")

    def _moving(self, stays: Sequence[Stay]) -> Generator[Submission, Answer, None]:
        for stay in stays:
            transfer = self._transfer_of(stay)
            if transfer is None:
                continue
            stay.left |= {stay.queue}
            answer = yield Submission(transfer, actor="server")
            if answer.refusal is None:
                self._meter.overflow(stay.queue)

    def _transfer_of(self, stay: Stay) -> Transfer | None:
        """Return the command for a call, None if it is not where it was, or has nowhere to go."""
        if self._stays.of_call.get(stay.call) is not stay:
            return None
        settings = self._engine.settings.queues.get(stay.queue)
        to = None if settings is None else settings.overflow
        if to is None or to in stay.left:
            return None
        try:
            if self._engine.queue(to).paused:
                return None
            view = self._engine.call(stay.call)
        except UnknownName:
            return None
        if view.state is not CallState.WAITING or view.detached:
            return None
        requirement = view.requirement if view.own_requirement else None
        return Transfer(stay.call, to, keep_place=True, requirement=requirement)
