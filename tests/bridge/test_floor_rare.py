"""Rare stories, most of which the random driver found: told in short, each of them once went wrong."""

from __future__ import annotations

import pytest

from router.bridge.asterisk.ari import requests as req
from router.bridge.asterisk.floor_settings import Place
from router.engine import commands as c
from router.engine import events as e
from router.engine.vocabulary import Availability, CallState
from tests.bridge.situation import Situation
from tests.bridge.world import SECOND_US, floor_settings


@pytest.fixture
def play() -> Situation:
    return Situation().ready("ben")


def test_an_offer_that_expired_unheard_does_not_part_those_who_talk(play: Situation) -> None:
    caller = play.calls()
    leg = play.rings()
    play.drop_router()
    play.pbx.lift(leg)
    play.pbx.enter(leg)
    play.deliver_all()
    play.wait(21 * SECOND_US)
    play.join()
    assert any(isinstance(event, e.OfferExpired) for event in play.watch)
    play.only(play.deliver_watch)
    play.deliver_all()
    assert set(play.pbx.bridges[caller.bridge]) == {caller.id, leg.id}
    play.rest()
    play.check()
    assert play.state(caller) is CallState.ASSIGNED


def test_a_call_that_is_offered_to_nobody_is_compared_again_once_it_waits() -> None:
    play = Situation().ready()
    play.supervise(c.SignIn("ben"))
    caller = play.calls()
    leg = play.rings()
    play.drop_router()
    play.pbx.lift(leg)
    play.pbx.enter(leg)
    play.only(play.deliver_event)
    play.supervise(c.SignOut("ben"))  # so the router cannot assign the talk
    play.join()
    play.only(play.carry_out, play.deliver_reply, play.deliver_watch)
    assert play.router.engine.call(f"asterisk-{caller.id}").detached
    for _ in range(8):  # and connecting fails until it is given up
        play.perform_all("500", req.AddToMixing)
        play.wait(5 * SECOND_US)
    play.rest()
    view = play.router.engine.call(f"asterisk-{caller.id}")
    assert (view.state, view.detached) == (CallState.WAITING, False)
    play.check()


def test_a_caller_who_runs_out_of_patience_while_lists_are_compared(play: Situation) -> None:
    play.supervise(c.SetAvailability("ben", False, "break"))
    caller = play.calls()
    play.drop_router()
    play.wait(14 * SECOND_US)
    play.join()  # the caller is in the list that is on its way
    play.wait(2 * SECOND_US)
    play.deliver_all()
    assert caller in play.pbx.left
    assert play.state(caller) is CallState.ABANDONED
    play.check()


def test_an_agent_who_hangs_up_before_the_answer_to_accept(play: Situation) -> None:
    caller = play.calls()
    leg = play.picks_up()
    play.only(play.deliver_event, play.carry_out)
    play.pbx.hang_up(leg)
    play.only(play.deliver_event, play.deliver_watch)  # that the call is assigned is told before the answer
    play.supervise(c.SetAvailability("ben", False, "break"))
    play.deliver_all()
    assert play.state(caller) is CallState.WAITING
    play.check()


def test_agents_of_an_earlier_run_whom_the_router_had_lost_sight_of(play: Situation) -> None:
    play.drop_router(session_lost=True)
    assert play.agent("ben") == (Availability.NOT_READY, "connection_lost")
    play.restart()
    play.rest()
    assert play.agent("ben") == (Availability.READY, "")


def test_an_agent_kept_not_ready_for_an_unknown_talk_is_ready_once_it_is_over(play: Situation) -> None:
    caller = play.calls()
    leg = play.rings()
    play.drop_router()
    play.pbx.lift(leg)
    play.pbx.enter(leg)
    play.deliver_all()
    play.supervise(c.Cancel(f"asterisk-{caller.id}"))
    play.watch.clear()  # which the bridge is never told
    play.join()
    play.deliver_all()
    assert play.agent("ben") == (Availability.NOT_READY, "unknown_call")
    assert set(play.pbx.bridges[caller.bridge]) == {caller.id, leg.id}
    play.restart()
    play.pbx.hang_up(caller)
    play.rest()
    assert play.agent("ben") == (Availability.READY, "")
    play.check()


def test_a_caller_who_left_unheard_and_has_come_back(play: Situation) -> None:
    play.supervise(c.SetAvailability("ben", False, "break"))
    caller = play.calls()
    play.drop_socket()
    play.supervise(c.Cancel(f"asterisk-{caller.id}"))
    play.deliver_all()
    assert caller in play.pbx.left
    play.connect()
    play.pbx.come_back(caller)
    play.deliver_all()
    assert play.router.engine.call(f"asterisk-{caller.id}~2").state is CallState.WAITING
    play.check()


