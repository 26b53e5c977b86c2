"""Caller and agent are connected while the router is asked whether the agent's answer counts: whatever it says then."""

from __future__ import annotations

import pytest

from router.bridge.asterisk.ari import requests as req
from router.engine import commands as c
from router.engine.vocabulary import Availability, CallState
from tests.bridge.at_once import answers_first, the_router_answers, waits
from tests.bridge.situation import Situation
from tests.bridge.world import SECOND_US

OFFER_US = 20 * SECOND_US


@pytest.fixture
def play() -> Situation:
    return Situation().ready("ben")


def test_they_are_connected_before_the_router_has_agreed_and_count_as_connected_afterwards(play: Situation) -> None:
    caller = play.calls()
    play.wait(2 * SECOND_US)
    leg = answers_first(play)
    assert play.pbx.bridges == {f"asterisk-call-{caller.id}": [caller.id, leg.id]}
    assert not caller.music
    assert len(play.commands) == 1, "the router has not heard of it yet"
    asked = [line for line in play.log if "> " in line]
    first, second = (next(n for n, line in enumerate(asked) if word in line) for word in ("Accept(", "AddToMixing("))
    assert first < second, "the router's way is longer"
    assert "connects.connected" not in play.counted
    assert (play.floor.counts()["connecting"], play.floor.counts()["talking"]) == (1, 0)
    assert [call.ringing for call in play.floor.live()[0]] == [1], "the router is not told of a talk yet"
    play.wait(SECOND_US)
    the_router_answers(play)
    assert play.counted["connects.connected"] == 1
    assert play.floor.counts()["talking"] == 1
    durations = [play.counted[name] for name in ("accept_seconds", "connect_seconds", "wait_seconds")]
    assert durations == [1.0, 0.0, 2.0], "the two heard each other at once"
    play.deliver_all()
    assert play.pbx.mixings == [(caller.id, leg.id)]
    assert [note.text for note in play.notes if note.offer][-2:] == ["the agent has answered", "connected"]
    play.check()


def test_the_router_may_agree_before_asterisk_has_connected_them(play: Situation) -> None:
    caller = play.calls()
    leg = play.picks_up()
    play.only(play.deliver_event)
    the_router_answers(play)
    assert "connects.connected" not in play.counted
    play.deliver_all()
    assert play.pbx.mixings == [(caller.id, leg.id)]
    assert play.counted["connects.connected"] == 1
    play.check()


def test_they_are_parted_when_the_router_refuses(play: Situation) -> None:
    caller = play.calls()
    before = play.router.engine.call(f"asterisk-{caller.id}").order
    leg = answers_first(play, late=True)
    assert caller.bridge == leg.bridge != ""
    the_router_answers(play)
    play.deliver_asterisk()
    assert waits(play, caller, leg)
    assert play.counted["connects.undone"] == 1
    assert "connects.connected" not in play.counted
    assert "wait_seconds" not in play.counted
    play.deliver_all()
    play.supervise(c.SetAvailability("ben", True))
    play.deliver_all()
    other = play.answers()
    assert caller.bridge == other.bridge != "", "and is served in its turn"
    assert play.router.engine.call(f"asterisk-{caller.id}").order == before
    assert play.counted["wait_seconds"] == 0.0
    play.check()


@pytest.mark.parametrize("fault", ["", "500", "slow"])
def test_the_refusal_comes_while_they_are_being_connected(play: Situation, fault: str) -> None:
    caller = play.calls()
    leg = play.picks_up(late=True)
    play.only(play.deliver_event)
    the_router_answers(play)
    play.perform_all(fault, req.AddToMixing, told=False)
    play.deliver_all()
    assert waits(play, caller, leg)
    play.rest()
    play.check()


@pytest.mark.parametrize(("left_us", "at_once"), [(500_000, True), (499_999, False)])
def test_near_the_end_of_the_offer_the_router_is_heard_first(play: Situation, left_us: int, at_once: bool) -> None:
    caller = play.calls()
    leg = play.rings()
    play.wait(OFFER_US - left_us)
    play.pbx.lift(leg)
    play.pbx.enter(leg)
    play.deliver_asterisk()
    assert bool(caller.bridge) is at_once
    assert not caller.music, "the agent has answered: the music ends at any rate"
    play.deliver_all()
    assert caller.bridge == leg.bridge != ""
    play.check()


def test_a_caller_whose_line_is_not_answered_yet_is_not_answered_for_nothing(play: Situation) -> None:
    caller = play.calls("ringing", "loans")
    leg = answers_first(play, late=True)
    assert (caller.state, caller.bridge) == ("Ring", "")
    play.deliver_all()
    assert (caller.state, caller.ringing) == ("Ring", True)
    assert leg.id not in play.pbx.channels
    assert "connects.undone" not in play.counted
    play.check()


def test_while_lists_are_compared_the_router_is_heard_first(play: Situation) -> None:
    caller = play.calls()
    leg = play.rings()
    play.drop_router()
    play.join()
    assert not play.floor.router_together
    play.supervise(c.SetAvailability("ben", False, "break"))
    play.pbx.lift(leg)
    play.pbx.enter(leg)
    play.deliver_asterisk()
    assert not caller.bridge, "the offer may have ended unheard"
    play.deliver_all()
    assert not play.pbx.mixings
    assert leg.id not in play.pbx.channels
    play.check()


