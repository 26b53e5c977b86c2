"""An agent's telephone transfers the caller (REFER), or forwards calls (302)."""

from __future__ import annotations

import pytest

from router.bridge.asterisk.ari.requests import GetVariable
from router.engine import commands as c
from router.engine.vocabulary import Availability, CallState
from tests.bridge.situation import Situation
from tests.bridge.world import floor_settings


@pytest.fixture
def play() -> Situation:
    return Situation().ready("ben")


def test_an_agents_telephone_transfers_the_caller(play: Situation) -> None:
    caller = play.calls()
    leg = play.answers()
    target = play.pbx.transfer(leg)
    play.deliver_all()
    assert caller.bridge == target.bridge != "", "they are left to talk"
    assert leg.id not in play.pbx.channels, "the agent is free"
    assert play.state(caller) is CallState.COMPLETED
    assert play.floor.counts()["handed_over"] == 1
    play.rest()
    play.check()
    again = play.pbx.transfer(target)
    play.pbx.hang_up(target)
    play.deliver_all()
    assert caller.bridge == again.bridge != ""
    play.pbx.hang_up(again)
    play.deliver_all()
    assert caller.id not in play.pbx.channels, "as if the agent had hung up"
    play.check()


def test_a_caller_who_was_handed_over_hangs_up(play: Situation) -> None:
    caller = play.calls()
    play.pbx.transfer(play.answers())
    play.deliver_all()
    play.pbx.hang_up(caller)
    play.deliver_all()
    assert not play.pbx.channels, "nobody is left alone"
    assert not play.pbx.bridges
    play.check()


@pytest.mark.parametrize("gone", ["caller", "target", "nobody"])
def test_who_was_handed_over_is_left_to_talk_by_a_restarted_bridge(play: Situation, gone: str) -> None:
    caller = play.calls()
    target = play.pbx.transfer(play.answers())
    play.deliver_all()
    play.restart()
    if gone != "nobody":
        play.pbx.hang_up(caller if gone == "caller" else target)
    play.rest()
    play.check()
    if gone == "nobody":
        assert caller.bridge == target.bridge != ""
        play.pbx.hang_up(target)
        play.rest()
    assert not play.pbx.channels


@pytest.mark.parametrize("listed", ["before", "after"])
@pytest.mark.parametrize("hung_up", [False, True])
def test_a_handover_while_a_restarted_bridge_looks_around(play: Situation, listed: str, hung_up: bool) -> None:
    caller = play.calls()
    leg = play.answers()
    play.restart()
    play.connect()
    while listed == "before" and play.perform():
        pass
    target = play.pbx.transfer(leg)
    play.only(play.perform)
    if hung_up:
        play.pbx.hang_up(target)
    play.only(play.deliver_event)
    play.rest()
    play.check()
    if not hung_up:
        assert caller.bridge == target.bridge != "", "they are left to talk"
        play.pbx.hang_up(target)
        play.rest()
    assert not play.pbx.channels


def test_a_handover_while_what_is_missing_of_a_caller_who_was_found_is_asked() -> None:
    play = Situation(floor_settings(variables=("QUEUE",))).ready("ben")
    caller = play.calls()
    leg = play.answers()
    play.drop_socket()
    play.connect()
    other = play.pbx.dial_in(("asks", ""))
    assert other is not None
    other.variables["QUEUE"] = "cards"
    asked = len(play.requests)
    for _ in range(asked):
        play.perform()
    play.only(play.deliver_outcome)
    assert [type(request) for request in play.requests] == [GetVariable], "it is known whom to ask about"
    target = play.pbx.transfer(leg)
    play.only(play.deliver_event)
    play.rest()
    play.check()
    assert caller.bridge == target.bridge != "", "they are left to talk"


def test_a_caller_who_is_alone_after_a_transfer_that_was_not_heard_of(play: Situation) -> None:
    caller = play.calls()
    target = play.pbx.transfer(play.answers())
    play.deliver_all()
    play.drop_socket()
    play.pbx.hang_up(play.pbx.transfer(target))
    play.rest()
    assert caller.id not in play.pbx.channels, "as if the agent had hung up"
    assert not play.pbx.channels
    play.check()


def test_a_call_that_is_taken_back_while_it_is_not_known_that_its_caller_was_handed_over(play: Situation) -> None:
    caller = play.calls()
    leg = play.answers()
    play.drop_socket()
    target = play.pbx.transfer(leg)
    play.connect()
    play.only(play.perform)
    listed, play.outcomes = play.outcomes, []
    play.supervise(c.SetAvailability("ben", False, "break"))
    play.supervise(c.Requeue(f"asterisk-{caller.id}"))
    play.deliver_all()
    play.outcomes += listed
    play.deliver_all()
    assert caller.music
    assert target.id not in play.pbx.channels, "nobody is with it any more"
    play.rest()
    play.check()


@pytest.mark.parametrize("answered", [False, True])
def test_a_telephone_that_forwards_is_not_followed(play: Situation, answered: bool) -> None:
    caller = play.calls()
    elsewhere = play.pbx.forward(play.rings())
    if answered:
        play.pbx.enter(elsewhere)
    play.deliver_all()
    assert elsewhere.id not in play.pbx.channels, "nobody is rung who is no agent"
    assert play.state(caller) is CallState.WAITING
    assert play.agent("ben") == (Availability.NOT_READY, "unreachable")
    play.rest()
    play.check()


def test_where_a_telephone_forwards_to_comes_in_while_nothing_is_heard(play: Situation) -> None:
    play.calls()
    leg = play.rings()
    play.drop_socket()
    elsewhere = play.pbx.forward(leg)
    play.pbx.enter(elsewhere)
    play.rest()
    assert elsewhere.id not in play.pbx.channels
    play.check()
