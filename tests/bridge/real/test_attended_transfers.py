"""Transfers by the agent's telephone after it has asked somebody (REFER with Replaces), and transfers that fail."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from router.engine import Availability, CallState
from tests.bridge.real.asterisk import RealAsterisk
from tests.bridge.real.site import BRIDGE, Site, site
from tests.bridge.real.telephone import Call, answers, refuses

READY, WAITING, ASSIGNED, COMPLETED = (
    Availability.READY, CallState.WAITING, CallState.ASSIGNED, CallState.COMPLETED,
)  # fmt: skip


def rings(call: Call) -> None:
    call.ring()


async def talk_with_ada(whole: Site) -> tuple[Call, Call, str]:
    """Return both sides of a talk with ada, and the call's name."""
    customer, talking = await whole.talks("ada")
    return customer, talking, f"asterisk-{await whole.channel_of(customer)}"


async def ask(whole: Site, talking: Call, number: str) -> Call:
    """Let ada put the customer on hold, and call somebody."""
    talking.hold()
    return await talking.phone.call(number)


def transfer(whole: Site, talking: Call, asking: Call, number: str) -> None:
    talking.refer(f"sip:{number}@127.0.0.1:{whole.pbx.sip_port}", instead_of=asking)


async def is_done(whole: Site, talking: Call, asking: Call) -> None:
    """Wait until both of ada's calls are over; telephones hang up what they have transferred."""
    await whole.until(lambda: talking.transfer[-1:] == [200], lambda: f"the transfer is done: {talking.transfer}")
    talking.hang_up()
    await whole.until(lambda: asking.is_over, "the second call is over as well")
    await whole.agent_is("ada", READY, engaged=False)


async def test_to_a_colleague_who_was_asked(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, BRIDGE) as whole:
        customer, talking, name = await talk_with_ada(whole)
        (await whole.phone("cleo")).when_rung = answers()
        asking = await ask(whole, talking, "204")
        colleague = await whole.rings("cleo")
        await whole.talk(asking, colleague)
        transfer(whole, talking, asking, "204")
        await whole.talk(customer, colleague)
        await whole.call_is(name, COMPLETED)
        await is_done(whole, talking, asking)
        colleague.hang_up()
        await whole.until(lambda: customer.is_over, "the caller is not left alone")
        await whole.at_rest()


@pytest.mark.parametrize("answered", [True, False])
async def test_to_a_colleague_who_has_not_answered_yet(pbx: RealAsterisk, tmp_path: Path, answered: bool) -> None:
    async with site(pbx, tmp_path, BRIDGE) as whole:
        customer, talking, name = await talk_with_ada(whole)
        (await whole.phone("cleo")).when_rung = rings
        asking = await ask(whole, talking, "205")
        colleague = await whole.rings("cleo")
        await whole.until(lambda: asking.state.value == "ringing", "ada hears ringing")
        transfer(whole, talking, asking, "205")
        await is_done(whole, talking, asking)
        await whole.call_is(name, COMPLETED)
        if answered:
            colleague.answer()
            await whole.talk(customer, colleague)
            customer.hang_up()
            await whole.until(lambda: colleague.is_over, "the colleague is not left alone")
        else:
            colleague.refuse(486)
            await whole.until(lambda: customer.is_over, "as if the agent had hung up")
        await whole.at_rest()


@pytest.mark.parametrize("restarted", [False, True])
async def test_to_an_agent_of_another_queue_who_was_asked(pbx: RealAsterisk, tmp_path: Path, restarted: bool) -> None:
    async with site(pbx, tmp_path, BRIDGE) as whole:
        customer, talking, name = await talk_with_ada(whole)
        await whole.sign_in("cleo", answers())
        asking = await ask(whole, talking, "505")
        second = f"asterisk-{await channel_of_second(whole, 'ada')}"
        expert = await whole.rings("cleo")
        await whole.talk(asking, expert)
        transfer(whole, talking, asking, "505")
        await whole.talk(customer, expert)
        await whole.call_is(name, COMPLETED)
        await is_done(whole, talking, asking)
        if restarted:
            whole.bridge.kill()
            await asyncio.to_thread(whole.bridge.start)
            await whole.talk(customer, expert)
        view = await whole.call_is(second, ASSIGNED)
        assert view.agent == "cleo", "she has the call by which she was asked"
        assert (await whole.client.agent("cleo")).engagements
        expert.hang_up()
        await whole.until(lambda: customer.is_over, "the caller is not left alone")
        await whole.call_is(second, COMPLETED)
        await whole.at_rest()