@pytest.mark.parametrize("carried_out", [0, 1])
def test_the_router_goes_away_before_it_has_answered(play: Situation, carried_out: int) -> None:
    caller = play.calls()
    leg = answers_first(play)
    play.drop_router(carried_out)
    assert play.counted["connects.connected"] == 1, "they talk, and the comparison tells it"
    play.wait(16 * SECOND_US)
    play.deliver_all()
    play.rest()
    assert caller.bridge == leg.bridge != ""
    assert play.state(caller) is CallState.ASSIGNED
    assert play.pbx.mixings == [(caller.id, leg.id)]
    play.check()


@pytest.mark.parametrize("refused", [False, True])
def test_the_caller_hangs_up_before_the_router_has_answered(play: Situation, refused: bool) -> None:
    caller = play.calls()
    answers_first(play, late=refused)
    play.pbx.hang_up(caller)
    play.deliver_all()
    assert play.state(caller) is (CallState.ABANDONED if refused else CallState.COMPLETED)
    assert not play.pbx.channels, "the agent is not left alone"
    assert not play.pbx.bridges
    play.rest()
    assert play.agent("ben")[0] is (Availability.NOT_READY if refused else Availability.READY)
    play.check()


@pytest.mark.parametrize("watch_first", [False, True])
def test_an_agent_who_hangs_up_before_the_router_agrees_has_talked(play: Situation, watch_first: bool) -> None:
    caller = play.calls()
    leg = answers_first(play)
    play.pbx.hang_up(leg)
    play.deliver_asterisk()
    assert caller.music, "nobody waits in silence for the router's word"
    while watch_first and (play.carry_out() or play.deliver_watch()):
        pass
    play.deliver_all()
    assert play.state(caller) is CallState.COMPLETED, "as when the router had been quicker"
    assert caller.id not in play.pbx.channels
    assert play.asked(c.Requeue) == 0
    play.rest()
    assert play.agent("ben")[0] is Availability.READY
    play.check()


def test_an_agent_who_hangs_up_before_the_router_refuses(play: Situation) -> None:
    caller = play.calls()
    leg = answers_first(play, late=True)
    play.pbx.hang_up(leg)
    play.deliver_all()
    assert waits(play, caller, leg)
    play.check()


def test_an_agent_who_hangs_up_before_being_connected_gives_the_call_back(play: Situation) -> None:
    caller = play.calls()
    leg = play.picks_up()
    play.only(play.deliver_event)
    play.pbx.hang_up(leg)
    play.only(play.deliver_event)
    play.supervise(c.SetAvailability("ben", False, "break", after_call=True))
    play.deliver_all()
    assert waits(play, caller, leg)
    assert play.asked(c.Requeue) == 1
    play.check()


@pytest.mark.parametrize("mixed", [False, True])
def test_an_agent_who_hangs_up_while_a_supervisor_gives_the_call_to_another(mixed: bool) -> None:
    play = Situation().ready("ben", "cleo")
    caller = play.calls()
    leg = play.picks_up()
    while play.deliver_event() or (mixed and (play.perform() or play.deliver_outcome())):
        pass
    play.pbx.hang_up(leg)
    play.only(play.deliver_event, play.carry_out)
    play.supervise(c.Requeue(f"asterisk-{caller.id}"))
    play.supervise(c.SetAvailability("ben", False, "break"))
    play.only(play.deliver_watch)  # all of it before the answer to Accept
    play.deliver_all()
    assert play.asked(c.Requeue) == 0, "the call is not ben's any more"
    assert play.answers().args[1] == "cleo"
    play.check()


def test_the_watch_may_be_quicker_than_the_answer_to_accept(play: Situation) -> None:
    caller = play.calls()
    leg = play.picks_up()
    play.only(play.deliver_event, play.carry_out, play.deliver_watch)
    play.pbx.hang_up(leg)
    play.supervise(c.SetAvailability("ben", False, "break", after_call=True))
    play.only(play.deliver_event)
    assert play.asked(c.Requeue) == 1, "the watch has told that the call is ben's"
    play.deliver_all()
    assert play.asked(c.Requeue) == 1
    assert waits(play, caller, leg)
    play.check()


def test_a_call_that_a_supervisor_ends_is_not_given_back(play: Situation) -> None:
    caller = play.calls()
    leg = play.picks_up()
    play.only(play.deliver_event, play.carry_out)
    play.pbx.hang_up(leg)
    play.supervise(c.Complete(f"asterisk-{caller.id}"))
    play.only(play.deliver_event, play.deliver_watch)
    play.deliver_all()
    assert play.asked(c.Requeue) == play.asked(c.Complete) == 0
    assert play.state(caller) is CallState.COMPLETED
    play.rest()
    play.check()


def test_two_agents_who_hang_up_before_the_router_agrees_are_not_taken_for_out_of_reach(play: Situation) -> None:
    for _ in range(2):
        play.calls()
        leg = answers_first(play)
        play.pbx.hang_up(leg)
        play.deliver_all()
        play.wait(4 * SECOND_US)
        play.deliver_all()
    assert play.agent("ben")[0] is Availability.READY


def test_the_caller_hangs_up_after_the_agent_and_before_the_router_has_answered(play: Situation) -> None:
    caller = play.calls()
    leg = answers_first(play)
    play.pbx.hang_up(leg)
    play.pbx.hang_up(caller)
    play.deliver_all()
    assert play.state(caller) is CallState.COMPLETED
    assert not play.pbx.channels
    play.rest()
    play.check()
