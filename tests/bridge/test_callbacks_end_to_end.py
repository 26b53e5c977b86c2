"""Callbacks from Asterisk through the bridge to the router and back, over HTTP, WebSocket and gRPC."""

from __future__ import annotations

from typing import Any

from router.bridge.asterisk.floor_settings import CALLBACK, Callbacks
from router.engine import Availability, CallState
from tests.bridge.live import ANSWERS, Centre, centre
from tests.bridge.pbx_parts import Channel, Does, Phone

CUSTOMER = "5551"
SETTINGS: dict[str, Any] = {
    "keys": {"1": CALLBACK},
    "callbacks": Callbacks("PJSIP/{number}", lambda arrival: CUSTOMER, bool, tries=2, pause_us=1_000_000),
}


async def promised(whole: Centre) -> Channel:
    """Let a caller press the key; return the channel, which is hung up."""
    caller = whole.calls()
    await whole.waiting(caller)
    whole.pbx.world.press(caller, "1")
    await whole.until(lambda: caller.is_gone, "the caller is hung up")
    view = await whole.client.call(whole.name_of(caller))
    assert (view.state, view.callback) == (CallState.WAITING, True)
    return caller


async def called_back(whole: Centre) -> Channel:
    """Wait until the customer talks with Ada; return the line."""
    await whole.until(
        lambda: (line := whole.pbx.leg_of(f"PJSIP/{CUSTOMER}")) is not None and whole.talk(line, "ada"),
        "the customer and ada talk",
    )
    line = whole.pbx.leg_of(f"PJSIP/{CUSTOMER}")
    assert line is not None
    return line


async def test_a_customer_is_called_back() -> None:
    async with centre(**SETTINGS) as whole:
        caller = await promised(whole)
        whole.phone(CUSTOMER, ANSWERS)
        await whole.signs_in("ada")
        line = await called_back(whole)
        await whole.call_is(caller, CallState.ASSIGNED)
        whole.pbx.world.phone_hangs_up(line)
        await whole.call_is(caller, CallState.COMPLETED)
        await whole.until(lambda: whole.pbx.leg_of("PJSIP/ada") is None, "ada's leg is gone")
        await whole.at_rest()


async def test_a_customer_who_is_busy_is_called_once_more() -> None:
    async with centre(**SETTINGS) as whole:
        caller = await promised(whole)
        whole.phone(CUSTOMER, Phone(Does.REFUSES, cause=17))
        await whole.signs_in("ada")
        await whole.until(
            lambda: any("-back-" in one for one in whole.pbx.world.all_channels), "the customer is called"
        )
        await whole.call_is(caller, CallState.WAITING)
        await whole.agent_is("ada", Availability.READY, engaged=False)
        whole.phone(CUSTOMER, ANSWERS)
        line = await called_back(whole)
        whole.pbx.world.phone_hangs_up(line)
        await whole.call_is(caller, CallState.COMPLETED)
        await whole.at_rest()


async def test_a_bridge_that_is_killed_keeps_the_promise() -> None:
    async with centre(**SETTINGS) as whole:
        caller = await promised(whole)
        whole.phone(CUSTOMER, ANSWERS)
        await whole.signs_in("ada", Phone(Does.RINGS))
        await whole.kill_bridge()
        whole.phone("ada", ANSWERS)
        await whole.start_bridge()
        line = await called_back(whole)
        await whole.kill_bridge()
        await whole.start_bridge()
        await whole.call_is(caller, CallState.ASSIGNED)
        assert whole.talk(line, "ada"), "they talk on"
        whole.pbx.world.phone_hangs_up(line)
        await whole.call_is(caller, CallState.COMPLETED)
        await whole.at_rest()
