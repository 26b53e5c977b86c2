"""Each part fails while calls wait, ring and talk: calls live on where they can, and at rest all agree again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp

from router.bridge.asterisk.ari.settings import authorization
from router.engine import Availability, CallState
from tests.bridge.real.asterisk import PASSWORD, RealAsterisk
from tests.bridge.real.proxy import Proxy
from tests.bridge.real.site import BRIDGE, ROUTER, Site, site
from tests.bridge.real.telephone import Call, answers

READY = Availability.READY
ROUTER_LONG = ROUTER.replace('offer_timeout = "2s"', 'offer_timeout = "10s"')
"""Telephones ring for longer than a bridge takes to come back."""


def rings(call: Call) -> None:
    call.ring()


async def talks_and_waits(whole: Site) -> tuple[Call, Call, Call]:
    """Let one caller talk with ada, and one wait. Return the caller, ada's call, and the one who waits."""
    await whole.sign_in("ada", answers())
    talking = await whole.call("500")
    agent = await whole.rings("ada")
    await whole.talk(talking, agent)
    waiting = await whole.call("500", "customer2")
    await whole.call_is(waiting, CallState.WAITING)
    return talking, agent, waiting


async def all_goes_on(whole: Site, talking: Call, agent: Call, waiting: Call) -> None:
    """See that those who talk still do, and whoever waited is next."""
    for call in (talking, agent, waiting):
        call.sound.forget()
    await whole.talk(talking, agent)
    await whole.until(lambda: waiting.hears_music, "who waits hears music")
    known = len(whole.phones["ada"].rung)
    talking.hang_up()
    await whole.until(lambda: agent.is_over, "the agent is hung up")
    await whole.until(lambda: len(whole.phones["ada"].rung) > known, "the agent is rung for the next")
    await whole.talk(waiting, whole.phones["ada"].rung[-1])
    waiting.hang_up()
    await whole.at_rest()
    await whole.agent_is("ada", READY, engaged=False)


async def test_the_bridge_is_killed_and_comes_back(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, BRIDGE) as whole:
        parts = await talks_and_waits(whole)
        whole.bridge.kill()
        await asyncio.sleep(0.3)
        await asyncio.to_thread(whole.bridge.start)
        await all_goes_on(whole, *parts)


async def test_the_bridge_is_stopped_and_comes_back(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, BRIDGE) as whole:
        parts = await talks_and_waits(whole)
        assert whole.bridge.end() == 0
        await asyncio.to_thread(whole.bridge.start)
        await all_goes_on(whole, *parts)


async def test_the_bridge_is_killed_while_a_telephone_rings(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, BRIDGE, ROUTER_LONG) as whole:
        await whole.sign_in("ada", rings)
        customer = await whole.call()
        ringing = await whole.rings("ada")
        whole.bridge.kill()
        await asyncio.to_thread(whole.bridge.start)
        ringing.answer()
        await whole.talk(customer, whole.phones["ada"].rung[-1])
        customer.hang_up()
        await whole.at_rest()


async def test_an_agent_answers_while_there_is_no_bridge(pbx: RealAsterisk, tmp_path: Path) -> None:
    """Its channel falls out of Stasis: the telephone is not left connected with nobody."""
    async with site(pbx, tmp_path, BRIDGE, ROUTER_LONG) as whole:
        ada = await whole.sign_in("ada", rings)
        customer = await whole.call()
        ringing = await whole.rings("ada")
        whole.bridge.kill()
        ringing.answer()
        await whole.until(lambda: ringing.is_over, "the telephone is not left alone")
        ada.when_rung = answers()
        await asyncio.to_thread(whole.bridge.start)
        await whole.until(lambda: len(ada.rung) > 1, "the agent is rung again", 15)
        await whole.talk(customer, ada.rung[-1])
        customer.hang_up()
        await whole.at_rest()


async def test_callers_and_agents_hang_up_while_there_is_no_bridge(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, BRIDGE) as whole:
        talking, agent, waiting = await talks_and_waits(whole)
        whole.bridge.kill()
        talking.hang_up()
        waiting.hang_up()
        await asyncio.sleep(0.3)
        assert agent.is_up, "nobody is there to hang it up"
        await asyncio.to_thread(whole.bridge.start)
        await whole.until(lambda: agent.is_over, "the agent is hung up")
        await whole.at_rest()
        await whole.agent_is("ada", READY, engaged=False)


