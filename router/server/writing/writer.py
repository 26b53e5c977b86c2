"""The writer: the one task that changes the engine, and the one that fires its deadlines.

Keeps one invariant: commands are applied in the order in which they came, in groups, and an answer or an event leaves
only after its whole group is done and durable.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Sequence
from time import monotonic, perf_counter_ns
from typing import Final, TypeVar

from router.engine import Engine
from router.server._native import Batch, Followers
from router.server.clock import Clock
from router.server.errors import Refusal, refusal_of_failure
from router.server.meters import Meters, NoMeters
from router.server.writing.alarm import Alarm
from router.server.writing.applier import Applier, Estimator
from router.server.writing.committer import Committer
from router.server.writing.journal_thread import JournalThread
from router.server.writing.pace import Pace
from router.server.writing.requests import Answer, Identity, Submission
from router.server.writing.work import (
    Asker,
    Happening,
    LaneWork,
    ListWork,
    Observer,
    PlanWork,
    Publish,
    Work,
    WorkGroup,
    WorkSpan,
)

__all__ = ["Happening", "Observer", "Writer"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

PENDING_MAX: Final = 65_536
GROUP_MAX: Final = 256
DEADLINES_MAX: Final = 500
"""How many deadlines fire, about, before other tasks get a turn; what falls on one instant is never split."""
QUIET_S_MAX: Final = 10.0
"""While it matters how long a downtime would be, something is journalled at least this often."""
_RETRY_AFTER_US = 1_000_000


class Writer:
    """Apply what is submitted to the engine; hand what happens to `publish`, once per group, when it is durable.

    At most `pending_max` commands wait or are not durable yet; more are refused as OVERLOADED. About `group_max`
    commands (a batch is never split) are applied before other tasks get a turn. `observers` are told of each command as
    it is applied. `on_failure` is called once if the engine or the journal fails; from then on everything is refused.
    `is_timed` says whether the length of a downtime would matter although no deadline is pending.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        estimator: Estimator,
        publish: Publish,
        *,
        followers: Followers,
        observers: Sequence[Observer] = (),
        journal: JournalThread | None = None,
        on_failure: Callable[[], None] = lambda: None,
        is_timed: Callable[[], bool] = lambda: False,
        pending_max: int = PENDING_MAX,
        group_max: int = GROUP_MAX,
    ) -> None:
        journalling = journal is not None
        self.applier = Applier(engine, clock, estimator, observers, followers=followers, journalling=journalling)
        self._publish = publish
        self._journalling = journalling
        self.committer = Committer(journal, on_failure=lambda: self._fail("JOURNAL_FAILED", None))
        self.on_failure = on_failure
        self._is_timed = is_timed
        self._looked_s = monotonic()
        self.pending_max = pending_max
        self._group_max = group_max
        self._works: deque[Work] = deque()
        self._pending = 0
        self._pace = Pace()
        self._alarm = Alarm()
        self._group = self._new_group()
        self._stopping = False
        self._failure = ""
        self.turned_away = 0
        """How often somebody was told that the server is shutting down."""
        self._meters: Meters = NoMeters()
        self.tracer: Callable[[int], WorkSpan] | None = None
        """Given when a work was taken, in `perf_counter_ns`, follows it; None while nobody traces."""

    @property
    def meters(self) -> Meters:
        """What measures the writer, the applier and the committer."""
        return self._meters

    @meters.setter
    def meters(self, meters: Meters) -> None:
        self._meters = self.applier.meters = self.committer.meters = meters

    @property
    def engine_us(self) -> int:
        """Real time spent inside the engine."""
        return (self.applier.engine_ns + self.applier.lane.engine_ns) // 1000

    @property
    def failed(self) -> bool:
        """Whether the engine or the journal failed, so that nothing is applied any more."""
        return bool(self._failure)

    @property
    def pending(self) -> int:
        """How many commands wait for their turn or are not durable yet."""
        return self._pending

    async def submit(self, submissions: Sequence[Submission]) -> list[Answer]:
        """Carry out commands in order, with nothing in between, and return their answers once they are durable.

        Raises `Refusal` if none of them can be taken (OVERLOADED, SHUTTING_DOWN, ENGINE_FAILED), or if nobody knows
        whether they are durable (JOURNAL_FAILED). Cancelled before its turn, it does nothing.
        """
        return await self.take(submissions)

    def take(self, submissions: Sequence[Submission]) -> asyncio.Future[list[Answer]]:
        """Do what `submit` does without waiting: what is taken first is carried out first. Raises as `submit`."""
        self._check_room(len(submissions))
        return self._take(ListWork(submissions))

    def take_batch(self, batch: Batch, asker: Asker, size: int) -> asyncio.Future[Batch]:
        """Do what `take` does with a batch that goes through the lane, of which `size` commands may be carried out."""
        self._check_room(size)
        return self._take(LaneWork(batch, asker, size))

    def _check_room(self, size: int) -> None:
        """Refuse so many commands if there is no room for them. Raises `Refusal` (OVERLOADED)."""
        if self._pending + size > self.pending_max and not self._failure and not self._stopping:
            delay_us = self._pace.delay_us(self._pending)
            raise Refusal("OVERLOADED", f"{self._pending:,} commands are under way", retry_after_us=delay_us)

    def carry_out(self, plan: Generator[Submission, Answer, T]) -> Awaitable[T]:
        """Carry out a plan in one turn, with nothing in between, and return what it returns once all is durable.

        Each submission that the plan yields is applied at once, and the answer is sent to it: so every step sees the
        engine as it is then. What the plan raises is raised here. A plan is not refused as OVERLOADED: it must be
        short, and whoever makes plans must bound how many there are. Raises `Refusal` as `submit`.
        """
        return self._take(PlanWork(plan))

    def _take(self, work: Work) -> asyncio.Future[T]:
        if self._failure:
            raise refusal_of_failure(self._failure)
        if self._stopping:
            self.turned_away += 1
            raise Refusal("SHUTTING_DOWN", retry_after_us=_RETRY_AFTER_US)
        if self.tracer is not None:
            work.span = self.tracer(work.taken_ns)
        self._works.append(work)
        self._pending += work.size
        self._alarm.ring()
        return work.future

    async def durable(self, sequence: int | None = None) -> None:
        """Return when everything up to a sequence (by default: all that is applied) is durable.

        At once where nothing is pending. Raises `Refusal` (JOURNAL_FAILED).
        """
        await self.committer.durable(sequence)

    def remembers(self, identity: Identity) -> bool:
        """Whether this request would be answered from memory."""
        return self.applier.engine.remembers(identity.client, identity.request_id, self.applier.clock.now_us())

    def stop(self) -> None:
        """Take nothing more; `run` returns when everything taken is durable and answered."""
        self._stopping = True
        self._alarm.ring()

    def abandon(self) -> None:
        """Wait no longer for what is not durable, since the process ends: refuse whoever waits, with JOURNAL_FAILED."""
        self.on_failure = lambda: None
        self._fail("JOURNAL_FAILED", None)
        self.committer.abandon()

    async def run(self) -> None:
        """Apply what comes, and deadlines when they are due, until `stop` is called or something fails."""
        self.committer.begin(self.applier.engine.sequence)
        committing = asyncio.create_task(self.committer.run(), name="committer")
        try:
            await self._run()
            self.committer.stop()
            await committing
        finally:
            committing.cancel()

    async def _run(self) -> None:
        while not self._failure and not (self._stopping and not self._works):
            left_s = 0.0 if self._works else self._seconds_left()
            if left_s is None or left_s > 0:
                await self._alarm.wait(left_s)
                continue
            if self._run_group() or self._works:
                # others get a turn first
                await asyncio.sleep(0)

    def _seconds_left(self) -> float | None:
        """Return for how long nothing is due; None: for ever."""
        deadline_us = self.applier.engine.next_deadline()
        left_s = None if deadline_us is None else self.applier.clock.seconds_until(deadline_us)
        if self._journalling:
            quiet_s = self._quiet_s_left()
            left_s = quiet_s if left_s is None else min(left_s, quiet_s)
        return left_s

    def _advance_is_due(self) -> bool:
        deadline_us = self.applier.engine.next_deadline()
        if deadline_us is not None and deadline_us <= self.applier.clock.now_us():
            return True
        # where something is carried out, it can wait until that is done
        if self._group.works or not self._journalling or self._quiet_s_left():
            return False
        if deadline_us is not None or self._is_timed():
            return True
        self._looked_s = monotonic()
        return False

    def _quiet_s_left(self) -> float:
        """Return for how long nothing need be journalled, or asked for."""
        return max(0.0, max(self.committer.journalled_s, self._looked_s) + QUIET_S_MAX - monotonic())

    def _run_group(self) -> bool:
        """Do what is due, as much as a turn may take; return whether deadlines were, of which there may be more."""
        group = self._group
        try:
            has_fired = self._catch_up()
            if not has_fired:
                while self._works and (not group.works or group.weight + self._works[0].weight <= self._group_max):
                    self._run_work(self._works.popleft())
                has_fired = self._advance_is_due()
                if has_fired:
                    self._advance(self.applier.engine.due_time(self.applier.clock.now_us(), DEADLINES_MAX))
        except Exception:
            logger.critical("the engine failed; no more commands are taken", exc_info=True)
            self._fail("ENGINE_FAILED", group)
            return False
        self._group = self._new_group()
        self.committer.hand_over(group)
        return has_fired

    def _run_work(self, work: Work) -> None:
        self._pending -= work.size
        if work.future.done():
            # whoever waited for it has gone
            work.drop()
            return
        # before it is carried out, so that it is refused if that fails
        self._group.works.append(work)
        work.carry_out(self.applier, self._group)
        self.applier.caught_up()
        self._pending += work.size
        self._group.size += work.size
        self._group.weight += work.weight

    def _new_group(self) -> WorkGroup:
        return WorkGroup(self._publish, self._on_left)

    def _on_left(self, group: WorkGroup) -> None:
        self._pending -= group.size
        if group.size:
            self._pace.count(group.size)
        now_ns = perf_counter_ns()
        for work in group.works:
            self._meters.answered(work.size, now_ns - work.taken_ns)

    def _fail(self, reason: str, group: WorkGroup | None) -> None:
        if self._failure:
            return
        self._failure = reason
        if group is not None:
            group.refuse(reason)
        for work in self._works:
            work.refuse(reason)
        self._works.clear()
        self._alarm.ring()
        self.on_failure()

    def _catch_up(self) -> bool:
        """If very many deadlines are due, fire some of them and return True: commands wait until few are left."""
        deadline_us, now_us = self.applier.engine.next_deadline(), self.applier.clock.now_us()
        if deadline_us is None or deadline_us > now_us:
            return False
        due_us = self.applier.engine.due_time(now_us, DEADLINES_MAX)
        if due_us >= now_us:
            return False
        self._advance(due_us)
        return True

    def _advance(self, time_us: int) -> None:
        self.applier.advance(time_us, self._group)
        self.applier.caught_up()
