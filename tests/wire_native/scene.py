"""A centre in the middle of things, and commands that fit it: every kind that is read natively, with any values."""

from __future__ import annotations

import functools
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from router.engine import Engine
from router.engine import commands as c
from router.engine.requirements import AgentTerm, AnyOf, Preference, Requirement, SkillTerm, Step
from router.engine.settings import DAY_US, SECOND_US, QueueSettings, Settings, WrapUp
from router.engine.vocabulary import CallState, EngagementState, Urgency, WrapUpMode

NOW_US = 1_700_000_100_000_000
QUEUES = ("loans", "cards")
AGENTS = ("ada", "ben", "cleo", "dora")
# waiting, offered, with an agent, in wrap-up
CALLS = ("waits", "rings", "talks", "talked")


@functools.cache
def scene() -> bytes:
    """Return the snapshot of a centre where a call waits, one rings, one talks and one is in wrap-up."""
    start_us = NOW_US - 100 * SECOND_US
    queue = QueueSettings(wrap_up=WrapUp(WrapUpMode.MANUAL, 600 * SECOND_US), offer_timeout_us=600 * SECOND_US)
    engine = Engine(Settings(queues=dict.fromkeys(QUEUES, queue)), time_us=start_us)
    for agent, call in zip(AGENTS, ("talked", "talks", "rings"), strict=False):
        engine.apply(c.SignIn(agent, {"german": 5, "loans": 3}), start_us)
        engine.apply(c.Enqueue(call, "loans", customer="carol", attributes={"lang": "de"}), start_us)
        if call != "rings":
            engine.apply(c.Accept(engine.call(call).offer or 0), start_us)
    engine.apply(c.Complete("talked"), start_us + 5)
    engine.apply(c.SignIn("dora", ready=False), start_us + 6)
    engine.apply(c.Enqueue("waits", "loans"), start_us + 7)
    states = [engine.call(call).state for call in CALLS]
    assert states == [CallState.WAITING, CallState.OFFERED, CallState.ASSIGNED, CallState.COMPLETED]
    assert engine.agent("ada").engagements[0].state == EngagementState.WRAP_UP
    return engine.snapshot()


def printable(text: str) -> bool:
    return all(ord(one) >= 32 and not 127 <= ord(one) < 160 for one in text) and len(text.encode()) <= 255


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=80).filter(printable)
NEW_NAMES = TEXTS.filter(bool)
CALL_NAMES = st.sampled_from(CALLS) | NEW_NAMES
AGENT_NAMES = st.sampled_from(AGENTS) | NEW_NAMES
QUEUE_NAMES = st.sampled_from(QUEUES) | st.sampled_from(QUEUES) | NEW_NAMES
OFFERS = st.integers(0, 12) | st.integers(0, 2**63 - 1)
DURATIONS = st.integers(0, 366 * DAY_US) | st.sampled_from((0, 1, 999_999, SECOND_US, 366 * DAY_US))
SKILL_TERMS = st.builds(SkillTerm, NEW_NAMES, st.integers(1, 10))
TERMS = (
    SKILL_TERMS
    | st.builds(AgentTerm, AGENT_NAMES)
    | st.builds(AnyOf, st.lists(SKILL_TERMS, min_size=1, max_size=3).map(tuple))
)
PREFERENCES = st.builds(Preference, NEW_NAMES, st.integers(1, 10))


@st.composite
def requirements(draw: st.DrawFn) -> Requirement:
    """Requirements of up to four steps, each later than the one before."""
    after_us = sorted(draw(st.sets(st.integers(1, 366 * DAY_US), max_size=3)))
    steps = [
        Step(
            tuple(draw(st.lists(TERMS, max_size=3))),
            tuple(draw(st.lists(PREFERENCES, max_size=2, unique_by=lambda one: one.skill))),
            when_us,
        )
        for when_us in (0, *after_us)
    ]
    return Requirement(tuple(steps))


def no_prefixes(attributes: dict[str, str]) -> bool:
    """Say whether no key begins with another, so that all of protobuf agrees on their order."""
    keys = sorted(attributes)
    return not any(after.startswith(before) for before, after in pairwise(keys))


MAYBE_REQUIREMENTS = st.none() | requirements()
ATTRIBUTES = st.dictionaries(NEW_NAMES, TEXTS, max_size=6).filter(no_prefixes)
PREFERRED = st.lists(AGENT_NAMES, max_size=5).map(tuple)
URGENCIES = st.sampled_from(Urgency)
PRIORITIES = st.integers(0, 9)
MAYBE_BOOLEANS = st.none() | st.booleans()

COMMANDS: dict[type[Any], st.SearchStrategy[Any]] = {
    c.SetAvailability: st.builds(c.SetAvailability, AGENT_NAMES, st.booleans(), TEXTS, st.booleans()),
    c.Enqueue: st.builds(
        c.Enqueue,
        CALL_NAMES,
        QUEUE_NAMES,
        channel=st.just("voice") | st.just("voice") | NEW_NAMES,
        requirement=MAYBE_REQUIREMENTS,
        urgency=URGENCIES,
        priority=PRIORITIES,
        preferred_agents=PREFERRED,
        hold_us=st.none() | DURATIONS,
        credited_wait_us=DURATIONS,
        customer=TEXTS,
        attributes=ATTRIBUTES,
        callback=st.booleans(),
        explain=st.booleans(),
    ),
    c.UpdateCall: st.builds(
        c.UpdateCall,
        CALL_NAMES,
        urgency=st.none() | URGENCIES,
        priority=st.none() | PRIORITIES,
        requirement=MAYBE_REQUIREMENTS,
        preferred_agents=st.none() | PREFERRED,
        attributes=st.none() | ATTRIBUTES,
    ),
    c.Cancel: st.builds(c.Cancel, CALL_NAMES, TEXTS),
    c.Requeue: st.builds(c.Requeue, CALL_NAMES, st.booleans(), TEXTS),
    c.Transfer: st.builds(
        c.Transfer,
        CALL_NAMES,
        QUEUE_NAMES,
        keep_place=st.booleans(),
        requirement=MAYBE_REQUIREMENTS,
        preferred_agents=st.none() | PREFERRED,
        hold_us=st.none() | DURATIONS,
    ),
    c.TurnIntoCallback: st.builds(c.TurnIntoCallback, CALL_NAMES),
    c.Accept: st.builds(c.Accept, OFFERS),
    c.Reject: st.builds(c.Reject, OFFERS, TEXTS),
    c.Complete: st.builds(c.Complete, CALL_NAMES),
    c.EndWrapUp: st.builds(c.EndWrapUp, AGENT_NAMES, st.just("") | CALL_NAMES),
    c.RecordOutcome: st.builds(
        c.RecordOutcome,
        CALL_NAMES,
        resolved=MAYBE_BOOLEANS,
        satisfaction=st.integers(1, 5),
        agent=st.just("") | AGENT_NAMES,
        queue=st.just("") | QUEUE_NAMES,
    ),
}
