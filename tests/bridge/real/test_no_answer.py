"""Telephones that do not answer: whatever the cause, the caller keeps the place and goes to the next agent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from router.engine import Availability, CallState, SignIn
from tests.bridge.real.asterisk import RealAsterisk
from tests.bridge.real.site import BRIDGE, Site, site
from tests.bridge.real.telephone import Call, answers, refuses

READY, NOT_READY = Availability.READY, Availability.NOT_READY


async def next_agent_gets_the_call(whole: Site, customer: Call) -> None:
    """See that the caller waits with music, and talks with the next agent who comes."""
    await whole.call_is(customer, CallState.WAITING)
    customer.sound.forget()
    await whole.until(lambda: customer.hears_music, "the customer hears music")
    await whole.sign_in("cleo", answers())
    talking = await whole.rings("cleo")
    await whole.talk(customer, talking)
    customer.hang_up()
    await whole.until(lambda: talking.is_over, "the agent is hung up, too")
    await whole.at_rest()


@pytest.mark.parametrize(
    ("manner", "word", "availability"),
    [
        (refuses(486, after_s=0.1), "busy", NOT_READY),
        (refuses(486, rings=False), "busy", NOT_READY),
        (refuses(603, after_s=0.1), "rejected", READY),
        (refuses(480, after_s=0.1), "no answer", READY),
        (refuses(480, rings=False), "unreachable", NOT_READY),
        (refuses(404, rings=False), "unreachable", NOT_READY),
        (refuses(503, rings=False), "congestion", READY),
    ],
    ids=["486-rang", "486", "603", "480-rang", "480", "404", "503"],
)
async def test_a_refusal_is_known_by_its_cause(
    pbx: RealAsterisk, tmp_path: Path, manner: Callable[[Call], None], word: str, availability: Availability
) -> None:
    # a call comes back to an agent who stays ready, but after a rejection: so that it does not, it is rejected for long
    async with site(pbx, tmp_path, BRIDGE) as whole:
        await whole.sign_in("ada", manner)
        customer = await whole.call("500")
        await whole.until(lambda: f"did not answer: {word}" in whole.bridge.log, f"it is known as {word}")
        await whole.agent_is("ada", availability)
        await next_agent_gets_the_call(whole, customer)
        rung = await whole.phone("ada")
        assert len(rung.rung) == 1


async def test_a_telephone_that_rings_until_the_offer_expires(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, BRIDGE) as whole:
        ada = await whole.sign_in("ada", lambda call: call.ring())
        customer = await whole.call("500")
        ringing = await whole.rings("ada")
        await whole.until(lambda: ringing.is_over, "it rings no more")
        assert ringing.status == 487
        await whole.agent_is("ada", NOT_READY)
        await next_agent_gets_the_call(whole, customer)
        assert len(ada.rung) == 1


async def test_a_telephone_that_is_not_there(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, BRIDGE) as whole:
        ada = await whole.sign_in("ada")
        await ada.register(expires_s=0)
        customer = await whole.call("500")
        await whole.agent_is("ada", NOT_READY)
        await next_agent_gets_the_call(whole, customer)


async def test_a_telephone_that_does_not_speak_any_more(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, BRIDGE) as whole:
        ada = await whole.sign_in("ada")
        ada.close()
        customer = await whole.call("500")
        await whole.agent_is("ada", NOT_READY)
        await next_agent_gets_the_call(whole, customer)


@pytest.mark.parametrize(
    "agent", [pytest.param("dan", id="an endpoint that does not exist"), pytest.param("zoe", id="no telephone known")]
)
async def test_an_agent_who_cannot_be_rung(pbx: RealAsterisk, tmp_path: Path, agent: str) -> None:
    async with site(pbx, tmp_path, BRIDGE) as whole:
        await whole.client.apply(SignIn(agent, {"loans": 9}))
        customer = await whole.call("500")
        await whole.agent_is(agent, NOT_READY)
        await next_agent_gets_the_call(whole, customer)
