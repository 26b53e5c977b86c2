"""Sessions without a server: who owns what, what a loss does, and that a replay gives the same again."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.engine import Engine
from router.engine import commands as c
from router.engine import events as e
from router.engine.settings import QueueSettings, Settings, WrapUp
from router.engine.vocabulary import Availability, CallState, WithdrawalCause, WrapUpMode
from router.fairness import check
from router.journal import Change, Owned, Session
from router.server._native import Followers
from router.server.errors import Refusal
from router.server.sessions.leases import Leases
from router.server.sessions.sessions import Sessions
from router.server.writing.work import Happening
from tests.fairness import centres as make
from tests.server.desk import SECOND_US, START_US, Desk, Driven, client_of

ONE_QUEUE = Settings(queues={"q": QueueSettings()})


def held(client_id: str) -> Session:
    return Session(client_id)


def owned(desk: Desk) -> list[Owned]:
    return list(desk.sessions.state()[1])


# Who owns what


def test_agents_belong_to_who_signed_them_in_last_and_calls_to_who_enqueued_them() -> None:
    desk = Desk(ONE_QUEUE)
    desk.all([c.SignIn("ada"), c.SignIn("bob"), c.Enqueue("c1", "q"), c.Enqueue("c2", "q"), c.Enqueue("c3", "q")])
    desk.all([c.SignOut("bob"), c.SignIn("bob"), c.Enqueue("d1", "q")], "chat")
    assert owned(desk) == [Owned("chat", ("bob",), ("d1",)), Owned("pbx", ("ada",), ("c1", "c2", "c3"))]
    # whoever touches them otherwise does not get them
    desk.all([c.SetAvailability("ada", False), c.UpdateCall("c1", priority=3)], "chat")
    assert desk.sessions.agents.owner("ada") == "pbx"
    assert desk.sessions.calls.owner("c1") == "pbx"


def test_what_is_brought_without_a_client_id_is_nobodys() -> None:
    desk = Desk(ONE_QUEUE)
    desk.all([c.SignIn("ada")])
    desk.all([c.SignOut("ada"), c.SignIn("ada"), c.Enqueue("c1", "q")], "")
    assert owned(desk) == []
    assert desk.sessions.agents.owner("ada") == desk.sessions.calls.owner("c1") == ""


def test_what_is_over_is_forgotten() -> None:
    desk = Desk(Settings(queues={"q": QueueSettings(automatic=True), "full": QueueSettings(waiting_max=0)}))
    desk.all([c.SignIn("ada"), c.Enqueue("completed", "q"), c.Enqueue("abandoned", "q"), c.Cancel("abandoned")])
    desk.all([c.Enqueue("refused", "full"), c.Complete("completed"), c.SignOut("ada")])
    assert [desk.engine.call(call).state for call in ("completed", "abandoned", "refused")] == [
        CallState.COMPLETED,
        CallState.ABANDONED,
        CallState.REFUSED,
    ]
    assert owned(desk) == []
    assert (len(desk.sessions.agents), len(desk.sessions.calls)) == (0, 0)


def test_an_agent_who_is_signed_out_for_not_answering_belongs_to_nobody() -> None:
    desk = Desk(Settings(queues={"q": QueueSettings(no_answer_action=make.NoAnswerAction.SIGN_OUT)}))
    desk.all([c.SignIn("ada"), c.Enqueue("c1", "q")])
    desk.time_us += 60 * SECOND_US
    desk.do(c.Advance(), "")
    assert desk.engine.agent("ada").availability is Availability.SIGNED_OUT
    assert owned(desk) == [Owned("pbx", (), ("c1",))]


# Replay


def replay(engine: Engine, sessions: Sessions, happenings: Sequence[Happening]) -> None:
    """Carry commands out again, and let sessions follow."""
    followers = Followers(engine, sessions.followers)
    for happening in happenings:
        assert happening.command is not None
        engine.apply(happening.command, happening.time_us)
        followers.observe(happening.client_id, 0)
        sessions.observe(happening)


CHANGES = st.tuples(st.sampled_from(Change), st.sampled_from(["pbx", "chat"]))


@make.examples(60)
@given(make.centres(most=40), st.lists(CHANGES, max_size=5), st.integers(0, 100))
def test_a_replay_from_any_point_gives_the_same_sessions(
    centre: make.Centre, changes: list[tuple[Change, str]], cut: int
) -> None:
    desk = Driven(centre.settings)
    make.drive(desk, centre)
    for change, client_id in changes:
        desk.change(change, client_id)
        desk.time_us += SECOND_US
    desk.do(c.Restart(), "")
    live, remembered, engine = desk.sessions, Sessions(), Engine(centre.settings, time_us=START_US)
    cut = cut % (len(desk.happenings) + 1)
    replay(engine, remembered, desk.happenings[:cut])
    restored = Sessions()
    restored.restore(*remembered.state())
    replay(engine, restored, desk.happenings[cut:])
    assert engine.state_hash() == desk.engine.state_hash()
    assert restored.state() == live.state()
    # and the owned are exactly those that the engine has
    signed_in = {one.agent for one in desk.engine.agents() if one.availability is not Availability.SIGNED_OUT}
    calls = {one.call for one in desk.engine.calls() if one.state <= CallState.ASSIGNED}
    assert {agent for client in owned(desk) for agent in client.agents} <= signed_in
    assert {call for client in owned(desk) for call in client.calls} == {
        call for call in calls if client_of(c.Cancel(call))
    }


# Changes


def test_a_session_begins_is_lost_is_taken_up_and_ends() -> None:
    desk = Desk(ONE_QUEUE)
    states = []
    for change in (
        Change.BEGAN,
        Change.LOST,
        Change.RECONCILED,
        Change.ENDED,
        Change.BEGAN,
        Change.LOST,
        Change.GIVEN_UP,
    ):
        desk.change(change)
        state = desk.sessions.state_of("pbx")
        states.append(state and state.name)
    assert states == ["HELD", "LOST", "HELD", None, "HELD", "LOST", None]


def test_the_time_that_the_server_was_down_does_not_count_as_lost() -> None:
    desk = Desk(ONE_QUEUE)
    desk.begin()
    desk.lose()
    assert desk.sessions.lost_at_us("pbx") == START_US
    desk.time_us += 3_600 * SECOND_US
    desk.do(c.Restart(), "")
    assert desk.sessions.lost_at_us("pbx") == START_US + 3_600 * SECOND_US
    assert list(desk.sessions.state()[0]) == [Session("pbx", START_US + 3_600 * SECOND_US)]


def test_a_session_that_is_there_does_not_begin_again_and_a_lost_one_cannot_be_ended() -> None:
    desk = Desk(ONE_QUEUE)
    assert not desk.carry_out(desk.plans.end("pbx", "test"))
    desk.begin()
    assert not desk.carry_out(desk.plans.begin("pbx", "test"))
    desk.lose()
    sequence = desk.engine.sequence
    assert not desk.carry_out(desk.plans.begin("pbx", "test"))
    assert not desk.carry_out(desk.plans.lose("pbx"))
    with pytest.raises(Refusal) as refused:
        desk.carry_out(desk.plans.end("pbx", "test"))
    assert refused.value.reason == "SESSION_LOST"
    assert "Reconcile" in refused.value.message
    assert desk.engine.sequence == sequence


def test_there_are_not_more_sessions_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.server.sessions.session_plans.SESSIONS_MAX", 2)
    desk = Desk(ONE_QUEUE)
    desk.begin("a")
    desk.begin("b")
    desk.lose("b")
    with pytest.raises(Refusal) as refused:
        desk.carry_out(desk.plans.begin("c", "test"))
    assert refused.value.reason == "OVERLOADED"
    assert "2 sessions" in refused.value.message
    assert refused.value.retry_after_us


# Loss


def test_a_loss_makes_agents_not_ready_and_detaches_calls() -> None:
    desk = Desk(Settings(queues={"q": QueueSettings(), "auto": QueueSettings(automatic=True)}))
    desk.begin()
    desk.all([c.SignIn("ada"), c.SignIn("bob"), c.SignIn("cyd", ready=False), c.SetAvailability("cyd", False, "lunch")])
    desk.all([c.Enqueue("talking", "auto"), c.Enqueue("ringing", "q"), c.Enqueue("waiting", "q")])
    desk.all([c.SignIn("dan"), c.Enqueue("theirs", "q")], "chat")
    assert desk.engine.call("ringing").agent == "bob"
    # dan of the other client got "waiting", and "theirs" waits
    assert desk.engine.call("waiting").agent == "dan"
    sequence = desk.engine.sequence
    desk.lose()
    states = {call: desk.engine.call(call).state.name for call in ("talking", "ringing", "waiting", "theirs")}
    assert states == {"talking": "ASSIGNED", "ringing": "WAITING", "waiting": "WAITING", "theirs": "OFFERED"}
    assert [call for call in states if desk.engine.call(call).detached] == ["talking", "ringing", "waiting"]
    assert desk.engine.call("theirs").agent == "dan"
    reasons = {agent: desk.engine.agent(agent).reason for agent in ("ada", "bob", "cyd", "dan")}
    assert reasons == {"ada": "connection_lost", "bob": "connection_lost", "cyd": "lunch", "dan": ""}
    causes = [event.cause for event in desk.since(sequence) if isinstance(event, e.OfferWithdrawn)]
    assert causes == [WithdrawalCause.AGENT_NOT_READY, WithdrawalCause.CALL_DETACHED]
    assert check(desk.history, desk.settings).ok
    # done again, as after a restart in between, it does nothing more
    sequence = desk.engine.sequence
    for plan in desk.plans.quieten("pbx"):
        desk.carry_out(plan)
    assert desk.engine.sequence == sequence


def test_a_loss_stops_when_the_client_is_back_and_leaves_what_is_no_longer_its_own() -> None:
    desk = Desk(ONE_QUEUE)
    desk.begin()
    desk.all([c.SignIn(f"a{n}") for n in range(200)])
    desk.carry_out(desk.plans.lose("pbx"))
    plans = desk.plans.quieten("pbx")
    desk.carry_out(next(plans))
    desk.all([c.SignOut("a199")])
    desk.all([c.SignIn("a199")], "chat")
    desk.carry_out(next(plans))
    assert desk.engine.agent("a127").reason == "connection_lost"
    desk.change(Change.RECONCILED)
    for plan in plans:
        desk.carry_out(plan)
    assert desk.engine.agent("a128").availability is Availability.READY
    desk.carry_out(desk.plans.lose("pbx"))
    for plan in desk.plans.quieten("pbx"):
        desk.carry_out(plan)
    assert [one.agent for one in desk.engine.agents() if one.availability is Availability.READY] == ["a199"]


def test_what_a_lost_client_brings_is_carried_out_as_usual() -> None:
    desk = Desk(ONE_QUEUE)
    desk.begin()
    desk.all([c.SignIn("ada"), c.Enqueue("c1", "q")])
    desk.lose()
    desk.all([c.SetAvailability("ada", True), c.Enqueue("c2", "q")])
    assert desk.engine.call("c1").state is CallState.WAITING
    assert desk.engine.call("c2").agent == "ada"
    assert desk.sessions.lost == ("pbx",)


def test_giving_up_ends_what_the_loss_left() -> None:
    desk = Desk(Settings(queues={"q": QueueSettings(wrap_up=WrapUp(WrapUpMode.FIXED, SECOND_US))}))
    desk.begin()
    desk.all([c.SignIn("ada"), c.SignIn("bob"), c.Enqueue("talking", "q")])
    desk.do(c.Accept(1))
    desk.all([c.Enqueue("waiting", "q"), c.Enqueue("c3", "q")])
    desk.all([c.SignIn("dan", ready=False), c.Enqueue("theirs", "q")], "chat")
    desk.lose()
    # one agent and a call that the client uses again, without having reconciled
    desk.all([c.SetAvailability("bob", True), c.Enqueue("new", "q")])
    sequence = desk.engine.sequence
    desk.give_up()
    states = {call: desk.engine.call(call).state.name for call in ("talking", "waiting", "c3", "theirs", "new")}
    assert states == {
        "talking": "COMPLETED",
        "waiting": "ABANDONED",
        "c3": "ABANDONED",
        "theirs": "OFFERED",
        "new": "WAITING",
    }
    assert {event.reason for event in desk.since(sequence) if isinstance(event, e.CallAbandoned)} == {"connection_lost"}
    assert not [event for event in desk.since(sequence) if isinstance(event, e.WrapUpStarted)]
    availability = {one.agent: one.availability.name for one in desk.engine.agents()}
    assert availability == {"ada": "SIGNED_OUT", "bob": "READY", "dan": "NOT_READY"}
    assert desk.sessions.state_of("pbx") is None
    assert owned(desk) == [Owned("chat", ("dan",), ("theirs",)), Owned("pbx", ("bob",), ("new",))]
    assert check(desk.history, desk.settings).ok


# Leases


def test_leases_run_out_in_order_unless_renewed() -> None:
    leases = Leases()
    for number in range(5):
        leases.renew(f"c{number}", 10 + number)
    leases.renew("c0", 20)
    leases.drop("c3")
    leases.renew("c4", 14.5)
    assert leases.expired(9.9) == []
    assert leases.expired(12) == ["c1", "c2"]
    assert "c1" not in leases
    assert leases.expired(19) == ["c4"]
    leases.renew("c1", 30)
    assert leases.expired(25) == ["c0"]
    assert len(leases) == 1
    assert leases.expired(1e9) == ["c1"]


LEASE_STEPS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["renew", "drop", "wait"]), st.integers(0, 9)))


@given(LEASE_STEPS)
def test_leases_are_what_a_plain_dictionary_says(steps: list[tuple[str, str, int]]) -> None:
    leases, plain, now = Leases(), dict[str, float](), 0
    for client_id, step, number in steps:
        if step == "renew":
            leases.renew(client_id, now + 5)
            plain[client_id] = now + 5
        elif step == "drop":
            leases.drop(client_id)
            plain.pop(client_id, None)
        else:
            now += number
            due = {one for one, until in plain.items() if until <= now}
            assert set(leases.expired(now)) == due
            for one in due:
                del plain[one]
        assert len(leases) == len(plain)
        assert len(leases._heap) <= 3


def test_the_state_of_an_engine_is_no_part_of_it() -> None:
    """A session's changes are journalled as `Advance`, which changes nothing in the engine."""
    desk = Desk(ONE_QUEUE)
    desk.begin()
    plain = Engine(ONE_QUEUE, time_us=START_US)
    plain.apply(c.Advance(), START_US)
    assert desk.engine.state_hash() == plain.state_hash()
    assert msgspec.json.decode(msgspec.json.encode(desk.sessions.state()[0]), type=list[Session]) == [held("pbx")]
