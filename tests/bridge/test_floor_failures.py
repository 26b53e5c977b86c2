"""What breaks, and what comes of it: lost lines, restarts, requests that fail, events that come late or never."""

from __future__ import annotations

import pytest

from router.bridge.asterisk.actions import Stop
from router.bridge.asterisk.ari import events as ari
from router.bridge.asterisk.ari import requests as req
from router.engine import commands as c
from router.engine.vocabulary import Availability, CallState
from tests.bridge.model_pbx import ModelChannel
from tests.bridge.situation import Situation
from tests.bridge.world import SECOND_US, floor_settings


@pytest.fixture
def play() -> Situation:
    return Situation().ready("ben")


def test_the_router_is_out_of_reach_for_long(play: Situation) -> None:
    play.supervise(c.SetAvailability("ben", False, "break"))
    early = play.calls()
    play.drop_router()
    play.wait(10 * SECOND_US)
    late = play.calls()
    play.wait(6 * SECOND_US)
    play.deliver_all()
    assert early.id not in play.pbx.channels
    assert late.id in play.pbx.channels, "its patience began when it came"
    play.wait(10 * SECOND_US)
    play.deliver_all()
    assert not play.pbx.channels
    play.rest()
    play.check()


@pytest.mark.parametrize("session_lost", [False, True])
@pytest.mark.parametrize("gap", [False, True])
def test_calls_go_on_while_the_router_is_out_of_reach(play: Situation, gap: bool, session_lost: bool) -> None:
    caller = play.calls()
    leg = play.rings()
    play.drop_router(gap=gap, session_lost=session_lost)
    play.pbx.lift(leg)
    play.pbx.enter(leg)
    play.deliver_all()
    assert caller.bridge == leg.bridge != "", "both are there, so they talk"
    other = play.calls()
    play.rest()
    play.check()
    assert play.state(caller) is CallState.ASSIGNED
    assert play.state(other) is CallState.WAITING


def test_a_router_without_memory_counts_offers_anew_and_talks_go_on() -> None:
    play = Situation().ready("ben", "cleo")
    first = play.calls()
    ended = play.answers()
    talks = play.calls()
    leg = play.answers()
    play.pbx.hang_up(first)
    play.deliver_all()
    assert (ended.id, leg.id) == ("asterisk-offer-1-leg", "asterisk-offer-2-leg")
    play.restart_router()
    play.rest()
    caller = play.calls()
    other = play.answers()
    assert other.id == "asterisk-offer-2~2-leg", "the id before it is in use"
    assert talks.bridge == leg.bridge != ""
    assert caller.bridge == other.bridge != ""
    play.check()


def test_a_router_without_memory_gives_a_number_again_that_was_given_back(play: Situation) -> None:
    caller = play.calls("in", "vip")
    play.pbx.refuse(play.rings(), 19)  # the assignment without an answer is given back
    play.deliver_all()
    play.restart_router()
    play.join()
    play.supervise(c.SignIn("ben"))
    play.rest()
    (leg,) = play.pbx.legs("Down")
    assert leg.id == "asterisk-assign-1~2-leg", "what is still heard of the first leg is not about this one"
    play.check()
    assert play.state(caller) is CallState.ASSIGNED


def test_a_router_without_memory_that_knows_no_such_agent() -> None:
    play = Situation().ready()
    play.supervise(c.SignIn("ben"))  # not through the bridge, so it cannot bring him again
    caller = play.calls("in", "vip")
    play.rings()
    play.restart_router()
    play.rest()
    assert not play.pbx.legs("Down", "Ringing", "Up")
    view = play.router.engine.call(f"asterisk-{caller.id}")
    assert (view.state, view.detached) == (CallState.WAITING, False)
    play.check()


def test_a_talk_that_ends_while_a_router_without_memory_is_told_of_it(play: Situation) -> None:
    play.supervise(c.SetAvailability("ben", False, "break"))
    caller = play.calls("in", "tiny")  # a queue that takes nobody for whom no agent is free
    play.pbx.come_back(caller)
    play.supervise(c.SetAvailability("ben", True))
    play.deliver_all()
    leg = play.answers()
    play.restart_router()
    play.join()
    play.pbx.hang_up(leg)
    play.rest()
    assert play.agent("ben") == (Availability.READY, "")
    play.check()


def test_an_old_list_is_not_heeded(play: Situation) -> None:
    play.calls()
    play.restart()
    play.connect()
    play.only(play.perform)
    play.drop_socket()
    play.only(play.deliver_outcome)  # the lists of before come while nothing is heard
    play.only(play.perform)
    play.connect()
    play.only(play.perform)
    late = play.pbx.dial_in(("in", "loans"))  # who is in no list
    while play.deliver_outcome():
        play.deliver_event()
    assert late is not None
    assert late.id in play.floor._desk.callers
    play.rest()
    play.check()


