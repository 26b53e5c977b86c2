"""The figures are of what has happened: overtakes, double bookings and losses are counted where there are some."""

from __future__ import annotations

import pytest

from bench.asterisk.manager import Event
from bench.asterisk.shares import command_ms, ours_ms
from bench.asterisk.story import Story


def event(kind: str, name: str, at_s: float, **fields: str) -> Event:
    return {"Event": kind, "Channel": f"PJSIP/{name}-0001", "Uniqueid": name, "Timestamp": str(at_s), **fields}


def caller(name: str, joined_s: float, bridge: str = "", bridged_s: float = 0.0, number: str = "70") -> list[Event]:
    joined = event("Newexten", f"caller-{name}", joined_s, Application="Stasis", Extension=number)
    if not bridge:
        return [joined, event("Hangup", f"caller-{name}", joined_s + 1)]
    return [joined, event("BridgeEnter", f"caller-{name}", bridged_s, BridgeUniqueid=bridge)]


def leg(agent: str, number: int, rung_s: float, over_s: float, bridge: str) -> list[Event]:
    """An agent who is rung at a time, answers 0.01 s later, and is bridged 0.01 s after that."""
    name = f"agent{agent}-{number}"
    return [
        event("Newchannel", name, rung_s),
        event("Newstate", name, rung_s + 0.01, ChannelState="6"),
        event("BridgeEnter", name, rung_s + 0.02, BridgeUniqueid=bridge),
        event("HangupRequest", name, over_s),
        event("Hangup", name, over_s + 0.001),
    ]


def story(*parts: list[Event]) -> Story:
    return Story([one for part in parts for one in part], "PJSIP/agent", "PJSIP/caller")


ONE_AFTER_THE_OTHER = (
    caller("a", 0.0, "b1", 0.03),
    caller("b", 0.1, "b2", 1.06),
    leg("x", 1, 0.01, 1.0, "b1"),
    leg("x", 2, 1.02, 2.0, "b2"),
)


def test_a_freed_agent_and_the_next_caller() -> None:
    told = story(*ONE_AFTER_THE_OTHER)
    (freed,) = told.freed()
    assert freed.all_ms == pytest.approx(60.0)
    assert (told.lost(), told.double_bookings(), told.overtaken(0.0), len(told.served())) == (0, 0, 0, 2)


def test_an_agent_for_whom_nobody_waited_is_not_counted() -> None:
    late = caller("b", 1.01, "b2", 1.06)
    assert not story(ONE_AFTER_THE_OTHER[0], late, *ONE_AFTER_THE_OTHER[2:]).freed()


def test_who_is_hung_up_without_having_talked_is_lost() -> None:
    assert story(*ONE_AFTER_THE_OTHER, caller("c", 0.2)).lost() == 1


def test_who_joined_earlier_and_was_presented_later_is_overtaken() -> None:
    def told(earlier: float, later: float, number: str = "70") -> Story:
        first, second = caller("a", 0.0, "b1", earlier + 0.03), caller("b", 0.5, "b2", later + 0.03, number)
        return story(first, second, leg("x", 1, earlier, earlier + 1, "b1"), leg("y", 2, later, later + 1, "b2"))

    assert told(1.0, 2.0).overtaken(0.0) == 0
    assert told(2.0, 1.0).overtaken(0.0) == 1
    assert told(1.01, 1.0).overtaken(0.02) == 0, "at once"
    assert told(2.0, 1.0, "71").overtaken(0.0) == 0, "another line"


def test_an_agent_who_is_rung_while_talking_is_booked_twice() -> None:
    told = story(
        caller("a", 0.0, "b1", 0.03),
        caller("b", 0.1, "b2", 0.6),
        leg("x", 1, 0.0, 1.0, "b1"),
        leg("x", 2, 0.5, 2.0, "b2"),
    )
    assert told.double_bookings() == 1
    assert not told.freed(), "it was never free"


def test_our_share_is_what_the_wire_shows() -> None:
    freed = story(*ONE_AFTER_THE_OTHER).freed()
    before, after = "agentx-1", "agentx-2"
    seen = [(1.001, "hangup", before), (1.005, "originate", after), (1.031, "answered", after), (1.034, "mix", after)]
    assert ours_ms(freed, iter(seen)) == [pytest.approx(7.0)]


def test_quantiles_of_a_command_lie_within_its_buckets() -> None:
    def bucket(command: str, outcome: str, bound: str) -> str:
        return (
            f'skill_router_bridge_router_command_seconds_bucket{{command="{command}",le="{bound}",outcome="{outcome}"}}'
        )

    counts = {"0.001": 0.0, "0.002": 50.0, "0.005": 100.0, "+Inf": 100.0}
    metrics = {bucket("Accept", "Applied", bound): count for bound, count in counts.items()}
    metrics |= {bucket("Accept", "Refused", bound): 7.0 for bound in counts} | {"another": 1.0}
    assert command_ms(metrics, "Accept", (0.25, 0.5, 0.75)) == [pytest.approx(v) for v in (1.5, 2.0, 3.5)]