def test_a_list_that_failed_is_not_asked_for_again_after_another_socket(play: Situation) -> None:
    play.drop_socket()
    play.connect()
    while play.perform(fault="500"):
        play.deliver_outcome()
    play.drop_socket()
    play.connect()
    play.deliver_all()
    play.log.clear()
    play.wait(5 * SECOND_US)
    assert play.asked(req.ListChannels) == 0, "an old list would take who comes meanwhile for gone"


def test_a_call_that_got_another_id_is_not_enqueued_twice(play: Situation) -> None:
    play.supervise(c.SetAvailability("ben", False, "break"))
    caller = play.calls()
    play.drop_router()
    play.join()  # the caller is in the list that is on its way
    play.supervise(c.Cancel(f"asterisk-{caller.id}"))
    play.only(play.deliver_watch, play.perform, play.deliver_outcome, play.deliver_event)
    play.pbx.come_back(caller)
    play.only(play.deliver_event)
    play.deliver_all()
    assert play.router.engine.call(f"asterisk-{caller.id}~2").state is CallState.WAITING
    play.check()


def test_an_id_that_could_not_be_left_with_the_channel_is_left_again(play: Situation) -> None:
    play.supervise(c.SetAvailability("ben", False, "break"))
    caller = play.calls("in", "tiny")
    caller.args = ("in", "loans")
    play.pbx.come_back(caller)
    play.only(play.deliver_event, play.carry_out, play.deliver_reply)
    play.perform_all("500", req.SetVariable)
    play.rest()
    play.restart()
    play.rest()
    assert play.router.engine.call(f"asterisk-{caller.id}~2").state is CallState.WAITING
    play.check()


def test_music_that_an_earlier_run_could_not_stop(play: Situation) -> None:
    caller = play.calls()
    play.picks_up()
    play.only(play.deliver_event, play.carry_out, play.deliver_reply, play.deliver_watch)
    play.perform_all("lost", req.StopMusic, told=False)
    assert caller.music
    play.restart()
    play.rest()
    assert not caller.music, "they talk"
    play.check()


def test_a_mixing_bridge_of_an_earlier_visit_that_could_not_be_removed(play: Situation) -> None:
    caller = play.calls()
    play.rings()
    play.supervise(c.SetAvailability("ben", False, "break"))
    play.supervise(c.Cancel(f"asterisk-{caller.id}"))
    play.only(play.deliver_watch)
    play.perform_all("500", req.DestroyMixing, told=False)
    play.only(play.deliver_event)
    play.pbx.come_back(caller)
    play.only(play.deliver_event)
    play.deliver_all()
    play.pbx.hang_up(caller)
    play.rest()
    assert not play.pbx.bridges
    play.check()


@pytest.mark.parametrize("after", [None, Place("survey", "s", 1)])
def test_the_agent_hangs_up_while_there_is_no_bridge(after: Place | None) -> None:
    play = Situation(floor_settings(after_agent=after)).ready("ben")
    caller = play.calls()
    leg = play.answers()
    play.restart()
    play.pbx.hang_up(leg)
    play.connect()
    play.join()
    play.deliver_all()
    assert caller.id not in play.pbx.channels, "as if the bridge had been there"
    assert (caller in play.pbx.left) is (after is not None)
    assert play.state(caller) is CallState.COMPLETED
    play.rest()
    play.check()


def test_a_caller_left_alone_by_the_router_waits_again(play: Situation) -> None:
    caller = play.calls()
    leg = play.answers()
    play.restart()
    play.pbx.hang_up(leg)
    play.supervise(c.Requeue(f"asterisk-{caller.id}"))
    play.supervise(c.SetAvailability("ben", False, "break"))
    play.connect()
    play.join()
    play.deliver_all()
    assert play.state(caller) is CallState.WAITING
    assert caller.music
    play.check()


def test_that_an_earlier_visit_is_gone_says_nothing_about_the_next(play: Situation) -> None:
    play.supervise(c.SetAvailability("ben", False, "break"))
    caller = play.calls()
    play.drop_socket()
    play.supervise(c.Cancel(f"asterisk-{caller.id}"))
    play.only(play.deliver_watch, play.perform)
    late = (req.StopMusic(caller.id), req.Gone("Channel not found"))
    play.connect()
    play.pbx.come_back(caller)
    play.deliver_all()
    play.outcomes.append(late)
    play.deliver_all()
    assert play.router.engine.call(f"asterisk-{caller.id}~2").state is CallState.WAITING
    play.check()


def test_who_comes_in_again_gets_the_next_id_whatever_the_router_remembers(play: Situation) -> None:
    play.supervise(c.SetAvailability("ben", False, "break"))
    caller = play.calls("in", "tiny")
    caller.args = ("in", "loans")
    play.pbx.come_back(caller)
    play.deliver_all()
    play.supervise(c.Cancel(f"asterisk-{caller.id}~2"))
    play.deliver_all()
    play.restart_router()
    play.join()
    play.deliver_all()
    play.pbx.come_back(caller)
    play.deliver_all()
    assert play.router.engine.call(f"asterisk-{caller.id}~3").state is CallState.WAITING
    play.restart()
    play.rest()
    assert play.router.engine.call(f"asterisk-{caller.id}~3").state is CallState.WAITING, "it is found again"
    play.check()


