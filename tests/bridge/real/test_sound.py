"""What is heard: music, announcements, holding, and where a caller goes after the agent."""

from __future__ import annotations

import asyncio
from pathlib import Path

from router.engine import CallState
from tests.bridge.real.asterisk import RealAsterisk
from tests.bridge.real.site import BRIDGE, site
from tests.bridge.real.telephone import answers

ANNOUNCED = '\n[announcements]\nmode = "{}"\nfirst = "1s"\nevery = "5s"\n'


async def test_position_is_said_between_music(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, BRIDGE + ANNOUNCED.format("digits")) as whole:
        first = await whole.call("500")
        second = await whole.call("500", "customer2")
        await whole.until(lambda: "digits/2" in pbx.log, "the second one is told so", 15)
        assert "queue-youarenext" in pbx.log
        await asyncio.sleep(6)  # it is said, and the music has begun anew
        for caller in (first, second):
            caller.sound.forget()
            await whole.until(lambda caller=caller: caller.hears_music, "music")  # type: ignore[misc]
        await whole.sign_in("ada", answers())
        await whole.talk(first, await whole.rings("ada"))
        first.hang_up()
        second.hang_up()
        await whole.at_rest()


async def test_an_agent_answers_while_something_is_said(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, BRIDGE + ANNOUNCED.format("digits")) as whole:
        before = pbx.log.count("queue-youarenext")
        customer = await whole.call("500")
        await whole.until(lambda: pbx.log.count("queue-youarenext") > before, "it is said", 15)
        await whole.sign_in("ada", answers())
        await whole.talk(customer, await whole.rings("ada"))
        customer.hang_up()
        await whole.at_rest()


async def test_position_is_a_variable(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, BRIDGE + ANNOUNCED.format("text")) as whole:
        customer = await whole.call("500")
        channel = await whole.channel_of(customer)
        async with asyncio.timeout(10):
            while True:
                found = await whole.ari(f"/channels/{channel}/variable?variable=SKILL_ROUTER_POSITION")
                if found.get("value") == "1":
                    break
                await asyncio.sleep(0.05)
        assert customer.hears_music
        customer.hang_up()
        await whole.at_rest()


async def test_an_agent_holds_and_goes_on(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, BRIDGE) as whole:
        customer, talking = await whole.talks("ada")
        talking.hold()
        customer.sound.forget()
        await whole.until(lambda: customer.hears_music, "the customer hears music")
        await whole.call_is(customer, CallState.ASSIGNED)
        talking.hold(on=False)
        await asyncio.sleep(0.3)
        for call in (customer, talking):
            call.sound.forget()
        await whole.talk(customer, talking)
        customer.hang_up()
        await whole.at_rest()


async def test_after_the_agent_the_caller_goes_on_in_the_dialplan(pbx: RealAsterisk, tmp_path: Path) -> None:
    text = BRIDGE.replace("[calls]", '[calls]\nafter_agent = "phones,600,1"')
    async with site(pbx, tmp_path, text) as whole:
        await whole.sign_in("ada", answers())
        customer = await whole.call("500")
        talking = await whole.rings("ada")
        name = f"asterisk-{await whole.channel_of(customer)}"
        await whole.talk(customer, talking)
        talking.hang_up()
        await whole.call_is(name, CallState.COMPLETED)
        await asyncio.sleep(0.3)
        assert not customer.is_over, "a survey, perhaps"
        customer.hang_up()
        await whole.at_rest()


async def test_an_agent_behind_the_dialplan(pbx: RealAsterisk, tmp_path: Path) -> None:
    """An endpoint may be Local: the dialplan rings whom it likes."""
    text = BRIDGE.replace('endpoint = "PJSIP/cleo"', 'endpoint = "Local/610@phones"')
    async with site(pbx, tmp_path, text) as whole:
        cleo = await whole.phone("cleo")
        cleo.when_rung = answers(0.1)
        await whole.sign_in_by_name("cleo")
        customer = await whole.call("500")
        await whole.talk(customer, await whole.rings("cleo"))
        customer.hang_up()
        await whole.at_rest()
        cleo.when_rung = lambda call: call.ring()
        customer = await whole.call("500")
        ringing = await whole.rings("cleo")
        await whole.until(lambda: ringing.is_over, "it rings no more")
        await whole.call_is(customer, CallState.WAITING)
        customer.hang_up()
        await whole.at_rest()
