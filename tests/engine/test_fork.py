"""Goal: a fork goes on as the engine would, and back again. Method: random states; engine and fork do the same.

What a fork does not know is left out: finished calls, customers, and what was learned that weighs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from router.engine import Engine, events
from router.engine import commands as c
from router.engine.errors import InvalidCommand, InvariantViolated
from router.engine.events import Event
from router.engine.requirements import AgentTerm, Requirement, SkillTerm, Step
from router.engine.settings import (
    SECOND_US,
    AgentWeights,
    CallWeights,
    EfficiencySettings,
    QueueSettings,
    Settings,
    WrapUp,
)
from router.engine.vocabulary import CallState, RejectReason, WrapUpMode
from tests.engine.random_states import LIVE, RandomState, Steps

DAYS_366_US = 366 * 24 * 3600 * SECOND_US


def played(engine: Engine, steps: Steps) -> list[list[Event]]:
    """Apply the steps, with an audit after each; return the events. A call that has just finished counts as unknown."""
    collected = []
    for time_us, command in steps:
        told = engine.apply(command, time_us)
        last = told[-1] if told else None
        if isinstance(last, events.CommandRejected) and last.reason == RejectReason.CALL_FINISHED:
            told[-1] = msgspec.structs.replace(last, reason=RejectReason.UNKNOWN_CALL)
        collected.append(told)
        engine.audit()
    return collected


def seen(engine: Engine) -> list[Any]:
    """Return what can be seen of an engine, but for what a fork does not know."""
    calls = [one for one in engine.calls() if one.state in LIVE]
    return [
        engine.sequence,
        engine.time_us,
        engine.next_deadline(),
        [msgspec.structs.replace(one, explain=False, attributes={}, customer="") for one in calls],
        [msgspec.structs.replace(agent, learned=()) for agent in engine.agents()],
        [(one.queue, one.paused, one.waiting, one.offered, one.assigned) for one in engine.queues()],
        {queue: engine.waiting(queue) for queue in engine.settings.queues},
    ]


@pytest.mark.parametrize("number", range(24))
def test_a_fork_goes_on_as_the_engine_would(number: int) -> None:
    state = RandomState(f"fork/{number}")
    engine = state.engine.copy()
    before = engine.state_hash()
    fork = engine.fork()
    fork.audit()
    assert seen(fork) == seen(engine)
    steps = state.continuation(40)
    told = played(fork, steps)
    assert engine.state_hash() == before
    assert played(engine, steps) == told
    assert seen(fork) == seen(engine)


def names_of_calls(engine: Engine) -> set[str]:
    wrapped_up = {engagement.call for agent in engine.agents() for engagement in agent.engagements}
    return wrapped_up | {call.call for call in engine.calls()}


def without_names(told: Sequence[Sequence[Event]], names: set[str]) -> list[list[Event]]:
    return [
        [msgspec.structs.replace(one, call="") if getattr(one, "call", None) in names else one for one in some]
        for some in told
    ]


@pytest.mark.parametrize("number", range(24))
def test_so_does_one_whose_calls_have_no_names(number: int) -> None:
    state = RandomState(f"nameless/{number}")
    engine = state.engine.copy()
    fork = engine.fork(names=False)
    names = names_of_calls(engine)
    steps = state.continuation(40, unnamed=names)
    assert without_names(played(engine, steps), names) == played(fork, steps)


@pytest.mark.parametrize("number", range(24))
def test_rewound_it_goes_the_same_way_again(number: int) -> None:
    state = RandomState(f"rewind/{number}")
    start = (state.engine.copy, state.engine.fork, lambda: state.engine.fork(names=False))[number % 3]()
    unnamed = names_of_calls(state.engine) if number % 3 == 2 else set()
    engine = start.copy()
    before = start.state_hash()
    steps, more = state.continuation(25, unnamed=unnamed), state.continuation(15, unnamed=unnamed)
    first = played(engine, steps)
    time_us = steps[4][0]
    enqueue = c.Enqueue("new call", "loans", customer="new customer", preferred_agents=("zoe",))
    changes = (c.SignIn("zoe", {"zulu": 3}), c.Configure(state.other_settings()), enqueue, c.RecordOutcome("c0", True))
    for detour in (steps, [*steps, *more], steps[:3], [*steps[:5], *((time_us, change) for change in changes)]):
        engine.rewind(start)
        engine.audit()
        assert engine.state_hash() == before == start.state_hash()
        assert seen(engine) == seen(start)
        played(engine, detour)
    engine.rewind(start)
    assert played(engine, steps) == first


def test_any_engine_can_become_equal_to_any_other() -> None:
    states = [RandomState(f"any/{number}").engine for number in range(8)]
    for state in states:
        for other in states:
            engine = state.copy()
            engine.rewind(other)
            assert engine.state_hash() == other.state_hash()
            engine.audit()
    with pytest.raises(InvalidCommand, match="'x' is no engine; the engine that this one was copied from is wanted"):
        states[0].rewind("x")  # type: ignore[arg-type]


def centre(calls: Sequence[str], agents: Sequence[str] = (), **fields: Any) -> Engine:
    engine = Engine(Settings(queues={"q": QueueSettings(**fields)}, finished_retention_us=DAYS_366_US))
    for agent in agents:
        engine.apply(c.SignIn(agent), 0)
    for call in calls:
        engine.apply(c.Enqueue(call, "q", customer=f"of {call}"), 0)
    return engine


def test_what_is_only_remembered_stays_behind() -> None:
    engine = centre([], ["anna"], automatic=True)
    for number in range(10_000):
        engine.apply(c.Enqueue(f"c{number}", "q", customer=f"of c{number}"), number)
        engine.apply(c.Complete(f"c{number}"), number)
    engine.apply(c.Enqueue("last", "q"), 10_000)
    fork = engine.fork()
    assert [call.call for call in fork.calls()] == ["last"]
    assert len(engine.calls()) == 10_001
    assert fork.customers() == []
    assert len(fork.snapshot()) < 1000 < len(engine.snapshot())
    fork.apply(c.Complete("last"), 10_001)
    fork.advance(10_001)
    assert fork.calls() == []


def test_it_can_be_saved_and_restored() -> None:
    engine = centre(["c1", "c2", "c3"], ["anna"], wrap_up=WrapUp(WrapUpMode.FIXED, SECOND_US))
    fork = engine.fork()
    assert Engine.restore(fork.snapshot()).state_hash() == fork.state_hash()


def test_queues_that_are_resumed_are_served_by_the_first_command() -> None:
    engine = centre([])
    engine.apply(c.PauseQueue("q"), 0)
    for call in ("c1", "c2", "c3"):
        engine.apply(c.Enqueue(call, "q"), 1)
    for agent in ("anna", "bert"):
        engine.apply(c.SignIn(agent), 1)
    fork = engine.fork(resume_queues=True)
    assert [call.state for call in fork.calls()] == [CallState.WAITING] * 3
    with pytest.raises(InvariantViolated, match="before its first command"):
        fork.snapshot()
    fork.audit()
    told = fork.advance(2)
    assert [(type(one), getattr(one, "call", ""), getattr(one, "agent", "")) for one in told] == [
        (events.OfferMade, "c1", "anna"),
        (events.OfferMade, "c2", "bert"),
    ]
    fork.audit()
    assert fork.advance(3) == []
    assert engine.advance(2) == []
    assert [one for one in engine.apply(c.ResumeQueue("q"), 2) if isinstance(one, events.OfferMade)] == [
        msgspec.structs.replace(one, sequence=engine.sequence) for one in told
    ]


def test_automatic_queues_can_be_made_to_offer() -> None:
    engine = centre(["c1", "c2"], automatic=True, offer_timeout_us=SECOND_US)
    fork = engine.fork(offer_always=True)
    told = fork.apply(c.SignIn("anna"), 5)[-1]
    assert isinstance(told, events.OfferMade)
    assert (told.call, told.expires_us) == ("c1", 5 + DAYS_366_US)
    assert not fork.settings.queues["q"].automatic
    assert isinstance(engine.apply(c.SignIn("anna"), 5)[-1], events.CallAssigned)


def test_queues_that_offer_anyhow_keep_their_timeout() -> None:
    fork = centre(["c1"], offer_timeout_us=7 * SECOND_US).fork(offer_always=True)
    told = fork.apply(c.SignIn("anna"), 5)[-1]
    assert isinstance(told, events.OfferMade)
    assert told.expires_us == 5 + 7 * SECOND_US


@pytest.mark.parametrize("mode", list(WrapUpMode))
def test_every_call_can_be_made_to_end_in_manual_wrap_up(mode: WrapUpMode) -> None:
    wrap_up = WrapUp(mode, 0 if mode == WrapUpMode.NONE else SECOND_US)
    engine = centre(["c1"], ["anna"], automatic=True, wrap_up=wrap_up)
    fork = engine.fork(manual_wrap_up=True)
    told = fork.apply(c.Complete("c1"), 5)[-1]
    assert isinstance(told, events.WrapUpStarted)
    assert told.until_us == 5 + DAYS_366_US
    assert fork.advance(DAYS_366_US) == []
    assert isinstance(fork.apply(c.EndWrapUp("anna"), DAYS_366_US)[0], events.WrapUpEnded)


def test_terms_are_checked() -> None:
    with pytest.raises(InvalidCommand, match="resume_queues"):
        centre([]).fork(resume_queues=1)  # type: ignore[arg-type]


def test_what_was_learned_goes_on_where_it_weighs() -> None:
    queues = {
        "agents": QueueSettings(automatic=True, agent_weights=AgentWeights(0, 0, 0, 1000, 0, 0)),
        "calls": QueueSettings(automatic=True, call_weights=CallWeights(0, 0, 0, 0, 1000, 0)),
        "neither": QueueSettings(automatic=True),
    }
    engine = Engine(Settings(queues=queues, efficiency=EfficiencySettings(handle_time=1000)))
    steps: list[tuple[int, c.Command]] = [(0, c.SignIn(agent)) for agent in ("anna", "bert")]
    for round_ in range(6):
        start_us = 100 * round_ * SECOND_US
        for queue in queues:
            steps += [(start_us, c.Enqueue(f"{queue}{round_}{number}", queue)) for number in range(2)]
            steps += [(start_us + 10 * SECOND_US, c.Complete(f"{queue}{round_}0"))]
            steps += [(start_us + 30 * SECOND_US, c.Complete(f"{queue}{round_}1"))]
            start_us += 30 * SECOND_US
    half = len(steps) // 2
    played(engine, steps[:half])
    fork = engine.fork()
    # nobody knows how long the talk was that the downtime cuts through
    cut = [
        (300 * SECOND_US, c.Enqueue("cut", "agents")),
        (320 * SECOND_US, c.Restart()),
        (321 * SECOND_US, c.Complete("cut")),
    ]
    rest = [(time_us + 400 * SECOND_US, command) for time_us, command in steps[half:]]
    assert played(fork, [*cut, *rest]) == played(engine, [*cut, *rest])
    for agent in ("anna", "bert"):
        learned = [one for one in engine.agent(agent).learned if one.queue != "neither"]
        assert list(fork.agent(agent).learned) == learned != []
    assert [fork.queue(queue) for queue in ("agents", "calls")] == [
        engine.queue(queue) for queue in ("agents", "calls")
    ]
    assert fork.queue("neither").calls == 0 < engine.queue("neither").calls


def test_a_restart_before_the_fork_is_known() -> None:
    engine = centre(["c1"], ["anna"], automatic=True, agent_weights=AgentWeights(0, 0, 0, 1000, 0, 0))
    engine.apply(c.Restart(), SECOND_US)
    fork = engine.fork()
    fork.apply(c.Complete("c1"), 2 * SECOND_US)
    assert fork.agent("anna").learned == ()


def test_scarcity_is_what_it_was_after_rewinding() -> None:
    queue = QueueSettings(requirement=needs(SkillTerm("de")), agent_weights=AgentWeights(0, 0, 0, 0, 0, 1000))
    engine = Engine(Settings(queues={"q": queue}))
    for agent, skill in (("anna", "fr"), ("bert", "it")):
        engine.apply(c.SignIn(agent, {"de": 5, skill: 5}), 0)
    for number, skill in enumerate(("fr", "fr", "fr", "it")):
        engine.apply(c.SignIn(f"other{number}", {skill: 5}, ready=False), 0)
    start = engine.fork()
    engine = start.copy()

    def best(*signing_out: str) -> str:
        engine.rewind(start)
        for agent in signing_out:
            engine.apply(c.SignOut(agent), 1)
        made = engine.apply(c.Enqueue("c1", "q"), 1)[-1]
        assert isinstance(made, events.OfferMade)
        return made.agent

    assert [best(), best("other0", "other1", "other2"), best()] == ["anna", "bert", "anna"]


def test_a_name_in_a_forgotten_requirement_is_not_taken_for_another() -> None:
    engine = centre([], ["anna"], automatic=True)
    engine.apply(c.Enqueue("c1", "q", requirement=needs(AgentTerm("anna"))), 0)
    engine.apply(c.Complete("c1"), 1)
    fork = engine.fork()
    assert fork.apply(c.Enqueue("c2", "q", requirement=needs(AgentTerm("bert"))), 2)[1:] == []
    assert isinstance(
        fork.apply(c.Enqueue("c3", "q", requirement=needs(AgentTerm("anna"))), 2)[-1], events.CallAssigned
    )
    fork.apply(c.SignIn("bert"), 3)
    assert fork.call("c2").agent == "bert"
    fork.audit()


def needs(*terms: SkillTerm | AgentTerm) -> Requirement:
    return Requirement((Step(terms),))