def test_a_talk_that_the_router_does_not_know_is_not_over_when_another_telephone_of_the_agent_is(
    play: Situation,
) -> None:
    caller = play.calls()
    leg = play.answers()
    waits = play.calls()
    play.drop_router()
    play.supervise(c.Complete(f"asterisk-{caller.id}"))
    play.wait(4 * SECOND_US)  # the agent's wrap-up is over, so the next call is offered
    play.watch.clear()  # which the bridge is never told
    play.join()
    play.deliver_all()
    assert play.agent("ben") == (Availability.NOT_READY, "unknown_call")
    assert caller.bridge == leg.bridge != ""
    play.supervise(c.Assign(f"asterisk-{waits.id}", "ben"))
    play.deliver_all()
    play.pbx.refuse(play.rings(), 21)
    play.deliver_all()
    assert play.agent("ben")[0] is Availability.NOT_READY, "the talk goes on"
    play.check()
    play.pbx.hang_up(leg)
    play.rest()
    play.check()


def test_an_agent_set_not_ready_twice_is_made_ready_again(play: Situation) -> None:
    caller = play.calls("in", "vip")
    play.pbx.refuse(play.rings(), 21)
    play.only(play.deliver_event)
    play.supervise(c.Requeue(f"asterisk-{caller.id}", keep_place=False))  # and the router gives it to ben again
    play.only(play.deliver_watch)
    play.perform_all("500", req.Originate)
    assert play.asked(c.SetAvailability) == 2
    play.carry_out()
    play.deliver_reply()
    play.only(play.deliver_watch)  # the first of the two is told before the second is answered
    play.deliver_all()
    assert play.agent("ben") == (Availability.NOT_READY, "unreachable")
    play.check()
    play.wait(61 * SECOND_US)
    play.deliver_all()
    assert play.agent("ben")[0] is Availability.READY


def test_an_agent_who_was_signed_out_before_the_bridge_parked_him_is_ready_again(play: Situation) -> None:
    play.calls()
    (leg,) = play.pbx.legs("Down")
    play.pbx.dial_in(("agent", "sign_in"), "PJSIP/ben")
    play.pbx.refuse(leg, 19)
    play.only(play.deliver_event)
    play.supervise(c.SignOut("ben"))
    play.only(play.carry_out, play.deliver_watch)
    play.deliver_all()
    assert play.agent("ben") == (Availability.NOT_READY, "unreachable")
    play.check()
    play.wait(90 * SECOND_US)
    play.deliver_all()
    assert play.agent("ben")[0] is Availability.READY
    play.check()


@pytest.mark.parametrize("answers", [False, True])
def test_a_telephone_rung_for_an_earlier_visit_is_not_rung_for_the_next(play: Situation, answers: bool) -> None:
    play.supervise(c.SetAvailability("ben", False, "break"))
    caller = play.calls("in", "vip")
    play.drop_router()
    play.wait(14 * SECOND_US)
    play.join()  # the caller is in the list that is on its way
    play.wait(2 * SECOND_US)
    play.deliver_asterisk()
    assert caller in play.pbx.left
    play.pbx.come_back(caller)
    play.deliver_asterisk()
    play.carry_out()
    play.supervise(c.SetAvailability("ben", True))
    play.deliver_reply()
    play.only(play.deliver_watch)
    play.deliver_asterisk()
    (leg,) = play.pbx.legs("Down")
    if answers:
        play.pbx.lift(leg)
        play.pbx.enter(leg)
        play.deliver_asterisk()
    play.deliver_all()
    assert leg.id not in play.pbx.channels
    play.rest()
    play.check()
    other = play.answers()
    assert (caller.bridge, other.args[2]) == (other.bridge, f"asterisk-{caller.id}~2")
    play.check()


def test_an_agent_whom_the_router_has_forgotten_signs_in_anew_while_talking() -> None:
    play = Situation().ready()
    play.supervise(c.SignIn("cleo", {"loans": 5}))
    play.deliver_all()
    caller = play.calls()
    play.answers()
    play.restart_router()
    play.join()
    play.deliver_all()
    assert play.router.engine.call(f"asterisk-{caller.id}").detached
    play.pbx.dial_in(("agent", "sign_in"), "PJSIP/cleo")
    play.deliver_all()
    play.wait(2 * SECOND_US)
    play.deliver_all()
    view = play.router.engine.call(f"asterisk-{caller.id}")
    assert (view.state, view.agent) == (CallState.ASSIGNED, "cleo")
    play.rest()
    play.check()
