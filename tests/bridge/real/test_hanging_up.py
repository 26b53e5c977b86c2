"""Who hangs up, and when: nobody is left alone, nobody rings for nobody, and both sides agree."""

from __future__ import annotations

import asyncio
from pathlib import Path

from router.engine import Availability, CallState, SignIn, SignOut
from tests.bridge.real.asterisk import RealAsterisk
from tests.bridge.real.site import BRIDGE, Site, site
from tests.bridge.real.telephone import Call, Telephone, answers, refuses

READY = Availability.READY


def rings(call: Call) -> None:
    call.ring()


async def test_the_caller_while_waiting(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, BRIDGE) as whole:
        customer = await whole.call()
        name = f"asterisk-{await whole.channel_of(customer)}"
        await whole.call_is(name, CallState.WAITING)
        customer.hang_up()
        await whole.call_is(name, CallState.ABANDONED)
        await whole.at_rest()


async def test_the_caller_while_an_agent_rings(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, BRIDGE) as whole:
        await whole.sign_in("ada", rings)
        customer = await whole.call()
        ringing = await whole.rings("ada")
        name = f"asterisk-{await whole.channel_of(customer)}"
        customer.hang_up()
        await whole.until(lambda: ringing.is_over, "it rings no more")
        await whole.call_is(name, CallState.ABANDONED)
        await whole.agent_is("ada", READY, engaged=False)
        await whole.at_rest()


async def test_the_caller_in_the_instant_of_the_answer(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, BRIDGE) as whole:
        ada = await whole.sign_in("ada", rings)
        for after_ms in (*range(-10, 20), *range(-10, 20)):
            customer = await whole.call()
            name = f"asterisk-{await whole.channel_of(customer)}"
            ringing = await whole.rings("ada")
            first, second = (customer.hang_up, ringing.answer) if after_ms < 0 else (ringing.answer, customer.hang_up)
            first()
            await asyncio.sleep(abs(after_ms) / 1000)
            second()
            await whole.until(lambda: not ada.calls, f"the agent is not left alone ({after_ms} ms)")
            await whole.call_is(name, CallState.ABANDONED, CallState.COMPLETED)
            await whole.agent_is("ada", READY, engaged=False)
            await whole.at_rest()


async def test_the_agent(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, BRIDGE) as whole:
        customer, talking = await whole.talks("ada")
        talking.hang_up()
        await whole.until(lambda: customer.is_over, "the caller is hung up, too")
        await whole.agent_is("ada", READY, engaged=False)
        await whole.at_rest()


async def test_the_agent_in_the_instant_of_the_answer(pbx: RealAsterisk, tmp_path: Path) -> None:
    """Whoever was connected is hung up; whoever was not waits on, with music, and is served by the next agent."""
    async with site(pbx, tmp_path, BRIDGE) as whole:
        ada = await whole.sign_in("ada", rings)
        (await whole.phone("cleo")).when_rung = answers()
        ends = [await hangs_up_at_once(whole, ada, after_ms) for after_ms in (*range(20), *range(20))]
        for after_ms in (40, 80, 160, 320, 640):
            if True in ends:  # later, on a machine that has much to do
                break
            ends.append(await hangs_up_at_once(whole, ada, after_ms))
        assert {True, False} == set(ends), "both happen"


async def hangs_up_at_once(whole: Site, ada: Telephone, after_ms: int) -> bool:
    """Let an agent answer and hang up; return whether the caller was connected."""
    customer = await whole.call()
    name = f"asterisk-{await whole.channel_of(customer)}"
    ringing = await whole.rings("ada")
    ringing.answer()
    await asyncio.sleep(after_ms / 1000)
    ada.when_rung = refuses(603)  # nobody else is there
    ringing.hang_up()
    connected = (await whole.call_is(name, CallState.COMPLETED, CallState.WAITING)).state is CallState.COMPLETED
    if connected:
        await whole.until(lambda: customer.is_over, "the customer is hung up")
    else:
        await whole.client.apply(SignOut("ada"))
        customer.sound.forget()
        await whole.until(lambda: customer.hears_music, "the customer hears music")
        await whole.client.apply(SignIn("cleo", {"loans": 8}))
        served = await whole.rings("cleo")
        await whole.talk(customer, served)
        customer.hang_up()
        await whole.at_rest()
        await whole.client.apply(SignOut("cleo"))
        await whole.client.apply(SignIn("ada", {"loans": 8}))
    await whole.at_rest()
    ada.when_rung = rings
    return connected


async def test_both_at_once(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, BRIDGE) as whole:
        await whole.sign_in("ada", answers())
        for _ in range(5):
            customer = await whole.call()
            talking = await whole.rings("ada")
            await whole.talk(customer, talking)
            customer.hang_up()
            talking.hang_up()
            await whole.at_rest()
            await whole.agent_is("ada", READY, engaged=False)


async def test_a_caller_who_is_let_ring_hears_no_answer_until_the_agent_gives_it(
    pbx: RealAsterisk, tmp_path: Path
) -> None:
    async with site(pbx, tmp_path, BRIDGE.replace("[calls]", "[calls]\nanswer = false")) as whole:
        await whole.sign_in("ada", rings)
        phone = await whole.phone("customer")
        customer = await phone.call("500")
        ringing = await whole.rings("ada")
        assert not customer.is_up
        await whole.until(lambda: customer.state.value == "ringing", "the caller hears ringing")
        ringing.answer()
        await whole.talk(customer, ringing)
        customer.hang_up()
        await whole.at_rest()
        # and one who gives up before
        ada_again = len(whole.phones["ada"].rung)
        customer = await phone.call("500")
        await whole.until(lambda: len(whole.phones["ada"].rung) > ada_again, "ada is rung again")
        customer.hang_up()
        await whole.until(lambda: customer.is_over and whole.phones["ada"].rung[-1].is_over, "both are over")
        assert customer.status == 487
        await whole.at_rest()
