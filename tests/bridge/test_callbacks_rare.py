"""Callbacks: what is rare, and what of it went wrong once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from router.bridge.asterisk.ari import requests as req
from router.bridge.asterisk.callback_memory import ATTRIBUTE, read_memory
from router.bridge.asterisk.floor_settings import Admit, Arrival, Place
from router.engine import commands as c
from router.engine.requirements import Requirement, SkillTerm, Step
from router.engine.vocabulary import CallState
from tests.bridge.callback_situation import AGREED, REFUSED, Play, settings
from tests.bridge.model_pbx import ModelChannel
from tests.bridge.world import SECOND_US, floor_settings, rules

GERMAN = Requirement((Step((SkillTerm("german", 1),)),))


@pytest.fixture
def play() -> Play:
    return Play().ready("ben")


def pressed(play: Play) -> ModelChannel:
    """Let a caller press the key while nobody is ready; the router has not heard of it yet."""
    play.supervise(c.SetAvailability("ben", False, "break"))
    caller = play.calls()
    play.pbx.press(caller, "1")
    while play.deliver_event():
        pass
    return caller


def gone(play: Play, caller: ModelChannel) -> str:
    play.pbx.hang_up(caller)
    while play.deliver_event():
        pass
    return f"asterisk-{caller.id}"


def perform(play: Play, kind: type[req.Request], fault: str) -> None:
    """Carry out the next request of a kind, which goes wrong."""
    (which,) = [number for number, one in enumerate(play.free_requests()) if isinstance(one, kind)]
    assert play.perform(which, fault)


def test_a_caller_who_is_gone_before_the_router_has_the_call(play: Play) -> None:
    play.supervise(c.SetAvailability("ben", False, "break"))
    caller = play.pbx.dial_in(("in", "loans"))
    assert caller is not None
    play.pbx.press(caller, "1")
    while play.deliver_event():
        pass
    call = gone(play, caller)
    play.deliver_all()
    assert play.is_(call) is CallState.WAITING
    assert play.router.engine.call(call).callback
    play.rest()
    play.check()


def test_a_caller_who_is_gone_when_an_agent_was_given_the_call(play: Play) -> None:
    caller = pressed(play)
    call = gone(play, caller)
    play.supervise(c.Assign(call, "ben"))
    play.deliver_all()
    assert not play.router.engine.call(call).callback, "it was too late for that"
    play.pbx.refuse(play.rings(), 21)
    play.deliver_all()
    play.wait(2 * SECOND_US)
    play.deliver_all()
    view = play.router.engine.call(call)
    assert (view.state, view.callback) == (CallState.WAITING, True)
    play.rest()
    play.check()


def test_the_router_is_lost_before_it_has_heard_of_the_key(play: Play) -> None:
    caller = pressed(play)
    call = gone(play, caller)
    play.drop_router()
    play.rest()
    view = play.router.engine.call(call)
    assert (view.state, view.callback) == (CallState.WAITING, True)
    play.check()


def test_words_that_cannot_be_said_keep_nobody_on_the_line(play: Play) -> None:
    caller = pressed(play)
    while play.carry_out() or play.deliver_reply():
        pass
    while not any(isinstance(one, req.Play) for one in play.free_requests()):
        assert play.perform()
        play.deliver_outcome()
    perform(play, req.Play, "500")
    play.deliver_all()
    assert play.said(AGREED) == 0
    assert caller.id not in play.pbx.channels
    play.rest()
    play.check()


def test_the_agent_is_gone_when_the_customer_is_to_be_called(play: Play) -> None:
    call, leg = agent_has_it(play)
    play.pbx.hang_up(leg)
    while play.perform() or play.deliver_outcome():
        pass
    play.deliver_all()
    memory = read_memory(play.router.engine.call(call).attributes[ATTRIBUTE])
    assert memory is not None
    assert memory.tries == 0, "the customer is not to blame"
    play.rest()
    play.check()


def test_nobody_knows_whether_the_customer_is_called(play: Play) -> None:
    call, _ = agent_has_it(play)
    while not any(isinstance(one, req.Originate) for one in play.free_requests()):
        assert play.perform()
        play.deliver_outcome()
    perform(play, req.Originate, "slow")
    assert play.pbx.lines("Down")
    play.deliver_all()
    assert not play.pbx.lines("Down")
    assert play.is_(call) is CallState.WAITING
    play.check()


def agent_has_it(play: Play) -> tuple[str, ModelChannel]:
    """Let an agent answer for a callback; the router has agreed, and Asterisk has done nothing yet."""
    call = play.asks()
    play.supervise(c.SetAvailability("ben", True))
    play.deliver_all()
    leg = play.picks_up()
    play.only(play.deliver_event, play.carry_out, play.deliver_reply)
    return call, leg


def with_rules(decide: Callable[[Arrival], c.Enqueue]) -> Play:
    def all_rules(arrival: Arrival) -> object:
        return rules(arrival) if arrival.args[0] == "agent" else Admit(decide(arrival))

    play = Play(floor_settings(rules=all_rules))
    play.ready("ben")
    return play


@pytest.mark.parametrize("moved", [False, True])
def test_what_the_call_itself_asks_for_counts_again_after_a_pause(moved: bool) -> None:
    play = with_rules(lambda arrival: c.Enqueue("", "loans", requirement=GERMAN))
    call = play.asks()
    play.assigned(call)
    play.refuses()
    if moved:
        play.supervise(c.SetAvailability("ben", False, "break"))
        play.supervise(c.Transfer(call, "cards"))
        play.deliver_all()
    play.wait(22 * SECOND_US)
    play.deliver_all()
    view = play.router.engine.call(call)
    assert (view.queue, view.requirement == GERMAN) == ("cards" if moved else "loans", not moved)
    play.rest()
    play.check()


def test_a_pause_ends_once_the_call_waits_again(play: Play) -> None:
    call = play.asks()
    play.agent_takes()
    play.refuses()
    play.assigned(call)
    line = play.reached()
    play.wait(25 * SECOND_US)
    play.deliver_all()
    play.supervise(c.SetAvailability("ben", False, "break"))
    play.supervise(c.Requeue(call))
    play.deliver_all()
    play.wait(2 * SECOND_US)
    play.deliver_all()
    assert line.music
    assert not play.router.engine.call(call).own_requirement
    play.rest()
    play.check()


def test_a_call_that_has_no_room_for_what_is_to_be_known() -> None:
    play = with_rules(lambda arrival: c.Enqueue("", "loans", attributes={f"a{n}": "x" for n in range(64)}))
    play.supervise(c.SetAvailability("ben", False, "break"))
    caller = play.calls()
    play.pbx.press(caller, "1")
    play.deliver_all()
    assert play.said(REFUSED) == 1
    assert caller.music
    play.check()


def test_who_comes_back_to_another_bridge_is_a_call_of_its_own() -> None:
    play = Play(settings(place=Place("menu", "s", 1)))
    play.ready()
    caller = play.calls()
    play.pbx.press(caller, "1")
    play.deliver_all()
    play.restart()
    play.rest()
    play.pbx.come_back(play.pbx.left[0])
    play.deliver_all()
    assert play.is_(f"asterisk-{caller.id}~2") is CallState.WAITING
    assert play.floor.counts()["callbacks"] == 1
    play.rest()
    play.check()
