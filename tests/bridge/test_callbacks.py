"""Callbacks: a caller presses a key and hangs up, an agent gets the call, and the customer is called."""

from __future__ import annotations

import pytest

from router.bridge.asterisk.callback_memory import ATTRIBUTE, NUMBER_ATTRIBUTE, read_memory
from router.bridge.asterisk.floor_settings import Place
from router.engine import commands as c
from router.engine.vocabulary import Availability, CallState
from tests.bridge.callback_situation import AGREED, REFUSED, UNREACHED, Play, settings
from tests.bridge.world import SECOND_US


@pytest.fixture
def play() -> Play:
    return Play().ready("ben")


def test_a_callback_from_beginning_to_end(play: Play) -> None:
    call = play.asks()
    view = play.router.engine.call(call)
    assert view.callback
    assert view.state is CallState.WAITING
    assert view.attributes[NUMBER_ATTRIBUTE] == "15550001"
    assert play.said(AGREED) == 1
    assert play.floor.counts()["callbacks"] == 1
    play.rest()
    play.check()
    leg = play.agent_takes()
    assert leg.ringing
    assert play.is_(call) is CallState.ASSIGNED
    line = play.rung()
    assert line.name.startswith("PJSIP/15550001@trunk")
    play.check()
    assert play.reached() is line
    assert play.pbx.bridges == {f"asterisk-call-{line.id}": [line.id, leg.id]}
    assert not leg.ringing
    play.check()
    play.pbx.hang_up(line)
    play.deliver_all()
    assert play.is_(call) is CallState.COMPLETED
    play.rest()
    assert not play.pbx.channels
    assert not play.pbx.bridges
    assert play.agent("ben")[0] is Availability.READY
    play.check()


def test_the_agent_who_hangs_up_ends_the_talk(play: Play) -> None:
    call = play.asks()
    leg = play.agent_takes()
    line = play.reached()
    play.pbx.hang_up(leg)
    play.deliver_all()
    assert line.id not in play.pbx.channels
    assert play.is_(call) is CallState.COMPLETED
    play.rest()
    play.check()


def test_the_place_is_kept(play: Play) -> None:
    call = play.asks()
    play.wait(10 * SECOND_US)
    later = play.calls()
    before = play.router.engine.call(call)
    assert before.position == 1
    play.agent_takes()
    assert play.is_(call) is CallState.ASSIGNED
    assert play.state(later) is CallState.WAITING


def test_a_caller_who_hangs_up_without_waiting_for_the_answer(play: Play) -> None:
    play.supervise(c.SetAvailability("ben", False, "break"))
    caller = play.calls()
    play.pbx.press(caller, "1")
    play.only(play.deliver_event)
    play.pbx.hang_up(caller)
    play.deliver_all()
    call = f"asterisk-{caller.id}"
    assert play.is_(call) is CallState.WAITING
    assert play.router.engine.call(call).callback
    play.rest()
    play.check()
    play.agent_takes()
    play.reached()
    play.check()


def test_a_key_while_an_agent_is_rung(play: Play) -> None:
    caller = play.calls()
    leg = play.rings()
    play.pbx.press(caller, "1")
    play.deliver_all()
    assert caller.id not in play.pbx.channels
    assert leg.id in play.pbx.channels, "the agent is rung on"
    play.pbx.lift(leg)
    play.pbx.enter(leg)
    play.deliver_all()
    line = play.reached()
    assert play.pbx.bridges == {f"asterisk-call-{line.id}": [line.id, leg.id]}
    play.check()


def test_an_agent_who_answers_in_the_instant_of_the_key(play: Play) -> None:
    caller = play.calls()
    leg = play.rings()
    play.pbx.press(caller, "1")
    play.pbx.lift(leg)
    play.pbx.enter(leg)
    play.only(play.deliver_event)
    play.deliver_all()
    assert play.pbx.bridges == {f"asterisk-call-{caller.id}": [caller.id, leg.id]}, "they talk at once"
    assert not play.pbx.lines("Down", "Ringing")
    play.check()


