"""Callbacks on a real Asterisk: a customer presses a key, hangs up, and is called when an agent has the call."""

from __future__ import annotations

import asyncio
from pathlib import Path

from router.engine import Availability, CallState
from tests.bridge.real.asterisk import RealAsterisk
from tests.bridge.real.site import BRIDGE, Site, site
from tests.bridge.real.telephone import Call, answers, refuses

CALLBACKS = (
    BRIDGE.replace("[calls]", '[calls]\nkeys = { 1 = "callback" }')
    + """
callback_agreed = "sound:beep"
callback_unreached = "sound:beep"

[callbacks]
endpoint = "Local/{number}@phones/n"
numbers = ["*"]
caller_id = '"Loans" <500>'
ring = "3s"
tries = 2
pause = "1s"
"""
)


async def promised(whole: Site) -> str:
    """Let the customer call and press the key; return the call."""
    customer = await whole.call()
    name = f"asterisk-{await whole.channel_of(customer)}"
    await whole.call_is(name, CallState.WAITING)
    await whole.until(lambda: customer.hears_music, "the caller hears music")
    customer.dial("1")
    await whole.until(lambda: customer.is_over, "the caller is hung up")
    assert not customer.ended_by_us
    view = await whole.client.call(name)
    assert view.callback
    assert view.attributes["callback_number"] == "0171555123"
    assert view.state is CallState.WAITING
    return name


async def rung(whole: Site, number: int) -> Call:
    """Wait until the customer's telephone is rung for the `number`-th time."""
    phone = await whole.phone("customer")
    await whole.until(lambda: len(phone.rung) >= number, f"the customer is called for the {number}. time")
    return phone.rung[number - 1]


async def test_the_customer_is_called_back(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, CALLBACKS) as whole:
        name = await promised(whole)
        (await whole.phone("customer")).when_rung = lambda call: call.ring()
        await whole.sign_in("ada", answers())
        agent = await whole.rings("ada")
        customer = await rung(whole, 1)
        agent.sound.forget()
        await whole.until(lambda: agent.hears_music, "the agent hears it ring")
        customer.answer()
        await whole.talk(customer, agent)
        await whole.call_is(name, CallState.ASSIGNED)
        customer.hang_up()
        await whole.until(lambda: agent.is_over, "the agent is hung up, too")
        await whole.call_is(name, CallState.COMPLETED)
        await whole.at_rest()


async def test_a_customer_who_does_not_answer_is_called_once_more(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, CALLBACKS) as whole:
        name = await promised(whole)
        (await whole.phone("customer")).when_rung = refuses(486)
        await whole.sign_in("ada", answers())
        first = await whole.rings("ada")
        await rung(whole, 1)
        await whole.until(lambda: first.is_over, "the agent is free")
        await whole.agent_is("ada", Availability.READY)
        customer = await whole.phone("customer")
        customer.when_rung = lambda call: call.ring()
        agent = await whole.rings("ada")
        again = await rung(whole, 2)
        await whole.until(lambda: again.is_over, "nobody answers", 8)
        await whole.call_is(name, CallState.COMPLETED)
        await whole.until(lambda: agent.is_over, "the agent is free")
        await whole.at_rest()


async def test_an_agent_who_gives_up_ends_the_ringing(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, CALLBACKS) as whole:
        name = await promised(whole)
        (await whole.phone("customer")).when_rung = lambda call: call.ring()
        ada = await whole.sign_in("ada", answers())
        agent = await whole.rings("ada")
        customer = await rung(whole, 1)
        ada.when_rung = refuses(603)
        agent.hang_up()
        await whole.until(lambda: customer.is_over, "nobody is called any more")
        await whole.call_is(name, CallState.WAITING)


async def test_a_bridge_that_is_killed_keeps_its_promise(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, CALLBACKS) as whole:
        name = await promised(whole)
        whole.bridge.kill()
        whole.bridge.begin()
        await asyncio.to_thread(whole.bridge.await_ready)
        await whole.call_is(name, CallState.WAITING)
        (await whole.phone("customer")).when_rung = answers()
        await whole.sign_in("ada", answers())
        agent = await whole.rings("ada")
        customer = await rung(whole, 1)
        await whole.talk(customer, agent)
        whole.bridge.kill()
        whole.bridge.begin()
        await asyncio.to_thread(whole.bridge.await_ready)
        await whole.talk(customer, agent)
        agent.hang_up()
        await whole.until(lambda: customer.is_over, "as ever when the agent hangs up")
        await whole.call_is(name, CallState.COMPLETED)
        await whole.at_rest()
