"""What waits for its turn in the writer's line, and what was done in one turn.

Keeps one invariant: whoever waits for a work learns its outcome once, or has stopped waiting.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from time import perf_counter_ns
from typing import Any, NamedTuple, Protocol

from router.engine.commands import Command
from router.engine.events import Event
from router.engine.vocabulary import RejectReason
from router.journal import EncodedEntries, Entry, Note
from router.server._native import Batch, Lane
from router.server.errors import Refusal, refusal_of_failure, refusal_of_reason
from router.server.writing.requests import Answer, Submission
from router.wait import WaitEstimate

logger = logging.getLogger(__name__)

Plan = Generator[Submission, Answer, Any]
"""Commands that follow from the answers to those before: it yields a submission, and is sent the answer."""


class Happening(NamedTuple):
    """One numbered command, at the moment it is applied, and what it brought."""

    sequence: int
    time_us: int
    events: Sequence[Event]
    client_id: str = ""
    note: Note | None = None
    command: Command | None = None
    actor: str = ""


class Observer(Protocol):
    """What follows from the commands, and can be built again from them."""

    def observe(self, happening: Happening) -> None:
        """Learn of a numbered command, each once and in order: live, and when it is replayed at the start."""


class WorkSpan(Protocol):
    """What follows a work on its way, for tracing."""

    def applying(self) -> None:
        """Learn that its turn has come."""

    def applied(self, submissions: Sequence[Submission], answers: Sequence[Answer]) -> None:
        """Learn that it was carried out."""

    def ended(self, reason: str) -> None:
        """Learn that it was answered, or refused for a reason. Only the first time counts."""


class Carrier(Protocol):
    """What carries out commands, one by one or through the lane, and keeps in a group what came of them.

    Raises only what means that the engine must not go on.
    """

    def apply(self, submission: Submission, group: WorkGroup) -> Answer:
        """Carry out one command."""

    def run(self, batch: Batch, actor: bytes, group: WorkGroup) -> int:
        """Carry out commands of a batch from the one at hand on; say as `Lane.run` why it stopped."""

    def estimate(self, call: str) -> WaitEstimate | None:
        """Estimate the wait of a call that was just enqueued."""


class Work(ABC):
    """What is carried out with nothing in between. `size` is how many commands it has, or may have, at least 1.

    `weight` is how many a turn is taken up with, also by answering what is refused.
    """

    __slots__ = ("_error", "_outcome", "future", "size", "span", "taken_ns", "weight")

    def __init__(self, size: int, weight: int = 0) -> None:
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.size = size or 1
        self.weight = weight or self.size
        self.taken_ns = perf_counter_ns()
        self.span: WorkSpan | None = None
        self._outcome: Any = None
        self._error: Exception | None = None

    @abstractmethod
    def carry_out(self, carrier: Carrier, group: WorkGroup) -> None:
        """Have the commands carried out. Raises what the carrier raises."""

    def answer(self) -> None:
        """Tell the outcome."""
        if self.span is not None:
            self.span.ended("")
        if self.future.done():
            return
        if self._error is not None:
            self.future.set_exception(self._error)
        else:
            self.future.set_result(self._outcome)

    def drop(self) -> None:
        """Let go of what is not carried out."""
        if self.span is not None:
            self.span.ended("ABANDONED")

    def refuse(self, reason: str) -> None:
        """Tell that it came to nothing, or that nobody knows."""
        if self.span is not None:
            self.span.ended(reason)
        self.drop()
        if not self.future.done():
            self.future.set_exception(refusal_of_failure(reason))
            self.future.exception()  # nobody may be waiting for it


class ListWork(Work):
    """A list of commands; the outcome is their answers."""

    __slots__ = ("_submissions",)

    def __init__(self, submissions: Sequence[Submission]) -> None:
        super().__init__(len(submissions))
        self._submissions = submissions

    def carry_out(self, carrier: Carrier, group: WorkGroup) -> None:
        """Apply them, one by one."""
        span = self.span
        if span is not None:
            span.applying()
        self._outcome = [carrier.apply(submission, group) for submission in self._submissions]
        if span is not None:
            span.applied(self._submissions, self._outcome)


class PlanWork(Work):
    """A plan; the outcome is what it returns or raises."""

    __slots__ = ("_plan",)

    def __init__(self, plan: Plan) -> None:
        super().__init__(1)
        self._plan = plan

    def carry_out(self, carrier: Carrier, group: WorkGroup) -> None:
        """Follow it to its end."""
        span = self.span
        if span is not None:
            span.applying()
        submissions: list[Submission] = []
        answers: list[Answer] = []
        answer: Any = None
        applied = 0
        while True:
            try:
                submission = self._plan.send(answer)
            except StopIteration as end:
                self._outcome = end.value
                break
            except Exception as error:
                self._error = error
                break
            answer = carrier.apply(submission, group)
            applied += 1
            if span is not None:
                submissions.append(submission)
                answers.append(answer)
        self.size = self.weight = max(1, applied)
        if span is not None:
            span.applied(submissions, answers)

    def drop(self) -> None:
        """Let go of the plan."""
        super().drop()
        self._plan.close()


class Asker(Protocol):
    """Whoever sent a batch through the lane: knows what the lane does not, and words what it does not word."""

    @property
    def actor(self) -> bytes:
        """Who did it, for the journal."""

    def submission(self, index: int) -> Submission | Refusal | None:
        """Return a command that is not for the lane, or why it cannot be carried out; None: it is answered now."""

    def answer(self, answer: Answer) -> None:
        """Answer the command at hand, which was not carried out by the lane, or was rejected."""

    def answer_estimate(self, estimate: WaitEstimate | None) -> None:
        """Answer the `Enqueue` at hand, with an estimate if there is one."""


class LaneWork(Work):
    """A batch that goes through the lane; the outcome is the batch itself, with its answers."""

    __slots__ = ("_asker", "_batch")

    def __init__(self, batch: Batch, asker: Asker, size: int) -> None:
        super().__init__(size, len(batch))
        self._batch = batch
        self._asker = asker

    def carry_out(self, carrier: Carrier, group: WorkGroup) -> None:
        """Let the lane carry out what it can, and do what is left to do between."""
        batch, asker, span = self._batch, self._asker, self.span
        applied: list[tuple[Submission, Answer]] = []
        if span is not None:
            span.applying()
        while (turn := carrier.run(batch, asker.actor, group)) != Lane.DONE:
            if turn == Lane.ESTIMATE:
                asker.answer_estimate(carrier.estimate(batch.call))
            elif turn == Lane.REJECTED:
                reason, subject, sequence, time_us = batch.rejection
                asker.answer(Answer(refusal=refusal_of_reason(RejectReason(reason), subject, sequence, time_us)))
            else:
                submission = self._submission()
                if isinstance(submission, Submission):
                    answer = carrier.apply(submission, group)
                    asker.answer(answer)
                    applied.append((submission, answer))
                elif submission is not None:
                    asker.answer(Answer(refusal=submission))
        if span is not None:
            # whoever traces has the lane closed
            span.applied([submission for submission, _ in applied], [answer for _, answer in applied])
        self._outcome = batch

    def _submission(self) -> Submission | Refusal | None:
        try:
            return self._asker.submission(self._batch.next)
        except Exception:
            logger.exception("a command could not be read; the engine did not see it")
            return Refusal("INTERNAL_ERROR")


Publish = Callable[[Sequence["Happening"], int], None]
"""Told of a group once it is durable: what happened outside of the lane, and the last sequence."""


class WorkGroup:
    """What the writer did in one turn. `leave` and `refuse` tell everybody concerned.

    `numbered` is how many commands got a number, of which `sequence` was the last. `happenings` are those of commands
    that did not go through the lane. `size` and `weight` are those of all works.
    """

    __slots__ = ("_on_left", "_publish", "entries", "happenings", "numbered", "sequence", "size", "weight", "works")

    def __init__(self, publish: Publish, on_left: Callable[[WorkGroup], None]) -> None:
        self._publish = publish
        self._on_left = on_left
        self.works: list[Work] = []
        self.entries: list[Entry | EncodedEntries] = []
        self.happenings: list[Happening] = []
        self.numbered = 0
        self.sequence = 0
        self.size = 0
        self.weight = 0

    def count(self, numbered: int, sequence: int) -> None:
        """Learn of commands that got numbers, up to a sequence."""
        self.numbered += numbered
        self.sequence = sequence

    def leave(self) -> None:
        """Publish what happened, then answer."""
        if self.numbered:
            self._publish(self.happenings, self.sequence)
        for work in self.works:
            work.answer()
        self._on_left(self)

    def refuse(self, reason: str) -> None:
        """Refuse whoever waits for an answer."""
        for work in self.works:
            work.refuse(reason)
