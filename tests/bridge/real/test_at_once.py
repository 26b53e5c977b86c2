"""An agent answers while the router stands still: the two hear each other at once, whatever it says afterwards."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from router.engine import Availability, CallState
from tests.bridge.real.asterisk import RealAsterisk
from tests.bridge.real.site import BRIDGE, ROUTER, Site, site
from tests.bridge.real.telephone import Call

ROUTER_LONG = ROUTER.replace('offer_timeout = "2s"', 'offer_timeout = "10s"')


def rings(call: Call) -> None:
    call.ring()


def counted(whole: Site, what: str) -> float:
    """Return how many attempts to connect the bridge has counted as that."""
    return whole.bridge.metrics().get(f'skill_router_bridge_connects_total{{what="{what}"}}', 0)


async def answers_unheard(whole: Site) -> tuple[Call, Call]:
    """Let ada answer a call after the router has been stopped. Return the caller and ada's call, who talk."""
    await whole.sign_in("ada", rings)
    customer = await whole.call()
    agent = await whole.rings("ada")
    os.kill(whole.router.process.pid, signal.SIGSTOP)
    agent.answer()
    await whole.talk(customer, agent)
    assert counted(whole, "connected") == 0, "the router has not agreed"
    return customer, agent


async def test_they_talk_before_the_router_agrees(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, BRIDGE, ROUTER_LONG) as whole:
        customer, agent = await answers_unheard(whole)
        os.kill(whole.router.process.pid, signal.SIGCONT)
        await whole.call_is(customer, CallState.ASSIGNED)
        await whole.until(lambda: counted(whole, "connected") == 1, "they count as connected")
        customer.sound.forget()
        await whole.talk(customer, agent)
        customer.hang_up()
        await whole.at_rest()
        await whole.agent_is("ada", Availability.READY, engaged=False)


async def test_they_are_parted_when_the_offer_was_over(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, BRIDGE) as whole:
        customer, agent = await answers_unheard(whole)
        await asyncio.sleep(2)  # the offer is over, and nobody is there to say so
        assert agent.is_up
        os.kill(whole.router.process.pid, signal.SIGCONT)
        await whole.until(lambda: agent.is_over, "the agent is hung up")
        customer.sound.forget()
        await whole.until(lambda: customer.hears_music, "who waits hears music")
        await whole.call_is(customer, CallState.WAITING)
        assert (counted(whole, "connected"), counted(whole, "undone")) == (0, 1)
        await whole.agent_is("ada", Availability.NOT_READY, engaged=False)
        customer.hang_up()
        await whole.at_rest()
