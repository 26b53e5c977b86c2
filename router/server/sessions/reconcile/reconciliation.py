"""One reconciliation: its passes in their order, cut into plans that are short.

Keeps one invariant: each plan leaves the engine and the client's picture no further apart than they were, so it may end
after any of them, and be done again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, TypeVar

from router.engine import Engine
from router.engine.commands import Advance
from router.journal import Change, SessionChange
from router.server.sessions.reconcile.agents import AgentRepair
from router.server.sessions.reconcile.calls import CallRepair, Case
from router.server.sessions.reconcile.ground import Ground, Steps
from router.server.sessions.reconcile.report import Report
from router.server.sessions.sessions import Sessions
from router.server.writing.requests import Submission
from router.wire.sessions import Difference

PLAN_MAX: Final = 64
"""Calls or agents to one plan; each takes a few commands at most."""

T = TypeVar("T")


class Reconciliation:
    """Compare a report with the engine, and repair what differs.

    All is compared before anything is changed, so that no consequence of a repair is taken for a difference. Before
    calls are moved, the agents who are to have them are made not ready, so that they get nothing else in between.
    Agents are made as the client says once they have the calls that they talk with. Then the calls that wait come back
    by rank, and each seeks its best agent.
    """

    def __init__(self, engine: Engine, sessions: Sessions, report: Report, actor: str) -> None:
        self._ground = Ground(engine, sessions, report, actor)
        self._agents = AgentRepair(self._ground)
        self._calls = CallRepair(self._ground, self._agents)
        self._actor = actor

    @property
    def differences(self) -> Sequence[Difference]:
        """What differed, as far as the plans have been carried out."""
        return self._ground.differences

    @property
    def agreed(self) -> int:
        """On how many calls and agents of the report both sides agreed."""
        return self._ground.agreed

    def plans(self) -> Iterator[Steps]:
        """Yield the plans. Each is to be carried out, as a whole, before the next is asked for."""
        ground, report = self._ground, self._ground.report
        sessions, client_id = ground.sessions, report.client_id
        # what the client brings from now on is not in its report
        ended_calls = [call for call in sessions.calls.of(client_id) if call not in report.calls]
        ended_agents = [agent for agent in sessions.agents.of(client_id) if agent not in report.agents]
        yield from _plans(report.calls.values(), self._calls.compare)
        yield from _plans(report.agents.values(), self._agents.compare)
        if not report.dry_run:
            yield from _plans(self._calls.talks, self._calls.clear_way)
        yield from _plans(ended_calls, self._calls.end)
        yield from _plans(self._calls.cases, self._calls.take_back)
        if report.dry_run:
            self._note(self._calls.talks)
        else:
            yield from _plans(self._calls.talks, self._calls.free)
            yield from _plans(self._calls.talks, self._calls.assign)
        yield from _plans(ended_agents, self._agents.end)
        yield from _plans(self._agents.cases, self._agents.repair)
        if report.dry_run:
            self._note(self._calls.new())
        else:
            yield from _plans(self._calls.returning(), self._calls.attach)
            yield from _plans(self._calls.new(), self._calls.enqueue)
            yield self._take_up()

    def _note(self, cases: Iterable[Case]) -> None:
        for case in cases:
            self._ground.note(case.difference)

    def _take_up(self) -> Steps:
        """The session is no longer lost."""
        client_id = self._ground.client_id
        if self._ground.sessions.lost_at_us(client_id) is not None:
            note = SessionChange(client_id, Change.RECONCILED)
            yield Submission(Advance(), client_id=client_id, actor=self._actor, note=note)


def _plans(items: Iterable[T], step: Callable[[T], Steps | None]) -> Iterator[Steps]:
    remaining = iter(items)
    while part := list(islice(remaining, PLAN_MAX)):
        yield _each(part, step)


def _each(items: Sequence[T], step: Callable[[T], Steps | None]) -> Steps:
    for item in items:
        steps = step(item)
        if steps is not None:
            yield from steps
