"""Agents' telephones that transfer a caller (REFER) or forward calls (302), on a real Asterisk."""

from __future__ import annotations

from pathlib import Path

from router.engine import Availability, CallState
from tests.bridge.real.asterisk import RealAsterisk
from tests.bridge.real.site import BRIDGE, site
from tests.bridge.real.telephone import Call, answers


async def test_a_caller_who_is_transferred_talks_on_and_the_agent_is_free(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, BRIDGE) as whole:
        await whole.sign_in("ada", answers())
        customer = await whole.call()
        name = f"asterisk-{await whole.channel_of(customer)}"
        talking = await whole.rings("ada")
        await whole.talk(customer, talking)
        target = await whole.phone("cleo")
        target.when_rung = answers()
        talking.refer(f"sip:204@127.0.0.1:{pbx.sip_port}")
        await whole.until(lambda: target.rung and target.rung[0].is_up, "the telephone of the target is answered")
        await whole.talk(customer, target.rung[0])
        await whole.call_is(name, CallState.COMPLETED)
        talking.hang_up()  # as telephones do that have heard that the transfer was done
        await whole.agent_is("ada", Availability.READY, engaged=False)
        target.rung[0].hang_up()
        await whole.until(lambda: customer.is_over, "the caller is not left alone")
        await whole.at_rest()


async def test_a_caller_who_was_transferred_hangs_up(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, BRIDGE) as whole:
        customer, talking = await whole.talks("ada")
        target = await whole.phone("cleo")
        target.when_rung = answers()
        talking.refer(f"sip:204@127.0.0.1:{pbx.sip_port}")
        await whole.until(lambda: target.rung and target.rung[0].is_up, "the telephone of the target is answered")
        await whole.talk(customer, target.rung[0])
        customer.hang_up()
        await whole.until(lambda: target.rung[0].is_over, "the target is not left alone")
        await whole.at_rest()


async def test_a_telephone_that_forwards_is_not_followed(pbx: RealAsterisk, tmp_path: Path) -> None:
    def forwards(call: Call) -> None:
        call.ring()
        call.refuse(302, f"sip:204@127.0.0.1:{pbx.sip_port}")

    async with site(pbx, tmp_path, BRIDGE) as whole:
        elsewhere = await whole.phone("cleo")
        await whole.sign_in("ada", forwards)
        customer = await whole.call()
        await whole.agent_is("ada", Availability.NOT_READY)
        await whole.until(lambda: customer.hears_music, "the caller waits on, with music")
        await whole.until(lambda: all(call.is_over for call in elsewhere.rung), "nobody is rung who is no agent")
        customer.hang_up()
        await whole.at_rest()


async def test_a_caller_who_is_transferred_to_a_number_of_the_router_is_a_new_call(
    pbx: RealAsterisk, tmp_path: Path
) -> None:
    async with site(pbx, tmp_path, BRIDGE) as whole:
        customer, talking = await whole.talks("ada")
        talking.refer(f"sip:505@127.0.0.1:{pbx.sip_port}")
        await whole.until(lambda: customer.hears_music, "the caller waits for another agent")
        talking.hang_up()
        cleo = await whole.sign_in("cleo", answers())
        await whole.until(lambda: cleo.rung and cleo.rung[0].is_up, "she is rung, and answers")
        await whole.talk(customer, cleo.rung[0])
        cleo.rung[0].hang_up()
        await whole.until(lambda: customer.is_over, "as if the agent had hung up")
        await whole.at_rest()
