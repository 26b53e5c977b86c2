"""Callbacks: nobody is called who should not be, nobody twice, and nobody is forgotten."""

from __future__ import annotations

import msgspec
import pytest

from router.bridge.asterisk.ari import events as ari
from router.bridge.asterisk.ari import requests as req
from router.bridge.asterisk.callback_memory import ATTRIBUTE, read_memory
from router.bridge.asterisk.callbacks import LATER
from router.bridge.asterisk.floor_settings import Place
from router.engine import commands as c
from router.engine.vocabulary import CallState
from tests.bridge.model_pbx import ModelChannel
from tests.bridge.test_callbacks import AGREED, REFUSED, Play, settings
from tests.bridge.world import SECOND_US, SETTINGS


@pytest.fixture
def play() -> Play:
    play = Play()
    play.ready("ben")
    return play


# --- whom nobody may call


def test_who_was_put_through_is_not_called_at_the_number_of_who_did_it(play: Play) -> None:
    play.supervise(c.SetAvailability("ben", False, "break"))
    colleague = play.calls()
    customer = play.pbx.put_through(colleague)
    play.deliver_all()
    play.pbx.press(customer, "1")
    play.deliver_all()
    assert play.said(REFUSED) == 1
    assert customer.music
    assert not play.router.engine.call(f"asterisk-{colleague.id}").callback
    play.restart()
    play.rest()
    play.pbx.press(customer, "1")
    play.deliver_all()
    assert play.said(REFUSED) == 2
    play.check()


def only_german(play: Play) -> None:
    assert play.settings.callbacks is not None
    callbacks = msgspec.structs.replace(play.settings.callbacks, allows=lambda number: number.startswith("+49"))
    play.settings = msgspec.structs.replace(play.settings, callbacks=callbacks)


def test_a_number_that_may_not_be_called_any_more_is_not_called(play: Play) -> None:
    call = play.asks()
    only_german(play)
    play.restart()
    play.rest()
    assert play.is_(call) is CallState.ABANDONED
    assert not play.floor.counts()["callbacks"]


def test_a_number_that_somebody_has_written_into_the_router_is_not_called(play: Play) -> None:
    call = play.asks()
    attributes = dict(play.router.engine.call(call).attributes)
    attributes[ATTRIBUTE] = attributes[ATTRIBUTE].replace("15550001", "1@trunk&Local/2")
    play.supervise(c.UpdateCall(call, attributes=attributes))
    only_german(play)
    play.restart()
    play.rest()
    play.supervise(c.SetAvailability("ben", True))
    play.deliver_all()
    assert not play.asked(req.Originate)


def test_what_else_is_known_of_the_channel_is_not_kept(play: Play) -> None:
    play.settings = msgspec.structs.replace(play.settings, variables=("LEVEL",))
    play.restart()
    play.connect()
    play.join()
    play.deliver_all()
    caller = play.pbx.dial_in(("in", "loans"))
    assert caller is not None
    event = play.pbx.events.pop()
    assert isinstance(event, ari.StasisStart)
    channel = msgspec.structs.replace(event.channel, channelvars={"LEVEL": "gold", "PIN": "4711"})
    play.pbx.emit(msgspec.structs.replace(event, channel=channel))
    play.deliver_all()
    play.pbx.press(caller, "1")
    play.deliver_all()
    memory = read_memory(play.router.engine.call(f"asterisk-{caller.id}").attributes[ATTRIBUTE])
    assert memory is not None
    assert memory.arrival.variables == {"LEVEL": "gold"}


# --- nobody rings in vain, or twice


def test_a_line_of_an_earlier_run_that_rings_is_hung_up_though_it_was_just_heard_of(play: Play) -> None:
    play.asks()
    play.agent_takes()
    line = play.rung()
    play.supervise(c.SetAvailability("ben", False, "break"))
    play.restart()
    play.connect()
    play.perform()
    play.pbx.ring(line, dial_first=True)
    play.rest()
    assert line.id not in play.pbx.channels
    play.check()


def test_a_line_that_was_asked_for_when_the_websocket_was_lost_does_not_ring_for_nobody(play: Play) -> None:
    play.asks()
    play.supervise(c.SetAvailability("ben", True))
    play.deliver_all()
    leg = play.rings()
    play.pbx.lift(leg)
    play.pbx.enter(leg)
    play.only(play.deliver_event, play.carry_out, play.deliver_reply)
    play.drop_socket()
    play.connect()
    lists = [one for one in play.free_requests() if isinstance(one, req.ListChannels | req.ListBridges)]
    for one in lists:
        play.perform(play.free_requests().index(one))
    listed, play.outcomes = play.outcomes, []
    play.only(play.perform, play.deliver_outcome)
    play.outcomes += listed
    play.deliver_all()
    assert not play.pbx.lines("Down", "Ringing")
    play.rest()
    play.check()


