"""Keys that callers press while they wait, on their telephones, on a real Asterisk."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.engine import Availability, CallState
from tests.bridge.real.asterisk import RealAsterisk
from tests.bridge.real.site import BRIDGE, site
from tests.bridge.real.telephone import answers

KEYS = BRIDGE.replace("[calls]", '[calls]\nkeys = { 1 = "phones,600,1", 9 = "hangup" }')


@pytest.mark.parametrize("way", ["rfc4733", "info"])
async def test_a_caller_leaves_the_queue_by_a_key(pbx: RealAsterisk, tmp_path: Path, way: str) -> None:
    async with site(pbx, tmp_path, KEYS) as whole:
        customer = await whole.call()
        channel = await whole.channel_of(customer)
        name = f"asterisk-{channel}"
        await whole.call_is(name, CallState.WAITING)
        await whole.until(lambda: customer.hears_music, "the caller hears music")
        press = customer.dial_by_info if way == "info" else customer.dial
        press("5")
        press("1")
        await whole.call_is(name, CallState.ABANDONED)
        await whole.until(lambda: "Executing [600@phones:1]" in whole.pbx.log, "the caller goes on in the dialplan")
        assert (await whole.ari(f"/channels/{channel}"))["dialplan"]["exten"] == "600"
        assert not customer.is_over
        customer.hang_up()
        await whole.at_rest()


async def test_a_key_while_an_agent_is_rung_and_none_while_they_talk(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, KEYS) as whole:
        ada = await whole.sign_in("ada", lambda call: call.ring())
        customer = await whole.call()
        name = f"asterisk-{await whole.channel_of(customer)}"
        ringing = await whole.rings("ada")
        customer.dial("9")
        await whole.until(lambda: customer.is_over and ringing.is_over, "the caller is hung up, and nobody is rung")
        await whole.call_is(name, CallState.ABANDONED)
        await whole.agent_is("ada", Availability.READY, engaged=False)
        ada.when_rung = answers()
        customer = await whole.call()
        talking = await whole.rings("ada")
        await whole.talk(customer, talking)
        customer.dial("9")
        customer.dial_by_info("1")
        talking.sound.forget()
        await whole.talk(customer, talking)
        talking.hang_up()
        await whole.until(lambda: customer.is_over, "as ever when the agent hangs up")
        await whole.at_rest()
