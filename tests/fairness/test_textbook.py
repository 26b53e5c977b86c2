"""`fcfs-longest-idle` (all weights 0) makes the textbook choice, FCFS-ALIS, in every decision of a random history.

Method: with every pairing, all waiting calls that the agent may take and all free agents who may take the call are
looked at. The call must be the first among the calls (tier, then due time or arrival), the agent the first among the
agents (free, longest idle).
"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from router.engine import Engine
from router.engine.vocabulary import Tier
from router.fairness import Checker
from router.fairness.checks import Checks
from router.fairness.model import Agent, Call, due_us
from tests.fairness import centres as make
from tests.fairness.centres import Centre, drive, examples

ONE_BY_ONE = {"configure": 0, "pause": 0, "resume": 0, "restart": 0}


class Textbook(Checks):
    """Records every pairing that is not the textbook's."""

    pairings = 0

    def taken(self, agent: Agent, call: Call, forced: bool) -> None:
        super().taken(agent, call, forced)
        if forced:
            return
        self.pairings += 1
        calls = [other for other in self._waiting_for(agent, range(len(Tier))) if not self._bar_ends_now(agent, other)]
        best_call = min([call, *calls], key=self.turn)
        assert best_call is call, f"{agent.name} got {call.name} before {best_call.name}"
        agents = [other for other in self._able(call) if not self._bar_ends_now(other, call)]
        best_agent = min([agent, *agents], key=Agent.idle_key)
        assert best_agent is agent, f"{call.name} went to {agent.name} before {best_agent.name}"

    def turn(self, call: Call) -> tuple[Any, ...]:
        due = due_us(call, self.picture.queue_settings(call.queue)) if call.overdue else 0
        return (call.tier, due, call.effective_arrival_us, call.order)

    def _bar_ends_now(self, agent: Agent, call: Call) -> bool:
        return call.bar_ends_now(agent.name, self.findings.time_us)


class TextbookChecker(Checker):
    """The checker, asking for the textbook's choice on top."""

    checks_made_by = Textbook


def judge(centre: Centre) -> int:
    """Drive a centre, compare every pairing with the textbook's, and return how many there were."""
    checker = TextbookChecker(centre.settings)
    for time_us, command, events in drive(Engine(centre.settings), centre):
        checker.observe(time_us, command, events)
    assert checker.report().ok, checker.report().summary()
    textbook = checker.checks
    assert isinstance(textbook, Textbook)
    return textbook.pairings


@examples(150)
@given(make.centres(plain=True, favour=ONE_BY_ONE))
def test_every_choice_is_the_textbooks(centre: Centre) -> None:
    judge(centre)


@examples(100)
@given(make.centres(plain=True, favour=ONE_BY_ONE | {"enqueue": 24, "sign_in": 1}), st.sampled_from((0, 1, 2)))
def test_every_choice_is_the_textbooks_when_calls_wait(centre: Centre, agents: int) -> None:
    judge(centre._replace(agents=centre.agents[:agents]))