def calling(line: ModelChannel) -> req.Request:
    """Return the request that calls a customer."""
    return req.OriginateOnce(line.id, "PJSIP/15550001@trunk", line.args, "", 5, variables=line.variables)


def test_a_customer_whose_line_comes_late_is_not_rung_for_nobody(play: Play) -> None:
    """Asterisk has called twice under one id, since nobody had heard the first answer."""
    play.asks()
    play.agent_takes()
    line = play.rung()
    asked = calling(line)
    play.pbx.refuse(line, 17)
    play.deliver_all()
    play.requests.append(asked)
    play.deliver_all()
    assert not play.pbx.lines("Down", "Ringing")


def test_calling_a_customer_is_not_repeated_where_no_answer_came(play: Play) -> None:
    play.asks()
    play.supervise(c.SetAvailability("ben", True))
    play.deliver_all()
    leg = play.rings()
    play.pbx.lift(leg)
    play.pbx.enter(leg)
    play.only(play.deliver_event, play.carry_out, play.deliver_reply)
    (asked,) = [one for one in play.requests if isinstance(one, req.Originate)]
    assert not asked.repeatable


# --- nobody is forgotten


def test_an_agent_is_rung_though_the_caller_who_is_to_be_called_back_has_gone_in_that_instant(play: Play) -> None:
    play.supervise(c.SetAvailability("ben", False, "break"))
    caller = play.calls()
    play.pbx.press(caller, "1")
    play.only(play.deliver_event)
    play.supervise(c.Assign(f"asterisk-{caller.id}", "ben"))
    play.pbx.hang_up(caller)
    play.only(play.deliver_watch)
    play.only(play.perform)
    play.only(play.deliver_outcome)
    play.deliver_all()
    play.answers()
    play.reached()
    play.check()


def test_a_customer_who_was_reached_in_the_pause_and_waits_again_does_not_wait_for_its_end() -> None:
    play = Play(settings(pause_us=600 * SECOND_US))
    play.ready("ben")
    call = play.asks()
    play.agent_takes()
    play.pbx.refuse(play.rung(), 19)
    play.deliver_all()
    play.supervise(c.Assign(call, "ben"))
    play.deliver_all()
    play.answers()
    play.reached()
    play.supervise(c.Requeue(call))
    play.deliver_all()
    play.wait(3 * SECOND_US)
    play.deliver_all()
    assert play.router.engine.call(call).requirement != LATER


def test_a_customer_who_wants_to_be_called_once_more_while_nobody_could_get_the_call() -> None:
    play = Play(settings(pause_us=600 * SECOND_US))
    play.ready("ben")
    call = play.asks()
    play.agent_takes()
    play.pbx.refuse(play.rung(), 19)
    play.deliver_all()
    play.supervise(c.Assign(call, "ben"))
    play.deliver_all()
    play.answers()
    line = play.reached()
    play.supervise(c.SetAvailability("ben", False, "break"))
    play.supervise(c.Requeue(call))
    play.deliver_all()
    play.pbx.press(line, "1")
    play.deliver_all()
    assert line.id not in play.pbx.channels
    play.wait(3 * SECOND_US)
    play.deliver_all()
    assert play.router.engine.call(call).requirement != LATER
    play.rest()
    play.check()


@pytest.mark.parametrize("waits", [True, False])
def test_who_has_come_again_and_presses_the_key_before_the_call_has_its_other_id(play: Play, waits: bool) -> None:
    play.supervise(c.SetAvailability("ben", False, "break"))
    caller = play.calls()
    play.pbx.press(caller, "0")
    play.deliver_all()
    play.restart()
    play.rest()
    play.pbx.come_back(caller)
    play.pbx.press(caller, "1")
    while play.deliver_event():
        pass
    if not waits:
        play.pbx.hang_up(caller)
        while play.deliver_event():
            pass
    play.deliver_all()
    call = f"asterisk-{caller.id}~2"
    view = play.router.engine.call(call)
    assert view.callback
    assert read_memory(view.attributes[ATTRIBUTE]) is not None
    assert play.said(AGREED) == waits
    play.rest()
    play.check()


