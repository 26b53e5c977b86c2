"""What waits for its turn in the writer's line, and what was done in one turn.

Keeps one invariant: whoever waits for a work learns its outcome once, or has stopped waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Sequence
from time import perf_counter_ns
from typing import Any, NamedTuple, Protocol

from router.engine.commands import Command
from router.engine.events import Event
from router.journal import Entry, Note
from router.server.errors import refusal_of_failure
from router.server.requests import Answer, Submission

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


class Work:
    """Commands that are carried out with nothing in between: a list of them, or a plan."""

    __slots__ = ("_error", "_outcome", "future", "plan", "size", "span", "submissions", "taken_ns")

    def __init__(self, submissions: Sequence[Submission], plan: Plan | None = None) -> None:
        self.submissions = submissions
        self.plan = plan
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.size = len(submissions) or 1
        self.taken_ns = perf_counter_ns()
        self.span: WorkSpan | None = None
        self._outcome: Any = None
        self._error: Exception | None = None

    def carry_out(self, apply: Callable[[Submission], Answer]) -> None:
        """Apply the commands, one by one. Raises what `apply` raises."""
        span = self.span
        if span is not None:
            span.applying()
        if self.plan is None:
            self._outcome = [apply(submission) for submission in self.submissions]
            if span is not None:
                span.applied(self.submissions, self._outcome)
            return
        self._follow(self.plan, apply)

    def _follow(self, plan: Plan, apply: Callable[[Submission], Answer]) -> None:
        submissions: list[Submission] = []
        answers: list[Answer] = []
        answer: Any = None
        applied = 0
        while True:
            try:
                submission = plan.send(answer)
            except StopIteration as end:
                self._outcome = end.value
                break
            except Exception as error:
                self._error = error
                break
            answer = apply(submission)
            applied += 1
            if self.span is not None:
                submissions.append(submission)
                answers.append(answer)
        self.size = max(1, applied)
        if self.span is not None:
            self.span.applied(submissions, answers)

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
        if self.plan is not None:
            self.plan.close()

    def refuse(self, reason: str) -> None:
        """Tell that it came to nothing, or that nobody knows."""
        if self.span is not None:
            self.span.ended(reason)
        self.drop()
        if not self.future.done():
            self.future.set_exception(refusal_of_failure(reason))
            self.future.exception()  # nobody may be waiting for it


class WorkGroup:
    """What the writer did in one turn. `leave` and `refuse` tell everybody concerned."""

    __slots__ = ("_on_left", "_publish", "entries", "happenings", "size", "works")

    def __init__(self, publish: Callable[[Sequence[Happening]], None], on_left: Callable[[WorkGroup], None]) -> None:
        self._publish = publish
        self._on_left = on_left
        self.works: list[Work] = []
        self.entries: list[Entry] = []
        self.happenings: list[Happening] = []
        self.size = 0

    @property
    def numbered(self) -> int:
        """How many commands got a number."""
        return len(self.happenings)

    def leave(self) -> None:
        """Publish what happened, then answer."""
        if self.happenings:
            self._publish(self.happenings)
        for work in self.works:
            work.answer()
        self._on_left(self)

    def refuse(self, reason: str) -> None:
        """Refuse whoever waits for an answer."""
        for work in self.works:
            work.refuse(reason)
