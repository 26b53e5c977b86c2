"""Caller and agent are connected while the router is asked: what else may happen in that moment."""

from __future__ import annotations

import pytest

from router.bridge.asterisk.ari import requests as req
from router.engine import commands as c
from router.engine.vocabulary import CallState
from tests.bridge.at_once import answers_first, the_router_answers, waits
from tests.bridge.situation import Situation
from tests.bridge.world import SECOND_US, floor_settings


@pytest.fixture
def play() -> Situation:
    return Situation().ready("ben")


@pytest.mark.parametrize("fault", ["500", "lost", "slow"])
def test_connecting_is_tried_again_before_the_router_has_answered(play: Situation, fault: str) -> None:
    caller = play.calls()
    leg = play.picks_up()
    play.only(play.deliver_event)
    play.perform_all(fault, req.AddToMixing)
    play.wait(SECOND_US)
    play.deliver_asterisk()
    assert caller.bridge == leg.bridge != ""
    play.deliver_all()
    assert play.counted["connects.connected"] == 1
    play.check()


def test_a_mixing_bridge_that_is_not_there_is_made_anew(play: Situation) -> None:
    caller = play.calls()
    leg = play.rings()
    play.pbx.do(req.DestroyMixing(f"asterisk-call-{caller.id}"))
    play.pbx.lift(leg)
    play.pbx.enter(leg)
    play.deliver_asterisk()
    play.wait(0)
    play.deliver_asterisk()
    assert caller.bridge == leg.bridge != "", "at once, and before the router has answered"


def fails_to_connect(play: Situation, seconds: int) -> None:
    for _ in range(seconds):
        play.perform_all("500", req.AddToMixing)
        play.wait(SECOND_US)


def test_tries_count_anew_once_it_has_succeeded(play: Situation) -> None:
    caller = play.calls()
    play.picks_up()
    play.only(play.deliver_event)
    fails_to_connect(play, 4)
    play.deliver_all()
    play.wait(10 * SECOND_US)
    play.deliver_all()
    assert (play.counted["connects.retried"], play.counted["connects.connected"]) == (4, 1)
    play.drop_socket()
    play.pbx._leave_bridge(caller)
    play.connect()
    fails_to_connect(play, 1)
    play.rest()
    assert play.state(caller) is CallState.ASSIGNED, "it is tried again"
    play.check()


@pytest.mark.parametrize("refused", [False, True])
def test_connecting_never_succeeds(play: Situation, refused: bool) -> None:
    caller = play.calls()
    leg = play.picks_up(late=refused)
    play.only(play.deliver_event)
    fails_to_connect(play, 15)
    assert play.counted["connects.retried"] > 5, "it is not given up before the router has answered"
    assert leg.id in play.pbx.channels
    play.supervise(c.SetAvailability("ben", False, "break", after_call=True))
    the_router_answers(play)
    fails_to_connect(play, 15)
    play.deliver_all()
    assert waits(play, caller, leg)
    assert play.asked(c.Requeue) == (0 if refused else 1)
    assert play.counted.get("connects.undone", 0) == (1 if refused else 0)
    assert play.counted.get("connects.failed", 0) == (0 if refused else 1)
    play.rest()
    play.check()


@pytest.mark.parametrize("refused", [False, True])
def test_digits_dialled_before_the_router_has_answered(play: Situation, refused: bool) -> None:
    caller = play.calls()
    leg = answers_first(play, late=refused)
    play.pbx.press(leg, "*22#")
    play.deliver_asterisk()
    assert play.asked(c.Transfer) == 0
    play.deliver_all()
    assert play.asked(c.Transfer) == (0 if refused else 1)
    assert play.router.engine.call(f"asterisk-{caller.id}").queue == ("loans" if refused else "cards")
    assert leg.id not in play.pbx.channels
    play.rest()
    play.check()


def test_digits_before_and_after_the_routers_answer_belong_together(play: Situation) -> None:
    caller = play.calls()
    leg = answers_first(play)
    play.pbx.press(leg, "*2")
    play.deliver_asterisk()
    play.deliver_all()
    play.pbx.press(leg, "2#")
    play.deliver_all()
    assert play.router.engine.call(f"asterisk-{caller.id}").queue == "cards"


def test_a_supervisor_assigns_the_call_to_somebody_else_in_this_instant() -> None:
    play = Situation().ready("ben", "cleo")
    caller = play.calls()
    leg = answers_first(play)
    play.supervise(c.Assign(f"asterisk-{caller.id}", "cleo"))
    play.only(play.deliver_watch)
    play.deliver_all()
    other = play.answers()
    assert (other.args[1], other.id) == ("cleo", "asterisk-assign-2-leg")
    assert leg.id not in play.pbx.channels
    assert set(play.pbx.bridges[caller.bridge]) == {caller.id, other.id}
    assert play.state(caller) is CallState.ASSIGNED
    play.rest()
    play.check()