@pytest.mark.parametrize("cause", [17, 19, 21, 1, 0])
def test_a_customer_who_is_not_reached_is_called_again_later(play: Play, cause: int) -> None:
    call = play.asks()
    before = play.router.engine.call(call).effective_arrival_us
    leg = play.agent_takes()
    play.refuses(cause)
    assert play.said(UNREACHED) == 1
    assert leg.id not in play.pbx.channels
    view = play.router.engine.call(call)
    assert view.state is CallState.WAITING
    assert view.effective_arrival_us == before
    assert play.agent("ben")[0] is Availability.READY
    play.wait(19 * SECOND_US)
    play.deliver_all()
    assert not play.pbx.legs("Down"), "not yet"
    play.check()
    play.wait(2 * SECOND_US)
    play.deliver_all()
    view = play.router.engine.call(call)
    assert not view.own_requirement
    assert view.effective_arrival_us == before
    play.answers()
    play.reached()
    play.check()


def test_in_vain_often_enough_it_is_over(play: Play) -> None:
    call = play.asks()
    play.agent_takes()
    play.refuses()
    play.wait(21 * SECOND_US)
    play.deliver_all()
    play.answers()
    play.refuses()
    assert play.is_(call) is CallState.COMPLETED
    assert play.counted["callbacks.given_up"] == 1
    assert play.floor.counts()["callbacks"] == 0
    play.rest()
    assert not play.pbx.channels
    play.check()


def test_without_a_pause_it_is_tried_again_at_once() -> None:
    play = Play(settings(pause_us=0))
    play.ready("ben")
    call = play.asks()
    play.agent_takes()
    play.refuses()
    memory = read_memory(play.router.engine.call(call).attributes[ATTRIBUTE])
    assert memory is not None
    assert (memory.tries, memory.paused) == (1, False)
    play.answers()
    play.reached()
    play.check()


def test_the_end_of_a_line_that_was_not_heard(play: Play) -> None:
    play.asks()
    play.agent_takes()
    line = play.rung()
    del play.pbx.channels[line.id]  # and nobody tells
    play.wait(14 * SECOND_US)
    play.deliver_all()
    assert play.said(UNREACHED) == 0
    play.wait(2 * SECOND_US)
    play.deliver_all()
    assert play.said(UNREACHED) == 1
    play.rest()
    play.check()


def test_a_number_that_cannot_be_called(play: Play) -> None:
    settled = settings(endpoint="PJSIP/nowhere")
    play = Play(settled)
    play.ready("ben")
    call = play.asks()
    play.agent_takes()
    assert play.said(UNREACHED) == 1
    assert play.is_(call) is CallState.WAITING
    play.check()


def test_an_agent_who_hangs_up_while_the_customer_is_called(play: Play) -> None:
    call = play.asks()
    leg = play.agent_takes()
    line = play.rung()
    play.supervise(c.SetAvailability("ben", False, "break"))
    play.pbx.hang_up(leg)
    play.deliver_all()
    assert line.id not in play.pbx.channels
    assert play.is_(call) is CallState.WAITING
    play.rest()
    play.check()


def test_an_agent_who_hangs_up_while_being_told_that_nobody_was_reached(play: Play) -> None:
    call = play.asks()
    leg = play.agent_takes()
    play.pbx.refuse(play.rung(), 19)
    play.only(play.deliver_event, play.perform)
    assert play.pbx.playing
    assert not leg.ringing
    play.pbx.hang_up(leg)
    play.deliver_all()
    assert play.is_(call) is CallState.WAITING
    assert not play.pbx.legs("Down"), "it is paused"
    play.check()


def test_a_customer_who_answers_in_the_instant_in_which_the_agent_hangs_up(play: Play) -> None:
    call = play.asks()
    leg = play.agent_takes()
    line = play.rung()
    play.supervise(c.SetAvailability("ben", False, "break"))
    play.pbx.hang_up(leg)
    play.pbx.lift(line)
    play.pbx.enter(line)
    play.deliver_all()
    assert line.id not in play.pbx.channels
    assert play.is_(call) is CallState.WAITING
    play.check()


def test_a_supervisor_ends_it(play: Play) -> None:
    call = play.asks()
    play.supervise(c.Cancel(call))
    play.deliver_all()
    assert play.floor.counts()["callbacks"] == 0
    play.rest()
    play.check()


def test_a_supervisor_ends_it_while_the_customer_is_called(play: Play) -> None:
    call = play.asks()
    play.agent_takes()
    play.supervise(c.Complete(call))
    play.deliver_all()
    assert not play.pbx.channels
    play.rest()
    play.check()


