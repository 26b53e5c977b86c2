"""An engine with sessions and no server around: plans are carried out at once, and every command is recorded."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from typing import Any, TypeVar

from router.engine import Engine
from router.engine import commands as c
from router.engine import events as e
from router.engine.errors import InvalidCommand
from router.engine.settings import Settings
from router.journal import Change, SessionChange
from router.server._native import Followers
from router.server.errors import refusal_of_malformed, refusal_of_rejection
from router.server.sessions.reconcile import Reconciliation, Report
from router.server.sessions.session_plans import SessionPlans
from router.server.sessions.sessions import Sessions
from router.server.writing.requests import Answer, Submission
from router.server.writing.work import Happening
from router.wire.sessions import Difference, LiveAgent, LiveCall

T = TypeVar("T")

SECOND_US = 1_000_000
START_US = 1_000 * SECOND_US


class Desk:
    """What the writer does, without a task: one clock that stands until it is moved."""

    def __init__(self, settings: Settings, time_us: int = START_US) -> None:
        self.settings = settings
        self.engine = Engine(settings, time_us=time_us)
        self.sessions = Sessions()
        self.followers = Followers(self.engine, self.sessions.followers)
        self.plans = SessionPlans(self.engine, self.sessions)
        self.time_us = time_us
        self.happenings: list[Happening] = []
        self.actors: list[str] = []

    @property
    def history(self) -> list[tuple[int, Any, Sequence[e.Event]]]:
        return [(happening.time_us, happening.command, happening.events) for happening in self.happenings]

    def do(self, command: c.Command, client_id: str = "pbx") -> Answer:
        return self.submit(Submission(command, client_id=client_id, actor="test"))

    def all(self, commands: Iterable[c.Command], client_id: str = "pbx") -> None:
        for command in commands:
            answer = self.do(command, client_id)
            assert answer.refusal is None, (command, answer.refusal)

    def submit(self, submission: Submission) -> Answer:
        try:
            events = self.engine.apply(submission.command, self.time_us)
        except InvalidCommand as error:
            return Answer(refusal=refusal_of_malformed(error, submission.path))
        result = self.engine.last_result
        assert result is not None
        happening = Happening(
            result.sequence, result.time_us, events, submission.client_id, submission.note, submission.command
        )
        self.happenings.append(happening)
        self.actors.append(submission.actor)
        self.followers.observe(submission.client_id, 0)
        self.sessions.observe(happening)
        if result.rejection is not None:
            return Answer(refusal=refusal_of_rejection(result))
        return Answer(result=result)

    def carry_out(self, plan: Generator[Submission, Answer, T]) -> T:
        answer: Any = None
        while True:
            try:
                submission = plan.send(answer)
            except StopIteration as end:
                return end.value
            answer = self.submit(submission)

    def change(self, change: Change, client_id: str = "pbx") -> None:
        self.submit(Submission(c.Advance(), note=SessionChange(client_id, change)))

    def begin(self, client_id: str = "pbx") -> None:
        assert self.carry_out(self.plans.begin(client_id, "test"))

    def lose(self, client_id: str = "pbx") -> None:
        assert self.carry_out(self.plans.lose(client_id))
        for plan in self.plans.quieten(client_id):
            self.carry_out(plan)

    def give_up(self, client_id: str = "pbx") -> None:
        for plan in self.plans.wind_up(client_id):
            self.carry_out(plan)
        assert self.carry_out(self.plans.give_up(client_id))

    def reconcile(
        self,
        calls: Iterable[LiveCall] = (),
        agents: Iterable[LiveAgent] = (),
        client_id: str = "pbx",
        *,
        dry_run: bool = False,
    ) -> Reconciliation:
        report = Report(
            client_id, {call.call: call for call in calls}, {one.sign_in.agent: one for one in agents}, dry_run
        )
        reconciliation = Reconciliation(self.engine, self.sessions, report, "test")
        for plan in reconciliation.plans():
            self.carry_out(plan)
        self.engine.audit()
        return reconciliation

    def since(self, sequence: int) -> list[e.Event]:
        """Return what happened after a command."""
        return [event for one in self.happenings if one.sequence > sequence for event in one.events]


class Driven(Desk):
    """A desk that a random centre drives: some agents and calls are of one client, some of another, some of nobody."""

    def apply(self, command: c.Command, time_us: int) -> list[e.Event]:
        self.time_us = time_us
        before = len(self.happenings)
        self.do(command, client_of(command))
        return [event for one in self.happenings[before:] for event in one.events]

    def next_deadline(self) -> int | None:
        return self.engine.next_deadline()


def client_of(command: c.Command) -> str:
    name = getattr(command, "call", "") or getattr(command, "agent", "")
    return ("pbx", "pbx", "chat", "")[sum(name.encode()) % 4]


def kinds(differences: Iterable[Difference]) -> list[str]:
    """Return each difference in a word, with whether it was repaired."""
    return [f"{one.kind.name}{'' if one.repaired else ' (left)'}" for one in differences]