def test_the_call_is_offered_to_somebody_else_in_this_instant() -> None:
    play = Situation().ready("ben", "cleo")
    caller = play.calls()
    leg = answers_first(play)
    play.supervise(c.SetAvailability("ben", False, "break"))
    play.only(play.deliver_watch)  # the offer's end and the next offer are heard before the answer is refused
    play.deliver_asterisk()
    assert leg.id not in play.pbx.channels
    assert not caller.bridge
    play.deliver_all()
    assert play.counted["connects.undone"] == 1
    other = play.answers()
    assert other.args[1] == "cleo"
    assert set(play.pbx.bridges[caller.bridge]) == {caller.id, other.id}
    play.rest()
    play.check()


@pytest.mark.parametrize("how", ["cancelled", "sent on", "given back"])
def test_the_call_is_taken_away_in_this_instant(play: Situation, how: str) -> None:
    caller = play.calls()
    call = f"asterisk-{caller.id}"
    leg = answers_first(play)
    if how == "given back":
        play.carry_out()
    play.supervise(c.SetAvailability("ben", False, "break"))
    play.supervise({"cancelled": c.Cancel(call), "sent on": c.Transfer(call, "cards")}.get(how, c.Requeue(call)))
    play.deliver_all()
    assert leg.id not in play.pbx.channels
    if how == "cancelled":
        assert caller in play.pbx.left
        assert not caller.bridge
    else:
        assert waits(play, caller, leg)
    assert play.counted.get("connects.undone", 0) == (0 if how == "given back" else 1)
    play.rest()
    play.check()


@pytest.mark.parametrize("refused", [False, True])
def test_the_agents_telephone_transfers_the_caller_before_the_router_has_answered(
    play: Situation, refused: bool
) -> None:
    caller = play.calls()
    leg = answers_first(play, late=refused)
    target = play.pbx.transfer(leg)
    play.deliver_asterisk()
    play.deliver_all()
    assert caller.bridge == target.bridge != "", "they are left to talk"
    assert leg.id not in play.pbx.channels
    assert play.state(caller) is (CallState.ABANDONED if refused else CallState.COMPLETED)
    assert play.floor.counts()["handed_over"] == 1
    assert play.asked(c.Requeue) == 0
    assert "commands_refused.CALL_FINISHED" not in play.counted
    play.rest()
    play.check()
    play.pbx.hang_up(target)
    play.deliver_all()
    assert caller.id not in play.pbx.channels


@pytest.mark.parametrize("over", [False, True])
@pytest.mark.parametrize("arrives", [False, True])
def test_the_bridge_is_killed_before_the_router_has_answered(play: Situation, arrives: bool, over: bool) -> None:
    caller = play.calls()
    leg = answers_first(play)
    if arrives:
        play.carry_out()
    if over:
        play.supervise(c.SetAvailability("ben", False, "break"))
    play.restart()
    play.connect()
    play.join()
    play.deliver_all()
    assert set(play.pbx.bridges[caller.bridge]) == {caller.id, leg.id}, "who talks is left to it"
    assert play.state(caller) is CallState.ASSIGNED, "and the router knows"
    assert not caller.music
    play.rest()
    play.check()
    play.pbx.hang_up(caller)
    play.rest()
    assert play.state(caller) is CallState.COMPLETED
    assert not play.pbx.channels


@pytest.mark.parametrize("refused", [False, True])
def test_the_socket_is_lost_before_the_router_has_answered(play: Situation, refused: bool) -> None:
    caller = play.calls()
    leg = answers_first(play, late=refused)
    play.drop_socket()
    play.pbx._leave_bridge(caller)  # as somebody at Asterisk's console may do
    play.connect()
    play.deliver_asterisk()
    assert caller.bridge == leg.bridge != "", "they are brought together again"
    play.deliver_all()
    assert waits(play, caller, leg) is refused
    play.rest()
    play.check()


def test_who_cannot_be_parted_from_another_agent_yet_is_not_mixed_with_a_second_one() -> None:
    play = Situation(floor_settings()).ready("ben")
    caller = play.calls()
    first = play.answers()
    play.supervise(c.SetAvailability("ben", False, "break"))
    play.supervise(c.Requeue(f"asterisk-{caller.id}"))
    play.only(play.deliver_watch)
    play.perform_all("500", req.HangUp, req.DestroyMixing)
    assert caller.bridge == first.bridge != "", "neither the leg nor the mixing bridge could be ended"
    play.supervise(c.SignIn("cleo"))
    play.only(play.deliver_watch, play.deliver_event, play.perform, play.deliver_outcome)
    (leg,) = play.pbx.legs("Down")
    play.pbx.lift(leg)
    play.pbx.enter(leg)
    play.only(play.deliver_event)
    assert not any(isinstance(request, req.AddToMixing) for request in play.requests), "the first is still with it"
    play.deliver_all()
    play.wait(SECOND_US)
    play.deliver_all()
    assert first.id not in play.pbx.channels
    assert set(play.pbx.bridges[caller.bridge]) == {caller.id, leg.id}
    play.rest()
    play.check()