def test_a_bridge_that_dies_while_it_ends_a_pause(play: Play) -> None:
    call = play.asks()
    play.agent_takes()
    play.pbx.refuse(play.rung(), 19)
    play.deliver_all()
    play.wait(21 * SECOND_US)
    play.carry_out()
    play.restart()
    play.connect()
    play.join()
    play.deliver_all()
    assert play.router.engine.call(call).requirement != LATER
    play.answers()
    play.reached()
    play.check()


def test_a_pause_ends_while_the_queue_is_full() -> None:
    full = {**SETTINGS.queues, "loans": msgspec.structs.replace(SETTINGS.queues["loans"], waiting_max=1)}
    play = Play(engine_settings=msgspec.structs.replace(SETTINGS, queues=full))
    play.ready("ben")
    call = play.asks()
    play.agent_takes()
    play.calls()
    play.pbx.refuse(play.rung(), 19)
    play.supervise(c.SetAvailability("ben", False, "break"))
    play.deliver_all()
    play.wait(25 * SECOND_US)
    play.deliver_all()
    assert play.is_(call) is CallState.WAITING


def test_a_customer_of_an_earlier_run_who_presses_a_key_before_the_lists_are_there_is_found(play: Play) -> None:
    call = play.asks()
    play.agent_takes()
    line = play.reached()
    play.supervise(c.SetAvailability("ben", False, "break"))
    play.supervise(c.Requeue(call))
    play.deliver_all()
    play.restart()
    play.connect()
    play.pbx.press(line, "9")
    play.only(play.deliver_event)
    play.rest()
    assert play.floor.counts()["waiting"] == 1
    assert line.music
    play.check()


def test_a_call_that_is_taken_back_while_the_agent_is_told_is_not_made_again_at_once(play: Play) -> None:
    call = play.asks()
    play.agent_takes()
    play.pbx.refuse(play.rung(), 17)
    play.only(play.deliver_event, play.perform, play.deliver_outcome)
    assert play.pbx.playing, "the agent is being told"
    play.supervise(c.Requeue(call))
    play.only(play.deliver_watch)
    play.deliver_all()
    assert not play.pbx.legs("Down"), "it is paused"
    memory = read_memory(play.router.engine.call(call).attributes[ATTRIBUTE])
    assert memory is not None
    assert memory.tries == 1
    play.rest()
    play.check()


def test_who_has_come_back_unheard_is_not_taken_for_the_callback_after_a_restart() -> None:
    play = Play(settings(place=Place("menu", "s", 1)))
    play.ready()
    caller = play.calls("ringing", "loans")
    play.pbx.press(caller, "1")
    play.deliver_all()
    play.drop_socket()
    play.drop_router()
    play.pbx.connected = True
    play.pbx.come_back(caller)
    play.pbx.connected = False
    play.pbx.events.clear()
    play.rest()
    play.check()
    play.restart()
    play.rest()
    assert play.floor.counts()["callbacks"] == 1
    assert play.is_(f"asterisk-{caller.id}~2") is CallState.WAITING
    play.check()


def test_who_comes_back_before_the_callback_is_learned_is_a_call_of_its_own() -> None:
    play = Play(settings(place=Place("menu", "s", 1)))
    play.ready()
    caller = play.calls()
    play.pbx.press(caller, "1")
    play.deliver_all()
    play.restart()
    play.connect()
    play.pbx.come_back(caller)
    play.deliver_all()
    play.join()
    play.deliver_all()
    assert play.floor.counts()["callbacks"] == 1
    assert play.is_(f"asterisk-{caller.id}~2") is CallState.WAITING
    play.pbx.hang_up(caller)
    play.rest()
    assert play.is_(f"asterisk-{caller.id}") is CallState.WAITING, "the promise is kept"
    play.check()


def test_who_comes_in_a_third_time_does_not_get_the_id_of_the_callback() -> None:
    play = Play(settings(place=Place("menu", "s", 1)))
    play.ready()
    caller = play.calls()
    for key in "01":
        play.pbx.press(caller, key)
        play.deliver_all()
        if key == "0":
            play.pbx.come_back(caller)
            play.deliver_all()
    play.restart()
    play.rest()
    play.pbx.come_back(caller)
    play.deliver_all()
    assert play.floor.counts()["callbacks"] == 1
    play.rest()
    assert play.is_(f"asterisk-{caller.id}~2") is CallState.WAITING
    assert play.is_(f"asterisk-{caller.id}~3") is CallState.WAITING
    play.check()
