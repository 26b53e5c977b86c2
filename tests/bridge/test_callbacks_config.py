"""[callbacks] of bridge.toml: what it comes to, whose numbers may be called, and what is said of one that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.bridge.asterisk.config import parse_bridge
from router.bridge.asterisk.floor_settings import CALLBACK, Arrival, FloorSettings, Place
from router.config import ConfigError
from tests.bridge.world import SECOND_US


def read(text: str) -> FloorSettings:
    head = '[ari]\nuser = "router"\npassword_env = "WORD"\n'
    return parse_bridge(head + text, "bridge.toml", Path(), {"WORD": "x"}).floor


def test_callbacks_are_read() -> None:
    floor = read(
        """
[calls]
keys = { 1 = "callback", 2 = "hangup" }
[callbacks]
endpoint = "PJSIP/{number}@trunk"
number = "{variable:BACK}"
numbers = ["0[1-9]*", "+49*", "[*]*"]
caller_id = '"Loans" <500>'
ring = "20s"
tries = 5
pause = "1h"
place = "continue"
"""
    )
    assert floor.keys == {"1": CALLBACK, "2": None}
    assert floor.variables == ("BACK",)
    back = floor.callbacks
    assert back is not None
    assert (back.endpoint, back.caller_id) == ("PJSIP/{number}@trunk", '"Loans" <500>')
    assert (back.ring_us, back.tries, back.pause_us) == (20 * SECOND_US, 5, 3600 * SECOND_US)
    assert back.place == Place()
    for given, number in {
        "0171 555-123": "0171555123",
        "+49 (171) 5": "+491715",
        "00171": "",
        "anonymous": "",
        "0171@evil": "",
        "0171,1": "",
        "+49 (0)171 5": "+491715",
        "0171#": "",
        "*21*0171#": "",
        "": "",
    }.items():
        assert back.number_of(Arrival("1", "PJSIP/x-1", variables={"BACK": given})) == number
    for number, allowed in {"0171": True, "+49171": True, "00171": False, "0171@evil": False, "": False}.items():
        assert back.allows(number) is allowed


def test_the_callers_number_is_the_one_to_call() -> None:
    floor = read('[callbacks]\nendpoint = "Local/{number}@out/n"\nnumbers = ["*"]\n')
    assert floor.callbacks is not None
    assert floor.callbacks.number_of(Arrival("1", "PJSIP/x-1", caller_number="5")) == "5"
    assert floor.callbacks.place is None
    assert floor.variables == ()
    assert read("").callbacks is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[callbacks]\n", "endpoint is missing"),
        ('[callbacks]\nendpoint = "PJSIP/{number}@t"\n', "numbers is missing"),
        ('[callbacks]\nendpoint = "PJSIP/trunk"\n', "{number}"),
        ('[callbacks]\nendpoint = "PJSIP/{number}{number}"\n', "{number}"),
        ('[callbacks]\nendpoint = "PJSIP/{number}@t"\ntries = 0\n', "tries"),
        ('[callbacks]\nendpoint = "PJSIP/{number}@t"\npause = "2d"\n', "pause"),
        ('[callbacks]\nendpoint = "PJSIP/{number}@t"\nnumber = "{nobody}"\n', "nothing of a call is called"),
        ('[callbacks]\nendpoint = "PJSIP/{number}@t"\nplace = "callback"\n', "is not a place in the dialplan"),
        ('[calls]\nkeys = { 1 = "callback" }\n', "calls.keys.1: it is said nowhere how to call back"),
        ('[[calls.rules]]\nqueue = "a"\nkeys = { 1 = "callback" }\n', "it is said nowhere how to call back"),
        ('[calls]\nkeys = { 1 = "calback" }\n', "is not a place in the dialplan"),
        ('[calls]\nkeys = { 1 = "Callback" }\n', 'or "hangup", or "callback"'),
        ('[callbacks]\nendpoint = "PJSIP/{number}@t"\nnumbers = ["_0X."]\n', '"_0X." is not right here; digits'),
        ('[callbacks]\nendpoint = "PJSIP/{number}@t"\nnumbers = ["0[1-9"]\n', '"0[1-9" is not right here; digits'),
    ],
)
def test_what_is_wrong_with_callbacks_is_told(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read(text)
    assert any(words in str(problem) for problem in raised.value.problems), raised.value