def test_a_leg_whose_end_is_never_told(play: Situation) -> None:
    caller = play.calls("in", "vip")
    (leg,) = play.pbx.legs("Down")
    del play.pbx.channels[leg.id]  # nothing is told of it, and the router waits for an assigned agent without limit
    play.wait(41 * SECOND_US)
    play.deliver_all()
    assert play.state(caller) is CallState.WAITING
    assert play.agent("ben")[0] is Availability.NOT_READY, "the telephone was not reached"
    play.rest()
    play.check()


def test_the_socket_is_lost_and_everything_happens_meanwhile(play: Situation) -> None:
    gone, stays = play.calls(), play.calls()
    leg = play.rings()
    play.drop_socket()
    play.pbx.hang_up(gone)
    play.pbx.lift(leg)
    play.pbx.enter(leg)
    play.connect()
    play.deliver_all()
    play.check()
    assert play.state(gone) in (CallState.ABANDONED, CallState.COMPLETED)
    assert leg.id not in play.pbx.channels
    assert play.state(stays) is CallState.OFFERED


def test_an_answer_while_the_socket_was_lost(play: Situation) -> None:
    caller = play.calls()
    leg = play.rings()
    play.drop_socket()
    play.pbx.lift(leg)
    play.pbx.enter(leg)
    play.wait(SECOND_US)
    play.rest()
    assert set(play.pbx.bridges[caller.bridge]) == {caller.id, leg.id}
    play.check()


@pytest.mark.parametrize("answered", [False, True])
@pytest.mark.parametrize("mixed", [False, True])
def test_a_restarted_bridge_finds_everything_again(play: Situation, answered: bool, mixed: bool) -> None:
    caller = play.calls()
    leg = play.rings()
    waits = play.calls()
    if answered:
        play.pbx.lift(leg)
        play.pbx.enter(leg)
        if mixed:
            play.deliver_all()
    sequence = play.router.engine.call(f"asterisk-{caller.id}").order
    play.restart()
    play.connect()
    play.join()
    play.deliver_all()
    play.check()
    assert play.router.engine.call(f"asterisk-{caller.id}").order == sequence, "it is the same call, in its place"
    assert play.state(caller) is (CallState.ASSIGNED if answered else CallState.OFFERED)
    assert play.state(waits) is CallState.WAITING
    assert play.agent("ben")[0] is Availability.READY, "the agents are known again"


def test_a_restarted_bridge_asks_again_for_channel_variables() -> None:
    play = Situation(floor_settings(variables=("QUEUE",))).ready("ben")
    caller = play.pbx.dial_in(("asks", ""))
    assert caller is not None
    caller.variables["QUEUE"] = "cards"
    play.deliver_all()
    leg = play.rings()
    play.restart()
    play.connect()
    play.join()
    play.deliver_all()
    play.check()
    assert leg.id in play.pbx.channels
    assert play.state(caller) is CallState.OFFERED


def test_asterisk_is_restarted(play: Situation) -> None:
    talks = play.calls()
    play.answers()
    waits = play.calls()
    play.restart_asterisk()
    play.rest()
    assert play.state(talks) is CallState.COMPLETED
    assert play.state(waits) is CallState.ABANDONED
    play.check()


def test_another_bridge_takes_over(play: Situation) -> None:
    (stop,) = play.floor.hear(ari.ApplicationReplaced(), play.now_us)
    assert isinstance(stop, Stop)


@pytest.mark.parametrize("fault", ["500", "slow", "lost"])
def test_connecting_is_tried_again(play: Situation, fault: str) -> None:
    caller = play.calls()
    leg = play.picks_up()
    play.only(play.deliver_event, play.carry_out, play.deliver_reply, play.deliver_watch)
    play.perform_all(fault, req.AddToMixing)
    play.wait(SECOND_US)
    play.deliver_all()
    assert set(play.pbx.bridges[caller.bridge]) == {caller.id, leg.id}
    play.check()


def test_unknown_and_repeated_events_are_survived(play: Situation) -> None:
    caller = play.calls()
    view = caller.view()
    stranger = ari.Channel("stranger", "PJSIP/x-1", "Up")
    play.pbx.emit(
        ari.StasisStart(view, caller.args),
        ari.ChannelDestroyed(stranger, 16),
        ari.StasisEnd(stranger),
        ari.ChannelEnteredBridge(stranger, ari.MixingBridge("b")),
        ari.ChannelLeftBridge(stranger, ari.MixingBridge("b")),
        ari.BridgeDestroyed(ari.MixingBridge("b")),
        ari.ChannelHold(view),
        ari.ChannelUnhold(view),
        ari.ChannelDtmfReceived(view, "5"),
        ari.PlaybackFinished(ari.Playback("p", "", "bridge:b")),
        ari.Dial(stranger, "RINGING"),
        ari.DeviceStateChanged(ari.DeviceState("Custom:x", "BUSY")),
        ari.Lost(),
        ari.Back(),
        ari.Back(),
    )
    play.deliver_all()
    assert play.counted["events_unexpected.StasisStart"] == 1
    play.check()


