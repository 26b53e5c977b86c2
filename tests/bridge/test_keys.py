"""Keys that callers press while they wait: where they go, what the router hears, and when a key is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.bridge.asterisk.ari import requests as req
from router.bridge.asterisk.config import parse_bridge
from router.bridge.asterisk.floor_settings import Admit, Arrival, FloorSettings, Place
from router.config import ConfigError
from router.engine import commands as c
from router.engine import events as e
from router.engine.vocabulary import Availability, CallState
from tests.bridge.model_pbx import ModelChannel
from tests.bridge.situation import Situation
from tests.bridge.world import SECOND_US, floor_settings


@pytest.fixture
def play() -> Situation:
    return Situation().ready("ben")


def busy(play: Situation) -> None:
    play.supervise(c.SetAvailability("ben", False, "break"))
    play.deliver_all()


def went(play: Situation, caller: ModelChannel) -> list[str]:
    return [line for line in play.log if f"> Continue(channel='{caller.id}'" in line]


def test_a_caller_who_waits_goes_on_in_the_dialplan(play: Situation) -> None:
    busy(play)
    caller = play.calls()
    play.pbx.press(caller, "0")
    play.deliver_all()
    (line,) = went(play, caller)
    assert "context='operator', extension='s', priority=1" in line
    assert play.state(caller) is CallState.ABANDONED
    (over,) = [event for event in play.router.since(0) if isinstance(event, e.CallAbandoned)]
    assert over.reason == "key 0"
    assert play.counted["calls_ended.key"] == 1
    play.rest()
    play.check()


def test_a_key_may_hang_up(play: Situation) -> None:
    busy(play)
    caller = play.calls()
    play.pbx.press(caller, "9")
    play.deliver_all()
    assert caller.id not in play.pbx.channels
    assert not went(play, caller)
    assert play.state(caller) is CallState.ABANDONED


def test_while_an_agent_is_rung_the_ringing_ends(play: Situation) -> None:
    caller = play.calls()
    leg = play.rings()
    play.pbx.press(caller, "0")
    play.deliver_all()
    assert went(play, caller)
    assert leg.id not in play.pbx.channels
    assert play.state(caller) is CallState.ABANDONED
    assert play.agent("ben")[0] is Availability.READY
    play.rest()
    play.check()


def test_while_an_agent_is_rung_who_was_given_the_call(play: Situation) -> None:
    caller = play.calls("in", "vip")
    leg = play.rings()
    play.pbx.press(caller, "0")
    play.deliver_all()
    assert went(play, caller)
    assert leg.id not in play.pbx.channels
    assert play.state(caller) is CallState.COMPLETED
    play.rest()
    play.check()


def test_once_an_agent_has_answered_keys_are_the_talks_own(play: Situation) -> None:
    caller = play.calls()
    leg = play.picks_up()
    play.pbx.press(caller, "0")
    play.only(play.deliver_event)
    play.deliver_all()
    play.pbx.press(caller, "00")
    play.deliver_all()
    assert not went(play, caller)
    assert play.pbx.bridges[f"asterisk-call-{caller.id}"] == [caller.id, leg.id]
    play.check()


def test_a_caller_who_waits_again_may_press_again(play: Situation) -> None:
    caller = play.calls()
    play.answers()
    play.supervise(c.Transfer(f"asterisk-{caller.id}", "cards"))
    busy(play)
    play.pbx.press(caller, "0")
    play.deliver_all()
    assert went(play, caller)
    play.rest()
    play.check()


def test_other_keys_and_other_people_change_nothing(play: Situation) -> None:
    busy(play)
    caller = play.calls()
    play.pbx.press(caller, "5*#")
    visitor = play.pbx.dial_in(("agent", "not_ready"), "PJSIP/ben")
    assert visitor is not None
    play.pbx.press(visitor, "0")
    play.deliver_all()
    assert caller.music
    assert play.state(caller) is CallState.WAITING
    play.check()


def test_a_key_in_the_middle_of_an_announcement(play: Situation) -> None:
    busy(play)
    caller = play.calls()
    play.announce(f"asterisk-{caller.id}", "sound:x")
    play.pbx.press(caller, "0")
    play.deliver_all()
    assert play.asked(req.StopPlay) == 1
    assert went(play, caller)


def test_a_key_while_the_router_is_out_of_reach(play: Situation) -> None:
    busy(play)
    caller = play.calls()
    play.drop_router()
    play.pbx.press(caller, "0")
    play.deliver_all()
    assert went(play, caller)
    play.wait(SECOND_US)
    play.rest()
    assert play.state(caller) is CallState.ABANDONED
    play.check()


def test_a_key_before_the_router_has_answered(play: Situation) -> None:
    busy(play)
    caller = play.pbx.dial_in(("in", "loans"))
    assert caller is not None
    play.pbx.press(caller, "00")
    play.only(play.deliver_event)
    play.deliver_all()
    assert went(play, caller)
    assert play.state(caller) is CallState.ABANDONED
    play.check()


def test_a_rule_has_keys_of_its_own() -> None:
    def rules(arrival: Arrival) -> Admit:
        return Admit(c.Enqueue("", "loans"), keys={"1": Place("voicemail", "s", 1)} if arrival.args else {})

    play = Situation(floor_settings(rules=rules)).ready()
    voicemail, nothing = play.calls("x"), play.pbx.dial_in(())
    assert nothing is not None
    play.deliver_all()
    for caller in (voicemail, nothing):
        play.pbx.press(caller, "0")
    play.deliver_all()
    assert {voicemail.id, nothing.id} == play.pbx.channels.keys()
    for caller in (voicemail, nothing):
        play.pbx.press(caller, "1")
    play.deliver_all()
    assert went(play, voicemail)
    assert play.pbx.channels.keys() == {nothing.id}


# --- the config


def read(text: str) -> FloorSettings:
    head = '[ari]\nuser = "router"\npassword_env = "WORD"\n'
    return parse_bridge(head + text, "bridge.toml", Path(), {"WORD": "x"}).floor


def test_keys_are_read() -> None:
    floor = read(
        """
