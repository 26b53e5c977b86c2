"""Goal: the engine says what it would choose. Method: the oracle's rules in random states, without pauses and work."""

from __future__ import annotations

import pytest

from router.engine import Engine
from router.engine import commands as c
from router.engine.errors import UnknownName
from router.engine.requirements import Requirement, SkillTerm, Step
from router.engine.settings import SECOND_US, ChannelSettings, QueueSettings, Settings
from router.engine.vocabulary import Availability, CallState, Urgency
from tests.engine.random_states import RandomState
from tests.oracle import Oracle, scoring
from tests.oracle.matching import may_take
from tests.oracle.state import State


def unpaused(oracle: Oracle) -> State:
    state = oracle.snapshot()
    for queue in state.queues.values():
        queue.paused = False
    return state


def call_for(state: State, name: str) -> str | None:
    """Return the call that the agent would get, as free where it is not available."""
    agent = state.agents[name]
    if not agent.signed_in:
        return None
    if agent.availability != Availability.READY or not scoring.open_channels(state, agent):
        agent.availability = Availability.READY
        agent.engagements = []
    calls = [call for call in state.calls.values() if may_take(state, agent, call)]
    ranked = sorted(calls, key=lambda call: scoring.call_key(state, call, agent))
    return ranked[0].name if ranked else None


def agent_for(state: State, name: str) -> str | None:
    call = state.calls[name]
    agents = [agent for agent in state.agents.values() if may_take(state, agent, call)]
    ranked = sorted(agents, key=lambda agent: scoring.agent_key(state, call, agent))
    return ranked[0].name if ranked else None


@pytest.mark.parametrize("number", range(40))
def test_it_would_choose_as_the_oracle_would(number: int) -> None:
    state = RandomState(f"would/{number}")
    for queue in sorted(state.engine.settings.queues)[::2]:
        state.apply(c.PauseQueue(queue), state.engine.time_us)
    state.continuation(30)
    engine, oracle = state.engine, state.oracle
    before = (engine.state_hash(), engine.statistics())
    for agent in engine.agents():
        assert engine.would_take(agent.agent) == call_for(unpaused(oracle), agent.agent)
    for call in engine.calls():
        assert engine.would_get(call.call) == agent_for(unpaused(oracle), call.call)
    assert (engine.state_hash(), engine.statistics()) == before


def centre() -> Engine:
    """Return a paused centre: anna is free for voice, bert talks, carl takes a break, dora is not there."""
    queue = QueueSettings(automatic=True, requirement=Requirement((Step((SkillTerm("de"),)),)))
    channels = {"voice": ChannelSettings(), "chat": ChannelSettings(exclusive=False)}
    engine = Engine(Settings(queues={"q": queue}, channels=channels))
    for agent in ("bert", "anna", "carl", "dora"):
        engine.apply(c.SignIn(agent, {"de": 5}, {"voice": 1} if agent == "anna" else {"voice": 1, "chat": 1}), 0)
    engine.apply(c.Enqueue("talk", "q", preferred_agents=("bert",)), 1)
    engine.apply(c.SetAvailability("carl", False, "lunch"), 1)
    engine.apply(c.SignOut("dora"), 1)
    engine.apply(c.PauseQueue("q"), 1)
    assert engine.call("talk").agent == "bert"
    return engine


def test_a_paused_queue_does_not_hide_what_would_be() -> None:
    engine = centre()
    assert [engine.would_take(agent) for agent in ("anna", "bert")] == [None, None]
    engine.apply(c.Enqueue("c1", "q"), 2)
    engine.apply(c.Enqueue("urgent", "q", urgency=Urgency.URGENT), 3)
    engine.apply(c.Enqueue("note", "q", channel="chat", urgency=Urgency.URGENT, priority=9), 4)
    # bert and carl are taken as free; dora is not there at all
    assert {agent: engine.would_take(agent) for agent in ("anna", "bert", "carl", "dora")} == {
        "anna": "urgent",
        "bert": "urgent",
        "carl": "urgent",
        "dora": None,
    }
    # a call gets only who is free
    assert [engine.would_get(call) for call in ("c1", "urgent", "note", "talk")] == ["anna", "anna", None, None]
    engine.apply(c.Detach("urgent"), 5)
    assert engine.would_take("anna") == "c1"
    assert engine.would_get("urgent") is None
    assert engine.call("c1").state == CallState.WAITING
    engine.audit()


def test_who_is_held_for_others_would_not_be_taken() -> None:
    engine = centre()
    engine.apply(c.Enqueue("c1", "q", preferred_agents=("bert",), hold_us=10 * SECOND_US), 2)
    assert (engine.would_take("anna"), engine.would_take("bert"), engine.would_get("c1")) == (None, "c1", None)
    engine.apply(c.Enqueue("c2", "q", preferred_agents=("anna",), hold_us=10 * SECOND_US), 2)
    assert (engine.would_take("anna"), engine.would_take("bert"), engine.would_get("c2")) == ("c2", "c1", "anna")
    engine.apply(c.Cancel("c2"), 3)
    engine.advance(2 + 10 * SECOND_US)
    assert (engine.would_take("anna"), engine.would_get("c1")) == ("c1", "anna")


def test_unknown_names_are_refused() -> None:
    engine = centre()
    with pytest.raises(UnknownName, match="agent 'zoe'"):
        engine.would_take("zoe")
    with pytest.raises(UnknownName, match="call 'c9'"):
        engine.would_get("c9")