def test_a_supervisor_assigns_it_in_the_pause(play: Play) -> None:
    call = play.asks()
    play.agent_takes()
    play.refuses()
    play.assigned(call)
    line = play.reached()
    play.check()
    play.supervise(c.Transfer(call, "cards"))
    play.supervise(c.SetAvailability("ben", False, "break"))
    play.deliver_all()
    play.wait(22 * SECOND_US)
    play.deliver_all()
    assert line.music
    assert not play.router.engine.call(call).own_requirement, "the pause is over"
    play.rest()
    play.check()


def test_a_customer_who_is_sent_on_waits_with_music(play: Play) -> None:
    call = play.asks()
    leg = play.agent_takes()
    line = play.reached()
    play.supervise(c.SetAvailability("ben", False, "break"))
    play.pbx.press(leg, "*22#")
    play.deliver_all()
    assert play.router.engine.call(call).queue == "cards"
    assert line.music
    play.rest()
    play.check()
    play.pbx.press(line, "1")
    play.deliver_all()
    assert line.id not in play.pbx.channels, "and may be called back once more"
    play.rest()
    play.check()
    play.agent_takes()
    play.reached()
    play.check()
    play.pbx.hang_up(play.pbx.callers()[0])
    play.deliver_all()
    assert play.is_(call) is CallState.COMPLETED


def test_who_has_no_number_waits_on() -> None:
    play = Play(settings(number_of=lambda arrival: ""))
    play.ready()
    caller = play.calls()
    play.pbx.press(caller, "1")
    play.deliver_all()
    assert play.said(REFUSED) == 1
    assert caller.music
    assert not play.router.engine.call(f"asterisk-{caller.id}").callback
    play.check()


def test_while_the_router_is_out_of_reach_nothing_is_promised(play: Play) -> None:
    play.supervise(c.SetAvailability("ben", False, "break"))
    caller = play.calls()
    play.drop_router()
    play.pbx.press(caller, "1")
    play.deliver_all()
    assert play.said(REFUSED) == 1
    play.rest()
    assert not play.router.engine.call(f"asterisk-{caller.id}").callback
    play.pbx.press(caller, "1")
    play.deliver_all()
    assert play.said(AGREED) == 1
    play.check()


def test_the_answer_to_the_key_is_lost(play: Play) -> None:
    play.supervise(c.SetAvailability("ben", False, "break"))
    caller = play.calls()
    play.pbx.press(caller, "1")
    play.only(play.deliver_event)
    play.only(play.carry_out)
    play.lose_reply()
    play.deliver_all()
    assert play.said(REFUSED) == 1
    assert caller.music
    play.rest()
    play.check()
    play.pbx.press(caller, "1")
    play.deliver_all()
    assert play.said(AGREED) == 1
    play.rest()
    play.check()


def test_who_was_promised_it_may_go_on_in_the_dialplan_and_come_back() -> None:
    play = Play(settings(place=Place("menu", "s", 1)))
    play.ready()
    caller = play.calls()
    play.pbx.press(caller, "1")
    play.deliver_all()
    (left,) = play.pbx.left
    play.pbx.come_back(left)
    play.deliver_all()
    assert play.is_(f"asterisk-{caller.id}") is CallState.WAITING
    assert play.is_(f"asterisk-{caller.id}~2") is CallState.WAITING
    assert caller.music
    play.check()
    play.restart()
    play.rest()
    play.check()
    assert caller.music


def test_an_agent_who_answers_and_is_gone_before_the_key_is_agreed(play: Play) -> None:
    caller = play.calls()
    leg = play.rings()
    play.pbx.press(caller, "1")
    play.pbx.lift(leg)
    play.pbx.enter(leg)
    play.only(play.deliver_event, play.perform, play.deliver_outcome)
    assert play.pbx.mixings, "they were connected, for a moment"
    play.pbx.hang_up(leg)
    play.only(play.deliver_event, play.carry_out)
    play.supervise(c.SetAvailability("ben", False, "break"))
    play.deliver_all()
    assert play.said(AGREED) == 1
    play.rest()
    assert play.is_(f"asterisk-{caller.id}") is CallState.WAITING, "the promise is kept"
    play.check()
