"""The writer: the one task that changes the engine, and the one that fires its deadlines.

Keeps one invariant: commands are applied in the order in which they came, in groups, and an answer or an event leaves
only after its whole group is done. (So a journal can be flushed once per group, before anything leaves.)
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import NamedTuple, Protocol

from router.engine import Engine
from router.engine.commands import Enqueue
from router.engine.errors import InvalidCommand, InvariantViolated, RequestIdReused, TimeWentBackwards
from router.engine.events import Event
from router.engine.views import Result
from router.server.clock import Clock
from router.server.errors import Refusal, refusal_of_malformed, refusal_of_rejection
from router.server.requests import Answer, Identity, Submission
from router.wait import WaitEstimate

logger = logging.getLogger(__name__)

PENDING_MAX = 65_536
GROUP_MAX = 256
_RETRY_AFTER_US = 100_000


class Estimator(Protocol):
    """What estimates waits: told of everything that happens, in order."""

    def observe(self, events: Sequence[Event]) -> None: ...
    def estimate_call(self, call: str, now_us: int) -> WaitEstimate: ...


class Happening(NamedTuple):
    """What one command brought."""

    sequence: int
    time_us: int
    events: Sequence[Event]


@dataclass(slots=True)
class _Work:
    submissions: Sequence[Submission]
    future: asyncio.Future[list[Answer]]
    answers: list[Answer] = field(default_factory=list)


class Writer:
    """Apply what is submitted to the engine; hand what happens to `publish`, once per group.

    At most `pending_max` commands wait; more are refused as OVERLOADED. About `group_max` commands (a batch is never
    split) are applied before other tasks get a turn. `on_failure` is called once if the engine fails; from then on
    everything is refused.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        estimator: Estimator,
        publish: Callable[[Sequence[Happening]], None],
        *,
        on_failure: Callable[[], None] = lambda: None,
        pending_max: int = PENDING_MAX,
        group_max: int = GROUP_MAX,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._estimator = estimator
        self._publish = publish
        self._on_failure = on_failure
        self._pending_max = pending_max
        self._group_max = group_max
        self._works: deque[_Work] = deque()
        self._pending = 0
        self._wake = asyncio.Event()
        self._happenings: list[Happening] = []
        self._stopping = False
        self._failed = False
        self._engine_ns = 0

    @property
    def engine_us(self) -> int:
        """Real time spent inside the engine."""
        return self._engine_ns // 1000

    @property
    def failed(self) -> bool:
        """Whether the engine found itself inconsistent, so that nothing is applied any more."""
        return self._failed

    async def submit(self, submissions: Sequence[Submission]) -> list[Answer]:
        """Carry out commands in order, with nothing in between, and return their answers.

        Raises `Refusal` if none of them can be taken: OVERLOADED, SHUTTING_DOWN, ENGINE_FAILED.
        """
        return await self.take(submissions)

    def take(self, submissions: Sequence[Submission]) -> asyncio.Future[list[Answer]]:
        """Do what `submit` does without waiting: what is taken first is carried out first. Raises as `submit`."""
        if self._failed:
            raise Refusal("ENGINE_FAILED")
        if self._stopping:
            raise Refusal("SHUTTING_DOWN", retry_after_us=_RETRY_AFTER_US)
        if self._pending + len(submissions) > self._pending_max:
            raise Refusal("OVERLOADED", f"{self._pending:,} commands are waiting", retry_after_us=_RETRY_AFTER_US)
        work = _Work(submissions, asyncio.get_running_loop().create_future())
        self._works.append(work)
        self._pending += len(submissions)
        self._wake.set()
        return work.future

    def remembers(self, identity: Identity) -> bool:
        """Whether this request would be answered from memory."""
        return self._engine.remembers(identity.client, identity.request_id, self._clock.now_us())

    def stop(self) -> None:
        """Take nothing more; `run` returns when everything taken is answered."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Apply what comes, and deadlines when they are due, until `stop` is called or the engine fails."""
        while not self._failed:
            if self._works or self._deadline_is_due():
                self._run_group()
                await asyncio.sleep(0)
            elif self._stopping:
                return
            else:
                await self._rest()

    async def _rest(self) -> None:
        """Wait for a submission, for `stop`, or for the next deadline."""
        self._wake.clear()
        deadline_us = self._engine.next_deadline()
        timeout = None if deadline_us is None else self._clock.seconds_until(deadline_us)
        try:
            async with asyncio.timeout(timeout):
                await self._wake.wait()
        except TimeoutError:
            pass

    def _deadline_is_due(self) -> bool:
        deadline_us = self._engine.next_deadline()
        return deadline_us is not None and deadline_us <= self._clock.now_us()

    def _run_group(self) -> None:
        group: list[_Work] = []
        size = 0
        try:
            while self._works and (not group or size + len(self._works[0].submissions) <= self._group_max):
                work = self._works.popleft()
                group.append(work)
                size += len(work.submissions)
                self._pending -= len(work.submissions)
                # one by one, so that what was applied before a failure is known
                for submission in work.submissions:
                    work.answers.append(self._carry_out(submission))
            if self._deadline_is_due():
                self._advance()
        except Exception:
            self._fail(group)
            return
        self._leave(group)

    def _leave(self, group: Sequence[_Work]) -> None:
        """Let events and answers of a finished group out."""
        happenings, self._happenings = self._happenings, []
        if happenings:
            self._publish(happenings)
        for work in group:
            if not work.future.done():
                work.future.set_result(work.answers)

    def _fail(self, group: Sequence[_Work]) -> None:
        logger.critical("the engine failed; no more commands are taken", exc_info=True)
        self._failed = True
        for work in [*group, *self._works]:
            if not work.future.done():
                work.future.set_exception(Refusal("ENGINE_FAILED"))
        self._works.clear()
        self._pending = 0
        self._on_failure()

    def _advance(self) -> None:
        now_us = self._clock.now_us()
        started_ns = perf_counter_ns()
        events = self._engine.advance(now_us)
        self._engine_ns += perf_counter_ns() - started_ns
        self._note(self._engine.sequence, self._engine.time_us, events)

    def _carry_out(self, submission: Submission) -> Answer:
        """Apply one command. Raises only what means that the engine must not go on."""
        sequence = self._engine.sequence
        try:
            result = self._apply(submission)
        except InvalidCommand as error:
            return Answer(refusal=refusal_of_malformed(error, submission.path))
        except RequestIdReused:
            assert submission.identity is not None
            return Answer(refusal=Refusal("REQUEST_ID_REUSED", submission.identity.request_id))
        except TimeWentBackwards:
            logger.error("the clock stands behind the engine's time; the command was not applied")
            return Answer(refusal=Refusal("TIME_WENT_BACKWARDS"))
        except InvariantViolated:
            raise
        except Exception:
            if self._engine.sequence != sequence:
                raise
            logger.exception("a command could not be applied; the engine did not see it")
            return Answer(refusal=Refusal("INTERNAL_ERROR"))
        if result.rejection is not None:
            return Answer(refusal=refusal_of_rejection(result))
        return Answer(result=result, wait_estimate=self._estimate(submission))

    def _apply(self, submission: Submission) -> Result:
        now_us = self._clock.now_us()
        identity = submission.identity
        started_ns = perf_counter_ns()
        if identity is None:
            events = self._engine.apply(submission.command, now_us)
            last = self._engine.last_result
            assert last is not None
            result = last
        else:
            result, events = self._engine.apply_request(
                submission.command,
                now_us,
                client=identity.client,
                request_id=identity.request_id,
                content=identity.content,
            )
        self._engine_ns += perf_counter_ns() - started_ns
        if not result.repeated:
            self._note(result.sequence, result.time_us, events)
        return result

    def _note(self, sequence: int, time_us: int, events: Sequence[Event]) -> None:
        self._happenings.append(Happening(sequence, time_us, events))
        try:
            self._estimator.observe(events)
        except Exception:
            logger.exception("the wait estimator failed; routing goes on")

    def _estimate(self, submission: Submission) -> WaitEstimate | None:
        command = submission.command
        if not submission.estimate or not isinstance(command, Enqueue):
            return None
        try:
            return self._estimator.estimate_call(command.call, self._engine.time_us)
        except Exception:
            # a repeated request may be about a call that is forgotten meanwhile
            logger.debug("no wait estimate for call %s", command.call, exc_info=True)
            return None
