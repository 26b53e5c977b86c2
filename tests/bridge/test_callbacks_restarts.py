"""Callbacks: bridge, router or Asterisk are started again, or out of reach, and the promise is kept."""

from __future__ import annotations

import msgspec
import pytest

from router.bridge.asterisk.ari import requests as req
from router.bridge.asterisk.callback_memory import NUMBER_ATTRIBUTE
from router.engine import commands as c
from router.engine.vocabulary import CallState
from tests.bridge.callback_situation import Play
from tests.bridge.world import SECOND_US


@pytest.fixture
def play() -> Play:
    return Play().ready("ben")


def test_a_bridge_that_is_started_anew_keeps_callbacks(play: Play) -> None:
    call = play.asks()
    play.restart()
    play.rest()
    assert play.is_(call) is CallState.WAITING
    assert play.floor.counts()["callbacks"] == 1
    play.check()
    play.agent_takes()
    line = play.reached()
    play.check()
    play.restart()
    play.rest()
    play.check()
    assert play.is_(call) is CallState.ASSIGNED, "they talk on"
    play.pbx.hang_up(line)
    play.deliver_all()
    assert play.is_(call) is CallState.COMPLETED
    play.rest()
    play.check()


def test_a_pause_begins_anew_with_the_bridge(play: Play) -> None:
    call = play.asks()
    play.agent_takes()
    play.refuses()
    play.restart()
    play.connect()
    play.join()
    play.deliver_all()
    play.wait(19 * SECOND_US)
    play.deliver_all()
    assert not play.pbx.legs("Down")
    play.wait(2 * SECOND_US)
    play.deliver_all()
    play.answers()
    play.refuses()
    assert play.is_(call) is CallState.COMPLETED, "it was the second of two tries"
    play.rest()
    play.check()


def test_the_bridge_dies_while_the_customer_is_called(play: Play) -> None:
    call = play.asks()
    play.agent_takes()
    play.supervise(c.SetAvailability("ben", False, "break"))
    play.restart()
    play.rest()
    play.check()
    assert play.is_(call) is CallState.WAITING
    play.agent_takes()
    play.reached()
    play.check()


def test_the_bridge_dies_and_they_have_talked_when_it_is_back(play: Play) -> None:
    call = play.asks()
    leg = play.agent_takes()
    line = play.reached()
    play.drop_socket()
    play.drop_router()
    play.start()
    play.pbx.hang_up(line)
    play.pbx.hang_up(leg)
    play.rest()
    assert play.is_(call) is CallState.COMPLETED, "nobody is called who was reached"
    play.check()


def test_the_bridge_dies_while_the_caller_hears_the_promise(play: Play) -> None:
    play.supervise(c.SetAvailability("ben", False, "break"))
    caller = play.calls()
    play.pbx.press(caller, "1")
    play.only(play.deliver_event, play.carry_out, play.deliver_reply, play.perform)
    assert play.pbx.playing
    play.restart()
    play.rest()
    assert caller.id not in play.pbx.channels
    assert play.is_(f"asterisk-{caller.id}") is CallState.WAITING
    assert play.floor.counts()["callbacks"] == 1
    play.check()


def test_a_router_without_memory_is_told_of_them(play: Play) -> None:
    call = play.asks()
    play.restart_router()
    play.rest()
    view = play.router.engine.call(call)
    assert view.callback
    assert view.attributes[NUMBER_ATTRIBUTE] == "15550001"
    play.check()


def test_asterisk_is_restarted_while_the_customer_is_called(play: Play) -> None:
    call = play.asks()
    play.agent_takes()
    play.supervise(c.SetAvailability("ben", False, "break"))
    play.restart_asterisk()
    play.rest()
    assert play.is_(call) is CallState.WAITING
    play.check()
    play.agent_takes()
    play.reached()
    play.check()


def test_the_router_is_out_of_reach_when_nobody_was_reached(play: Play) -> None:
    call = play.asks()
    leg = play.agent_takes()
    line = play.rung()
    play.drop_router()
    play.pbx.refuse(line, 19)
    play.deliver_all()
    assert leg.id not in play.pbx.channels
    play.join()
    play.deliver_all()
    assert not play.pbx.legs("Down"), "it is paused"
    assert play.router.engine.call(call).own_requirement, "and asks for nobody"
    play.wait(30 * SECOND_US)
    play.deliver_all()
    play.answers()
    play.reached()
    play.check()
    assert play.is_(call) is CallState.ASSIGNED


def test_without_a_bridge_that_calls_back_nothing_is_kept(play: Play) -> None:
    call = play.asks()
    play.settings = msgspec.structs.replace(play.settings, callbacks=None)
    play.restart()
    play.rest()
    assert play.is_(call) is CallState.ABANDONED
    assert play.asked(req.Originate) == 0
