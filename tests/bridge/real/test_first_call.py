"""docs/asterisk.md, "Ten minutes to the first call": the example files as they are, and what is said to happen."""

from __future__ import annotations

from pathlib import Path

from router.engine import Availability, CallState
from tests.bridge.real.asterisk import EXAMPLES, RealAsterisk
from tests.bridge.real.site import site
from tests.bridge.real.telephone import answers


async def test_the_first_call_is_as_documented(pbx: RealAsterisk, tmp_path: Path) -> None:
    assert "router" in pbx.ask("ari show users")
    router = (EXAMPLES / "router.toml").read_text().replace('metrics_listen = "127.0.0.1:9464"', "")
    async with site(pbx, tmp_path, router=router) as whole:
        assert "connected to Asterisk" in whole.bridge.log
        assert "linked to the router" in whole.bridge.log
        ada = await whole.phone("ada")
        ada.when_rung = lambda call: call.ring()
        signing_in = await ada.call("*11")
        await whole.agent_is("ada", Availability.READY)
        await whole.until(lambda: signing_in.is_over, "agent logged in, and hung up")
        assert signing_in.sound.packets > 20, "a sound was played"
        customer = await whole.call("500")
        await whole.until(lambda: customer.hears_music, "the customer hears music")
        ringing = await whole.rings("ada")
        assert ringing.caller == "0171555123"
        ringing.answer()
        await whole.talk(customer, ringing)
        assert (await whole.call_is(customer, CallState.ASSIGNED)).agent == "ada"
        ringing.hang_up()
        await whole.until(lambda: customer.is_over, "the customer is hung up, too")
        view = await whole.agent_is("ada", Availability.READY)
        assert view.engagements, "the paperwork: ten seconds"
        await whole.agent_is("ada", Availability.READY, engaged=False, time_limit_s=15)
        await whole.at_rest()


async def test_the_second_caller_hears_music_and_gets_the_agent_when_she_is_ready(
    pbx: RealAsterisk, tmp_path: Path
) -> None:
    router = (EXAMPLES / "router.toml").read_text().replace('metrics_listen = "127.0.0.1:9464"', "")
    async with site(pbx, tmp_path, router=router) as whole:
        await whole.sign_in("ada", answers())
        first = await whole.call("500")
        ringing = await whole.rings("ada")
        await whole.talk(first, ringing)
        second = await whole.call("500", "customer2")
        await whole.until(lambda: second.hears_music, "the second one hears music")
        first.hang_up()
        await whole.until(lambda: ringing.is_over, "the agent is hung up, too")
        again = await whole.rings("ada", time_limit_s=15)
        await whole.talk(second, again)
        second.hang_up()
        await whole.until(lambda: again.is_over, "that is over, too")