@pytest.mark.parametrize("restarted", [False, True])
async def test_to_another_queue_where_nobody_has_answered_yet(
    pbx: RealAsterisk, tmp_path: Path, restarted: bool
) -> None:
    async with site(pbx, tmp_path, BRIDGE) as whole:
        customer, talking, _ = await talk_with_ada(whole)
        asking = await ask(whole, talking, "505")
        second = f"asterisk-{await channel_of_second(whole, 'ada')}"
        await whole.until(lambda: asking.hears_music, "ada waits")
        transfer(whole, talking, asking, "505")
        await is_done(whole, talking, asking)
        if restarted:
            whole.bridge.kill()
            await asyncio.to_thread(whole.bridge.start)
        customer.sound.forget()
        await whole.until(lambda: customer.hears_music, "the caller waits instead")
        await whole.call_is(second, WAITING)
        await whole.sign_in("cleo", answers())
        expert = await whole.rings("cleo")
        await whole.talk(customer, expert)
        await whole.call_is(second, ASSIGNED)
        customer.hang_up()
        await whole.until(lambda: expert.is_over, "the agent is not left alone")
        await whole.call_is(second, COMPLETED)
        await whole.at_rest()


async def channel_of_second(whole: Site, user: str) -> str:
    """Return the id of the channel by which a telephone calls."""

    async def calling() -> list[str]:
        channels = await whole.ari("/channels")
        return [c["id"] for c in channels if c["name"].startswith(f"PJSIP/{user}-") and not c["id"].endswith("-leg")]

    while not (found := await calling()):
        await asyncio.sleep(0.01)
    assert len(found) == 1
    return found[0]


async def test_the_callers_telephone_transfers_the_agent(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, BRIDGE) as whole:
        customer, talking, name = await talk_with_ada(whole)
        (await whole.phone("cleo")).when_rung = answers()
        customer.refer(f"sip:204@127.0.0.1:{pbx.sip_port}")
        other = await whole.rings("cleo")
        await whole.talk(other, talking)
        customer.hang_up()
        assert (await whole.client.call(name)).state is ASSIGNED, "the call goes on with somebody else as the caller"
        talking.hang_up()
        await whole.until(lambda: other.is_over, "whoever was put through is not left alone")
        await whole.call_is(name, COMPLETED)
        await whole.at_rest()


@pytest.mark.parametrize("asked", [False, True])
async def test_a_transfer_that_asterisk_refuses_changes_nothing(pbx: RealAsterisk, tmp_path: Path, asked: bool) -> None:
    """To a number that is not there, and to a colleague who has hung up meanwhile."""
    async with site(pbx, tmp_path, BRIDGE) as whole:
        customer, talking, name = await talk_with_ada(whole)
        if asked:
            (await whole.phone("cleo")).when_rung = answers()
            asking = await ask(whole, talking, "204")
            colleague = await whole.rings("cleo")
            await whole.talk(asking, colleague)
            colleague.hang_up()
            await whole.until(lambda: asking.is_over, "the colleague is gone")
            talking.hold(on=False)
            transfer(whole, talking, asking, "204")
        else:
            talking.refer(f"sip:99999@127.0.0.1:{pbx.sip_port}")
        await whole.until(lambda: talking.transfer[-1:] > [299], "the telephone is told")
        customer.sound.forget()
        talking.sound.forget()
        await whole.talk(customer, talking)
        await whole.call_is(name, ASSIGNED)
        talking.hang_up()
        await whole.until(lambda: customer.is_over, "the caller is hung up, too")
        await whole.at_rest()


async def test_a_blind_transfer_that_its_target_refuses(pbx: RealAsterisk, tmp_path: Path) -> None:
    """Asterisk tells the telephone that it is done, and then it is too late."""
    async with site(pbx, tmp_path, BRIDGE) as whole:
        customer, talking, name = await talk_with_ada(whole)
        (await whole.phone("cleo")).when_rung = refuses(486, after_s=0.3)
        talking.refer(f"sip:205@127.0.0.1:{pbx.sip_port}")
        await whole.call_is(name, COMPLETED)
        talking.hang_up()
        await whole.until(lambda: customer.is_over, "as if the agent had hung up")
        await whole.agent_is("ada", READY, engaged=False)
        await whole.at_rest()