[calls]
keys = { 0 = "inbound,operator,1", "*" = "continue", "#" = "hangup" }
[[calls.rules]]
args = ["sales"]
queue = "sales"
keys = { 1 = "inbound,voicemail,2" }
[[calls.rules]]
args = ["vip"]
queue = "vip"
keys = {}
[[calls.rules]]
queue = "{arg:1}"
"""
    )
    assert floor.keys == {"0": Place("inbound", "operator", 1), "*": Place(), "#": None}
    decided = [floor.rules(Arrival("1", "PJSIP/x-1", (queue,))) for queue in ("sales", "vip", "loans")]
    assert [decision.keys for decision in decided if isinstance(decision, Admit)] == [
        {"1": Place("inbound", "voicemail", 2)},
        {},
        None,
    ]
    assert read("").keys == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[calls]\nkeys = { 10 = "hangup" }\n', 'calls.keys.10: "10" is not right here; one key, such as "0"'),
        ('[calls]\nkeys = { x = "hangup" }\n', '"x" is not right here'),
        ('[calls]\nkeys = { 1 = "operator" }\n', '"operator" is not a place in the dialplan'),
        ("[calls]\nkeys = { 1 = 2 }\n", "2 is not a place in the dialplan"),
        ('[calls]\nkeys = "1"\n', "is not a table"),
        ('[[calls.rules]]\nqueue = "a"\nkeys = { 0 = "a,b,0" }\n', '"a,b,0" is not a place in the dialplan'),
    ],
)
def test_what_is_wrong_with_keys_is_told(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read(text)
    assert any(words in str(problem) for problem in raised.value.problems), raised.value
