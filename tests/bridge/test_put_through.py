"""A caller's telephone transfers the call (REFER): whoever is put through is the caller from then on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from router.bridge.asterisk.ari.requests import HangUp
from router.engine import commands as c
from router.engine.vocabulary import CallState
from tests.bridge.model_pbx import ModelChannel
from tests.bridge.situation import Situation

States = pytest.mark.parametrize("state", ["waiting", "ringing", "talking"])


@pytest.fixture
def play() -> Situation:
    return Situation().ready("ben")


def caller_in(play: Situation, state: str) -> ModelChannel:
    """Let somebody call, and come so far."""
    if state == "waiting":
        play.supervise(c.SetAvailability("ben", False, "not yet"))
        play.deliver_all()
    caller = play.calls()
    {"waiting": lambda: None, "ringing": play.rings, "talking": play.answers}[state]()
    return caller


def come_to_talk(play: Situation, state: str) -> ModelChannel:
    """Let the call be answered if it is not, and return the leg."""
    if state == "waiting":
        play.supervise(c.SetAvailability("ben", True))
        play.deliver_all()
        play.rings()
    (leg,) = play.pbx.legs("Ringing", "Up")
    if leg.state == "Ringing":
        play.pbx.lift(leg)
        play.pbx.enter(leg)
    play.rest()
    return leg


@States
def test_the_call_goes_on_with_who_was_put_through(play: Situation, state: str) -> None:
    caller = caller_in(play, state)
    instead = play.pbx.put_through(caller)
    play.deliver_all()
    play.check()
    leg = come_to_talk(play, state)
    assert play.state(caller) is CallState.ASSIGNED, "it is the same call"
    assert instead.bridge == leg.bridge != ""
    play.check()
    play.pbx.hang_up(leg)
    play.deliver_all()
    assert not play.pbx.channels, "nobody is left alone"
    assert play.state(caller) is CallState.COMPLETED
    play.check()


@States
def test_who_was_put_through_hangs_up(play: Situation, state: str) -> None:
    caller = caller_in(play, state)
    instead = play.pbx.put_through(caller)
    play.deliver_all()
    instead = play.pbx.put_through(instead)
    play.deliver_all()
    play.pbx.hang_up(instead)
    play.deliver_all()
    assert not play.pbx.channels
    assert play.state(caller) is (CallState.COMPLETED if state == "talking" else CallState.ABANDONED)
    play.check()


@States
@pytest.mark.parametrize("breakdown", [Situation.restart, Situation.drop_socket, Situation.drop_router])
def test_it_is_found_again(play: Situation, state: str, breakdown: Callable[[Situation], None]) -> None:
    caller = caller_in(play, state)
    instead = play.pbx.put_through(caller)
    play.deliver_all()
    breakdown(play)
    play.connect()
    play.join()
    play.deliver_all()
    play.check()
    leg = come_to_talk(play, state)
    assert play.state(caller) is CallState.ASSIGNED, "it has kept its place"
    assert instead.bridge == leg.bridge != ""
    assert play.router.engine.call(f"asterisk-{caller.line}").queue == "loans"
    play.check()


def test_a_talk_goes_on_that_was_put_through_while_nothing_was_heard(play: Situation) -> None:
    caller = caller_in(play, "talking")
    (leg,) = play.pbx.legs("Up")
    play.drop_socket()
    instead = play.pbx.put_through(caller)
    play.rest()
    assert instead.bridge == leg.bridge != ""
    assert play.state(caller) is CallState.ASSIGNED
    play.check()


def test_who_waits_and_was_put_through_while_nothing_was_heard_is_a_new_call(play: Situation) -> None:
    caller = caller_in(play, "waiting")
    play.drop_socket()
    instead = play.pbx.put_through(caller)
    play.rest()
    assert play.state(caller) is CallState.ABANDONED
    assert play.router.engine.call(f"asterisk-{instead.id}").state is CallState.WAITING
    play.check()


def test_who_is_put_through_while_something_is_said_hears_music_again(play: Situation) -> None:
    caller = caller_in(play, "waiting")
    play.announce(f"asterisk-{caller.id}", "sound:x")
    play.only(play.perform)
    assert not caller.music
    instead = play.pbx.put_through(caller)
    play.deliver_all()
    assert instead.music
    play.check()


def test_who_is_put_through_on_the_way_out_goes_there(play: Situation) -> None:
    caller = caller_in(play, "talking")
    (leg,) = play.pbx.legs("Up")
    play.pbx.hang_up(leg)
    play.only(play.deliver_event)
    instead = play.pbx.put_through(caller)
    play.deliver_all()
    assert instead.id not in play.pbx.channels
    play.check()


def test_who_is_put_through_on_the_way_in_goes_nowhere_else(play: Situation) -> None:
    caller = play.pbx.dial_in(("in", "loans"))
    assert caller is not None
    instead = play.pbx.put_through(caller)
    play.deliver_all()
    assert instead.id in play.pbx.channels
    assert play.state(caller) is CallState.OFFERED
    play.check()


def test_nobody_is_put_through_to_a_feature_code(play: Situation) -> None:
    agent = play.pbx.dial_in(("agent", "sign_in"), "PJSIP/ben")
    assert agent is not None
    play.only(play.deliver_event)
    instead = play.pbx.put_through(agent)
    play.deliver_all()
    assert instead.id not in play.pbx.channels
    play.rest()
    assert play.asked(HangUp) == 2, "while the two are exchanged the first may come to nothing"
    play.check()
