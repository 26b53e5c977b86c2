"""Point 8: raising one weight never makes a candidate better in that term lose to one that it beat before.

Method: every decision of a random history with a runner-up is taken again from the state before it, once as it was and
once with one weight raised by the same amount in every queue, for each term in which the winner is better. The
runner-up must not win.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from hypothesis import event as note
from hypothesis import given
from hypothesis import strategies as st

from router.engine import Engine
from router.engine import commands as c
from router.engine import events as e
from router.engine.settings import Settings
from router.engine.views import Candidate, Decision
from tests.fairness import centres as make
from tests.fairness.centres import Centre, drive, examples

WEIGHTS = {"agent": "agent_weights", "call": "call_weights"}
WEIGHT_MAX = 1_000_000


class Moment(NamedTuple):
    """A state, and the command that brings a decision from it."""

    snapshot: bytes
    settings: Settings
    command: c.Command
    time_us: int


class Recording:
    """An engine that keeps the moments before decisions between several candidates."""

    def __init__(self, settings: Settings) -> None:
        self.engine = Engine(settings)
        self.engine.tracing = True
        self.moments: list[Moment] = []

    def apply(self, command: c.Command, time_us: int) -> list[e.Event]:
        snapshot, settings = self.engine.snapshot(), self.engine.settings
        events = self.engine.apply(command, time_us)
        decisions = self.engine.last_decisions
        if decisions and decisions[0].runner_up is not None and not isinstance(command, c.Configure):
            self.moments.append(Moment(snapshot, settings, command, time_us))
        return events

    def next_deadline(self) -> int | None:
        return self.engine.next_deadline()


def raised(settings: Settings, ranking: str, term: str, by: int) -> Settings:
    """Return settings with one weight raised by the same amount in every queue, as far as it may go in all of them."""
    queues = {}
    field = WEIGHTS[ranking]
    room = min(WEIGHT_MAX - getattr(getattr(queue, field), term) for queue in settings.queues.values())
    for name, queue in settings.queues.items():
        weights = getattr(queue, field)
        changed = msgspec.structs.replace(weights, **{term: getattr(weights, term) + min(by, room)})
        queues[name] = msgspec.structs.replace(queue, **{field: changed})
    return msgspec.structs.replace(settings, queues=queues)


def first_decision(moment: Moment, settings: Settings) -> Decision:
    """Take the first decision of the moment's command again under other weights."""
    engine = Engine.restore(moment.snapshot)
    engine.tracing = True
    engine.apply(c.Configure(settings), engine.time_us)
    assert not engine.last_decisions, "new weights alone bring nobody together"
    engine.apply(moment.command, moment.time_us)
    return engine.last_decisions[0]


def who(candidate: Candidate) -> tuple[str, str]:
    return (candidate.call, candidate.agent)


def better_terms(decision: Decision) -> list[str]:
    """Return the terms in which the winner is better than the runner-up."""
    assert decision.runner_up is not None
    mine = {term.name: term.value_ppm for term in decision.winner.terms}
    theirs = {term.name: term.value_ppm for term in decision.runner_up.terms}
    return [name for name in mine if mine[name] > theirs[name]]


@examples(120)
@given(make.centres(favour={"sign_in": 6, "configure": 0}), st.sampled_from((1, 700, 20_000, WEIGHT_MAX)))
def test_point_8_raising_a_weight_never_helps_the_worse(centre: Centre, by: int) -> None:
    recording = Recording(centre.settings)
    drive(recording, centre)
    for moment in recording.moments[:12]:
        before = first_decision(moment, moment.settings)
        assert before.runner_up is not None
        for term in better_terms(before):
            after = first_decision(moment, raised(moment.settings, before.ranking, term, by))
            note(f"{before.ranking}: {term}")
            assert (after.ranking, after.sequence) == (before.ranking, before.sequence)
            assert who(after.winner) != who(before.runner_up), (term, before, after)


@examples(120)
@given(make.centres(favour={"sign_in": 6, "configure": 0}), st.sampled_from((1, 700, 20_000, WEIGHT_MAX)))
def test_point_8_a_change_of_winner_is_for_the_better(centre: Centre, by: int) -> None:
    """If raising a weight makes somebody else win, the new winner is better in its term than the old one."""
    recording = Recording(centre.settings)
    drive(recording, centre)
    for moment in recording.moments[:8]:
        before = first_decision(moment, moment.settings)
        for term in [term.name for term in before.winner.terms]:
            after = first_decision(moment, raised(moment.settings, before.ranking, term, by))
            if who(after.winner) != who(before.winner):
                note(f"{before.ranking}: {term} changes the winner")
                better = value(who(after.winner), term, before, after)
                if better is None:
                    # a call that came back wins now: its agent is chosen, and only terms of agents are shown
                    assert after.ranking != before.ranking
                    continue
                worse = value(who(before.winner), term, before)
                assert worse is not None
                assert better > worse, (term, before, after)


def value(pair: tuple[str, str], term: str, *decisions: Decision) -> int | None:
    """Return the value of a term for a call and an agent, if one of the decisions shows it."""
    candidates = [one for decision in decisions for one in (decision.winner, decision.runner_up) if one is not None]
    terms = [shown for one in candidates if who(one) == pair for shown in one.terms]
    return next((shown.value_ppm for shown in terms if shown.name == term), None)