def test_a_leg_that_nobody_knows_is_hung_up(play: Situation) -> None:
    leg = ModelChannel("asterisk-offer-99-leg", "PJSIP/ben-1", "Up", ("agent", "ben", "asterisk-x"), stasis=True)
    leg.is_leg = True
    play.pbx.channels[leg.id] = leg
    play.pbx.emit(ari.StasisStart(leg.view(), leg.args))
    play.deliver_all()
    assert not play.pbx.channels


def test_a_call_is_given_back_once(play: Situation) -> None:
    caller = play.calls()
    leg = play.picks_up()
    play.only(play.deliver_event, play.carry_out)
    play.pbx.hang_up(leg)
    play.only(play.deliver_event)
    play.supervise(c.SetAvailability("ben", False, "break"))
    play.only(play.deliver_reply)
    play.deliver_all()  # the router's own events come last
    assert play.asked(c.Requeue) == 1
    assert play.state(caller) is CallState.WAITING
    play.check()


def test_a_leg_that_came_and_went_while_the_socket_was_lost(play: Situation) -> None:
    caller = play.pbx.dial_in(("in", "vip"))
    assert caller is not None
    play.only(play.deliver_event, play.carry_out, play.deliver_watch)
    play.drop_socket()
    while any(isinstance(request, req.Originate) for request in play.requests):
        play.perform()
    (leg,) = play.pbx.legs("Down")
    play.pbx.refuse(leg, 17)
    play.connect()
    play.deliver_all()
    play.check()
    assert play.state(caller) is CallState.WAITING


def test_mixing_bridges_of_nobody_are_removed(play: Situation) -> None:
    caller = play.calls()
    play.answers()
    play.restart()
    play.pbx.hang_up(caller)
    play.connect()
    play.join()
    play.deliver_all()
    assert not play.pbx.bridges
    assert not play.pbx.channels
    play.check()


def test_what_comes_while_answers_are_awaited_is_in_the_list(play: Situation) -> None:
    play.supervise(c.SetAvailability("ben", False, "break"))
    play.deliver_all()
    play.floor._link.compare_again("the test wants it")
    play.pbx.dial_in(("in", "loans"))
    play.only(play.deliver_event)
    play.wait(2 * SECOND_US)
    waits = play.pbx.dial_in(("in", "loans"))
    assert waits is not None
    play.only(play.deliver_event)
    assert sum("command=Enqueue(" in line for line in play.log if "> " in line) == 1
    play.deliver_all()
    assert "commands_refused.DUPLICATE_CALL" not in play.counted
    play.rest()
    play.check()


def test_a_leg_whose_end_was_not_told(play: Situation) -> None:
    caller = play.calls()
    play.rings()
    play.pbx.hang_up(caller)
    play.only(play.deliver_event)
    while play.perform():
        play.pbx.events.clear()
    play.deliver_all()
    assert play.floor.counts()["legs"] == 1
    play.wait(11 * SECOND_US)
    play.deliver_all()
    assert play.floor.counts()["legs"] == 0


def test_the_gauges(play: Situation) -> None:
    play.calls()
    play.answers()
    play.calls()
    counts = play.floor.counts()
    assert (counts["talking"], counts["waiting"], counts["legs"], counts["agents"]) == (1, 1, 1, 2)
    calls, agents = play.floor.live()
    assert [call.talking for call in calls] == ["ben", None]
    assert {agent.sign_in.agent for agent in agents} == {"ada", "ben"}


def test_a_telephone_that_answers_and_hangs_up_at_once(play: Situation) -> None:
    caller = play.calls()
    for _ in range(2):
        leg = play.rings()
        play.pbx.lift(leg)
        play.pbx.enter(leg)
        play.pbx.hang_up(leg)
        play.deliver_all()
    assert play.agent("ben") == (Availability.NOT_READY, "unreachable")
    assert not play.pbx.legs("Down", "Ringing", "Up")
    assert play.state(caller) is CallState.WAITING
    play.check()


def test_a_late_answer_about_an_earlier_mixing_bridge_does_not_count(play: Situation) -> None:
    caller = play.calls()
    play.answers()
    play.supervise(c.Requeue(f"asterisk-{caller.id}"))
    play.only(play.deliver_watch)
    play.only(play.perform)
    removals = [one for one in play.outcomes if isinstance(one[0], req.DestroyMixing)]
    assert len(removals) == 1
    play.outcomes.remove(removals[0])
    play.deliver_all()
    leg = play.picks_up()
    play.deliver_all()
    assert caller.bridge
    play.pbx.hang_up(leg)
    play.only(play.deliver_event)
    play.outcomes.append(removals[0])
    play.deliver_outcome()
    play.perform_all("500", req.DestroyMixing)
    play.rest()
    play.check()
