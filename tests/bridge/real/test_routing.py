"""What the router decides, on the telephones: transfers, assignments, overflow, refusals; and what agents dial."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from router.client import RouterError
from router.engine import Assign, Availability, CallState
from tests.bridge.real.asterisk import RealAsterisk
from tests.bridge.real.site import BRIDGE, ROUTER, Site, site
from tests.bridge.real.telephone import Call, answers

READY, NOT_READY, SIGNED_OUT = Availability.READY, Availability.NOT_READY, Availability.SIGNED_OUT


def rings(call: Call) -> None:
    call.ring()


async def goes_on_in_the_dialplan(whole: Site, customer: Call) -> None:
    """See that the caller hears what follows the Stasis line, and is hung up by the dialplan."""
    await whole.until(lambda: customer.is_over, "the dialplan has hung up", 15)
    assert customer.sound.packets > 50, "an announcement was heard"
    assert not customer.ended_by_us
    log = whole.pbx.log
    assert 'NoOp("PJSIP/customer' in log[log.rindex("Executing [s@after-router:1]") :]
    await whole.at_rest()


@pytest.mark.parametrize("way", ["rfc4733", "info"])
async def test_an_agent_sends_a_caller_on_by_digits(pbx: RealAsterisk, tmp_path: Path, way: str) -> None:
    async with site(pbx, tmp_path, BRIDGE) as whole:
        await whole.sign_in("ada", answers())
        await whole.sign_in("ben", rings)
        customer = await whole.call("500")
        name = f"asterisk-{await whole.channel_of(customer)}"
        talking = await whole.rings("ada")
        await whole.talk(customer, talking)
        if way == "info":
            talking.dial_by_info("*22#")
        else:
            talking.dial("*22#")
        await whole.until(lambda: talking.is_over, "the agent is free")
        ringing = await whole.rings("ben")
        assert (await whole.client.call(name)).queue == "cards"
        customer.sound.forget()
        await whole.until(lambda: customer.hears_music, "the caller hears music again")
        ringing.answer()
        await whole.talk(customer, ringing)
        ringing.hang_up()
        await whole.until(lambda: customer.is_over, "it is over")
        await whole.at_rest()


async def test_a_supervisor_assigns(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, BRIDGE) as whole:
        await whole.sign_in("ben", answers())  # who knows nothing of loans
        customer = await whole.call("500")
        name = f"asterisk-{await whole.channel_of(customer)}"
        await whole.call_is(name, CallState.WAITING)
        await whole.client.apply(Assign(name, "ben"))
        talking = await whole.rings("ben")
        await whole.talk(customer, talking)
        customer.hang_up()
        await whole.at_rest()


async def test_an_assigned_call_that_is_not_answered_waits_again(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, BRIDGE.replace('assigned_ring = "4s"', 'assigned_ring = "1s"')) as whole:
        await whole.sign_in("ben", rings)
        customer = await whole.call("500")
        name = f"asterisk-{await whole.channel_of(customer)}"
        await whole.call_is(name, CallState.WAITING)
        await whole.client.apply(Assign(name, "ben"))
        ringing = await whole.rings("ben")
        await whole.until(lambda: ringing.is_over, "it rings no more")
        await whole.call_is(name, CallState.WAITING)
        await whole.agent_is("ben", NOT_READY)
        customer.sound.forget()
        await whole.until(lambda: customer.hears_music, "the caller hears music")
        await whole.sign_in("ada", answers())
        await whole.talk(customer, await whole.rings("ada"))
        customer.hang_up()
        await whole.at_rest()


async def test_an_automatic_queue(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, BRIDGE) as whole:
        customer, talking = await whole.talks("cleo", "505")
        talking.hang_up()
        await whole.until(lambda: customer.is_over, "it is over")
        await whole.at_rest()


async def test_overflow_to_another_queue(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, BRIDGE) as whole:
        await whole.sign_in("ada", answers())
        customer = await whole.call("503")
        await whole.talk(customer, await whole.rings("ada"))
        assert (await whole.call_is(customer, CallState.ASSIGNED)).queue == "loans"
        customer.hang_up()
        await whole.at_rest()


@pytest.mark.parametrize("number", ["502", "504", "509"], ids=["full", "waited too long", "unknown queue"])
async def test_whom_the_router_refuses_goes_on_in_the_dialplan(pbx: RealAsterisk, tmp_path: Path, number: str) -> None:
    async with site(pbx, tmp_path, BRIDGE) as whole:
        customer = await whole.call(number)
        await goes_on_in_the_dialplan(whole, customer)


async def test_callers_come_while_there_is_no_bridge(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, BRIDGE) as whole:
        whole.bridge.end()
        await asyncio.sleep(0.1)
        customer = await whole.call("500")
        await whole.until(lambda: customer.is_over, "the dialplan has hung up", 15)
        log = whole.pbx.log
        assert "Stasis ended: FAILED" in log[log.rindex("Executing [500@phones:1]") :]
        whole.bridge.start()
        await whole.at_rest()


async def test_feature_codes(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, BRIDGE) as whole:
        ada = await whole.sign_in("ada", answers())
        for code, availability in (("*14", NOT_READY), ("*13", READY), ("*12", SIGNED_OUT), ("*11", READY)):
            call = await ada.call(code)
            await whole.agent_is("ada", availability)
            await whole.until(lambda call=call: call.is_over, f"{code} is over")
            assert call.sound.packets > 0
        await whole.at_rest()
        # somebody who is no agent
        stranger = await (await whole.phone("customer")).call("*11")
        await whole.until(lambda: stranger.is_over, "the stranger is hung up")
        with pytest.raises(RouterError):
            await whole.client.agent("customer")
        await whole.at_rest()


async def test_paperwork_is_ended_by_a_code(pbx: RealAsterisk, tmp_path: Path) -> None:
    router = ROUTER.replace("[queues.loans]", '[queues.loans]\nwrap_up = { mode = "manual", duration = "1m" }')
    async with site(pbx, tmp_path, BRIDGE, router) as whole:
        ada = await whole.sign_in("ada", answers())
        customer = await whole.call()
        talking = await whole.rings("ada")
        await whole.talk(customer, talking)
        customer.hang_up()
        await whole.until(lambda: talking.is_over, "it is over")
        await whole.agent_is("ada", READY, engaged=True)
        done = await ada.call("*15")
        await whole.agent_is("ada", READY, engaged=False)
        await whole.until(lambda: done.is_over, "it is over")
        await whole.at_rest()


async def test_an_agent_dials_a_code_while_the_own_telephone_is_rung(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, BRIDGE) as whole:
        ada = await whole.sign_in("ada", rings)
        customer = await whole.call()
        ringing = await whole.rings("ada")
        call = await ada.call("*14")
        await whole.agent_is("ada", NOT_READY)
        await whole.until(lambda: ringing.is_over and call.is_over, "it rings no more")
        await whole.call_is(customer, CallState.WAITING)
        customer.hang_up()
        await whole.at_rest()


async def test_the_state_of_a_telephone(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, BRIDGE) as whole:
        eve = await whole.sign_in("eve", answers())
        private = await eve.call("600")
        await whole.agent_is("eve", NOT_READY)
        private.hang_up()
        await whole.agent_is("eve", READY)
        # the bridge's own call is no other call
        customer = await whole.call("506")
        talking = await whole.rings("eve")
        await whole.talk(customer, talking)
        await asyncio.sleep(1.5)
        await whole.agent_is("eve", READY, engaged=True)
        talking.hang_up()
        await whole.until(lambda: customer.is_over, "it is over")
        await whole.at_rest()
        await asyncio.sleep(1.5)
        await whole.agent_is("eve", READY, engaged=False)
        # out of reach, and back
        await eve.register(expires_s=0)
        await whole.agent_is("eve", NOT_READY)
        await eve.register()
        await whole.agent_is("eve", READY)