async def test_the_router_is_killed_and_comes_back(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, BRIDGE.replace('patience = "3s"', 'patience = "30s"')) as whole:
        parts = await talks_and_waits(whole)
        whole.router.kill()
        await asyncio.sleep(0.5)
        assert not whole.bridge.is_ready()
        await asyncio.to_thread(whole.router.start)
        await asyncio.to_thread(whole.bridge.await_ready)
        await all_goes_on(whole, *parts)


async def test_without_a_router_callers_go_on_in_the_dialplan_after_a_while(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, BRIDGE) as whole:
        talking, agent, waiting = await talks_and_waits(whole)
        whole.router.kill()
        newcomer = await whole.call("500", "customer3")
        await whole.until(lambda: newcomer.hears_music, "the newcomer hears music")
        await whole.until(lambda: waiting.is_over and newcomer.is_over, "both went on in the dialplan", 20)
        talking.hang_up()
        await whole.until(lambda: agent.is_over, "the agent is hung up")
        await asyncio.to_thread(whole.router.start)
        await asyncio.to_thread(whole.bridge.await_ready)
        await whole.at_rest()
        await whole.agent_is("ada", READY, engaged=False)


async def test_the_websocket_is_lost(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with Proxy(pbx.http_port) as way:
        text = BRIDGE.replace("URL", f"http://127.0.0.1:{way.port}")
        async with site(pbx, tmp_path, text) as whole:
            parts = await talks_and_waits(whole)
            way.cut()
            await whole.until(lambda: "the WebSocket to Asterisk is lost" in whole.bridge.log, "the loss is seen")
            await asyncio.to_thread(whole.bridge.await_ready)
            await all_goes_on(whole, *parts)


async def test_who_hangs_up_and_answers_while_the_websocket_is_away(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with Proxy(pbx.http_port) as way:
        text = BRIDGE.replace("URL", f"http://127.0.0.1:{way.port}")
        async with site(pbx, tmp_path, text, ROUTER_LONG) as whole:
            talking, agent, waiting = await talks_and_waits(whole)
            cleo = await whole.sign_in("cleo", rings)
            ringing = await whole.rings("cleo")
            way.refuses = True
            way.cut()
            talking.hang_up()
            await asyncio.sleep(0.2)
            ringing.hang_up()
            cleo.when_rung = answers()
            await asyncio.sleep(0.2)
            way.refuses = False
            await asyncio.to_thread(whole.bridge.await_ready)
            await whole.until(lambda: agent.is_over, "the agent is hung up")
            await whole.until(lambda: any(c.is_up for c in (*cleo.rung, *whole.phones["ada"].rung)), "served", 15)
            waiting.hang_up()
            await whole.at_rest()


async def test_asterisk_is_slow(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with Proxy(pbx.http_port) as way:
        text = BRIDGE.replace("URL", f"http://127.0.0.1:{way.port}")
        async with site(pbx, tmp_path, text) as whole:
            way.delay_s = 0.3
            parts = await talks_and_waits(whole)
            await all_goes_on(whole, *parts)


async def test_modules_are_reloaded(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, BRIDGE) as whole:
        parts = await talks_and_waits(whole)
        for module in ("res_ari.so", "res_http_websocket.so", "res_pjsip.so", "res_musiconhold.so", "pbx_config.so"):
            assert "successfully" in pbx.ask(f"module reload {module}") or module == "res_http_websocket.so"
        await asyncio.sleep(0.5)
        await asyncio.to_thread(whole.bridge.await_ready)
        await all_goes_on(whole, *parts)


async def test_another_program_takes_the_application(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, BRIDGE) as whole, aiohttp.ClientSession() as http:
        parts = await talks_and_waits(whole)
        headers = {"Authorization": authorization("observer", PASSWORD)}
        async with http.ws_connect(f"{pbx.url}/ari/events?app=router", headers=headers):
            assert await asyncio.to_thread(whole.bridge.ended) != 0
        await asyncio.to_thread(whole.bridge.start)
        await all_goes_on(whole, *parts)


async def test_asterisk_is_restarted(pbx: RealAsterisk, tmp_path: Path) -> None:
    async with site(pbx, tmp_path, BRIDGE) as whole:
        for call in await talks_and_waits(whole):
            call.end(0)
        await asyncio.to_thread(pbx.restart)
        for phone in whole.phones.values():
            await phone.register()
        await asyncio.to_thread(whole.bridge.await_ready)
        await whole.at_rest()
        await whole.agent_is("ada", READY, engaged=False)
        customer = await whole.call()
        known = whole.phones["ada"].rung
        await whole.until(lambda: known[-1].is_up, "the agent has answered")
        await whole.talk(customer, known[-1])
        customer.hang_up()
        await whole.at_rest()
