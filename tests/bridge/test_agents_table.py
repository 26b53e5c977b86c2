"""Agents, their endpoints and the names of their channels."""

from __future__ import annotations

import pytest

from router.bridge.asterisk.agents import AgentEntry, AgentTable
from router.bridge.asterisk.ids import Ids, LegId
from router.engine.commands import SignIn


def test_an_agent_is_found_by_the_channel_of_the_telephone() -> None:
    table = AgentTable(
        [
            AgentEntry("ada", "PJSIP/a-1", SignIn("ada")),
            AgentEntry("nick", "Local/nick@agents/n", SignIn("nick")),
        ]
    )
    assert table.agent_of("PJSIP/a-1-0000001f") == "ada"
    assert table.agent_of("Local/nick@agents-00000003;2") == "nick"
    assert table.agent_of("PJSIP/other-0000001f") is None
    assert table.endpoint_of("nick") == "Local/nick@agents/n"
    assert table.endpoint_of("other") is None
    assert table.entry("other") is None


def test_a_pattern_is_for_those_who_are_not_in_the_table() -> None:
    table = AgentTable(
        [AgentEntry("ada", "PJSIP/1", SignIn("ada"))], "Local/{agent}@agents/n", SignIn("", {"loans": 3})
    )
    assert table.endpoint_of("ada") == "PJSIP/1"
    assert table.endpoint_of("ben") == "Local/ben@agents/n"
    assert table.agent_of("Local/ben@agents-0000002a;1") == "ben"
    assert table.agent_of("Local/@agents-0000002a;1") is None
    entry = table.entry("ben")
    assert entry is not None
    assert entry.sign_in == SignIn("ben", {"loans": 3})


@pytest.mark.parametrize("pattern", ["PJSIP/ada", "PJSIP/{agent}{agent}"])
def test_a_pattern_names_the_agent_once(pattern: str) -> None:
    with pytest.raises(ValueError, match="once is right"):
        AgentTable([], pattern)


def test_ids_are_read_back() -> None:
    ids = Ids("desk")
    assert ids.call("1.5") == "desk-1.5"
    assert ids.caller_of_mixing(ids.mixing("1.5")) == "1.5"
    assert ids.caller_of_mixing("other-call-1.5") is None
    for direct in (False, True):
        assert ids.leg_of(ids.leg(17, direct=direct)) == LegId(17, direct)
        assert ids.leg_of(ids.leg(17, direct=direct, time=2)) == LegId(17, direct)
        assert ids.leg(17, direct=direct, time=2) != ids.leg(17, direct=direct)
    others = ("", "x-leg", "²-leg", "1", "1-leg;2")
    for other in ("1.5", "other-offer-1-leg", *(f"desk-offer-{end}" for end in others)):
        assert ids.leg_of(other) is None


def test_no_id_of_a_leg_begins_another() -> None:
    ids = Ids("desk")
    legs = [ids.leg(offer, direct=False, time=time) for offer in (1, 11, 12, 112) for time in (1, 2, 11)]
    assert not [(one, other) for one in legs for other in legs if one is not other and other.startswith(one)]
