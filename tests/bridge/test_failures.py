"""Whatever fails between Asterisk, the bridge and the router: calls live on, and afterwards all three agree."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from router.engine import Availability, CallState
from tests.bridge.ari_stand_in import AriStandIn, Trouble
from tests.bridge.live import RINGS, ROUTER, Centre, centre, make_config
from tests.bridge.pbx_parts import Channel, Does, Phone
from tests.server.support import client_of, durable


async def a_waiting_a_ringing_and_a_talking_one(whole: Centre) -> tuple[Channel, Channel, Channel]:
    """Return three callers: one talks with ada, one rings at ben, one waits."""
    await whole.signs_in("ada")
    talking = whole.calls()
    await whole.talking(talking, "ada")
    await whole.signs_in("ben", RINGS)
    ringing = whole.calls()
    await whole.rings("ben")
    waiting = whole.calls()
    await whole.waiting(waiting)
    return waiting, ringing, talking


async def all_served(whole: Centre, waiting: Channel, ringing: Channel, talking: Channel) -> None:
    """Let everybody be served as if nothing had been."""
    await whole.talking(talking, "ada")
    whole.pbx.world.phone_answers(await whole.rings("ben"))
    await whole.talking(ringing, "ben")
    await whole.waiting(waiting)
    whole.pbx.hang_up(talking)
    await whole.talking(waiting, "ada")
    whole.pbx.hang_up(waiting)
    whole.pbx.hang_up(ringing)
    await whole.at_rest()


# The WebSocket.


@pytest.mark.parametrize("cut", [False, True])
async def test_events_lost_for_a_moment(cut: bool) -> None:
    async with centre() as whole:
        callers = await a_waiting_a_ringing_and_a_talking_one(whole)
        if cut:
            whole.pbx.cut_sockets()
        else:
            await whole.pbx.drop_sockets()
        await whole.until(lambda: whole.pbx.is_heard)
        await all_served(whole, *callers)


async def test_what_happens_while_nothing_is_heard() -> None:
    async with centre() as whole:
        waiting, ringing, talking = await a_waiting_a_ringing_and_a_talking_one(whole)
        async with unheard(whole):
            for caller in (waiting, ringing, talking):
                whole.pbx.hang_up(caller)
            missed = whole.calls()
            assert missed.went_to == {}, "who calls meanwhile goes on in the dialplan"
        whole.pbx.hang_up(missed)
        await whole.at_rest()
        await whole.agent_is("ada", Availability.READY, engaged=False)
        await whole.agent_is("ben", Availability.READY, engaged=False)


async def test_an_agent_hangs_up_while_nothing_is_heard() -> None:
    async with centre() as whole:
        await whole.signs_in("ada")
        caller = whole.calls()
        await whole.talking(caller, "ada")
        leg = await whole.leg_is("ada", "Up")
        async with unheard(whole):
            whole.pbx.world.phone_hangs_up(leg)
        await whole.at_rest()
        await whole.call_is(caller, CallState.COMPLETED)


async def test_an_agent_refuses_while_nothing_is_heard() -> None:
    async with centre() as whole:
        await whole.signs_in("ben", RINGS)
        caller = whole.calls()
        leg = await whole.rings("ben")
        async with unheard(whole):
            whole.pbx.world.phone_refuses(leg, 17)
        await whole.until(lambda: caller.has_music)
        await whole.signs_in("ada")
        await whole.talking(caller, "ada")
        whole.pbx.hang_up(caller)
        await whole.at_rest()


@contextlib.asynccontextmanager
async def unheard(whole: Centre) -> AsyncIterator[None]:
    """Keep the WebSocket away for a while: Asterisk refuses it."""
    trouble = whole.pbx.refuse_sockets()
    await whole.pbx.drop_sockets()
    yield
    trouble.set()
    await whole.until(lambda: whole.pbx.is_heard)


async def test_another_bridge_takes_our_application() -> None:
    async with centre() as whole:
        second = Centre(whole.pbx, whole.server, whole.client, make_config(whole.pbx, name="second"))
        await second.start_bridge()
        assert "application" in await whole.ended()
        await second.stop_bridge()


# The bridge itself.


@pytest.mark.parametrize("killed", [False, True])
async def test_a_bridge_is_started_again(killed: bool) -> None:
    async with centre() as whole:
        callers = await a_waiting_a_ringing_and_a_talking_one(whole)
        await (whole.kill_bridge() if killed else whole.stop_bridge())
        assert all(not caller.is_gone for caller in callers), "stopping drops nobody"
        await whole.start_bridge()
        await all_served(whole, *callers)


async def test_much_happens_while_there_is_no_bridge() -> None:
    async with centre() as whole:
        waiting, ringing, talking = await a_waiting_a_ringing_and_a_talking_one(whole)
        await whole.stop_bridge()
        whole.pbx.hang_up(waiting)
        whole.pbx.world.phone_refuses(await whole.rings("ben"), 21)
        whole.pbx.world.phone_hangs_up(await whole.leg_is("ada", "Up"))
        await whole.start_bridge()
        for caller in (ringing, talking):
            await whole.until(lambda caller=caller: caller.is_gone or caller.has_music or whole.talk(caller, "ada"))
            whole.pbx.hang_up(caller)
        await whole.at_rest()


# Asterisk.


async def test_asterisk_restarts() -> None:
    async with centre() as whole:
        callers = await a_waiting_a_ringing_and_a_talking_one(whole)
        await whole.pbx.stop()
        await whole.pbx.start()
        await whole.until(lambda: whole.pbx.is_heard)
        await whole.at_rest()
        for caller, state in zip(callers, (CallState.ABANDONED, CallState.ABANDONED, CallState.COMPLETED), strict=True):
            await whole.call_is(caller, state)
        await whole.agent_is("ada", Availability.READY, engaged=False)
        whole.phone("ben", Phone())
        caller = whole.calls()
        await whole.until(lambda: whole.talk(caller, "ada") or whole.talk(caller, "ben"))
        whole.pbx.hang_up(caller)
        await whole.at_rest()


@pytest.mark.parametrize("seed", range(6))
async def test_requests_fail_at_random(seed: int) -> None:
    """Errors, slowness and lost answers now and then: nobody is forgotten."""
    draw = random.Random(seed)
    async with centre(seed, ROUTER.replace("30s", "1s"), time_limit_s=0.3) as whole:
        for agent in ("ada", "ben"):
            await whole.signs_in(agent, Phone(Does.ANSWERS, rings_s=0.01, talks_s=0.05))
        for kind in ("slow", "lost", 500, 503):
            whole.pbx.troubles.append(
                Trouble(
                    lambda method, path: method != "GET" and draw.random() < 0.06,
                    times=10,
                    status=kind if isinstance(kind, int) else 0,
                    slow_s=0.5 if kind == "slow" else 0,
                    is_lost=kind == "lost",
                )
            )
        callers = [whole.calls() for _ in range(8)]
        for caller in callers[::3]:
            await asyncio.sleep(draw.random() * 0.2)
            whole.pbx.hang_up(caller)
        with contextlib.suppress(AssertionError):  # not all need be served: agents may have become not ready
            await whole.until(lambda: all(caller.is_gone or caller.went_to for caller in callers), time_limit_s=2)
        whole.pbx.troubles.clear()
        for caller in callers:
            await whole.until(lambda c=caller: is_heeded(c), f"{caller.id} is not in silence")
            whole.pbx.hang_up(caller)
        await whole.at_rest()


# The router.


async def test_the_router_is_away_for_long(tmp_path: Path) -> None:
    """Callers wait for their patience's time, and then go on in the dialplan; so do those who come meanwhile."""
    async with AriStandIn(seed=1) as pbx:
        async with durable(tmp_path, ROUTER) as server, client_of(server) as client:
            whole = Centre(pbx, server, client, make_config(pbx, patience_us=300_000))
            await whole.start_bridge()
            waiting = whole.calls()
            await whole.waiting(waiting)
        late = whole.calls()
        await whole.until(lambda: waiting.went_to and late.went_to)
        assert waiting.went_to == late.went_to == {"context": "outside", "extension": "s", "priority": "1"}
        await whole.stop_bridge()


@pytest.mark.parametrize("crash", [False, True])
async def test_the_router_restarts(tmp_path: Path, crash: bool) -> None:
    async with AriStandIn(seed=1) as pbx:
        async with durable(tmp_path, ROUTER, crash=crash) as server, client_of(server) as client:
            whole = Centre(pbx, server, client, make_config(pbx, patience_us=20_000_000))
            await whole.start_bridge()
            callers = await a_waiting_a_ringing_and_a_talking_one(whole)
            port = server.port
        late = whole.calls()
        config = ROUTER.replace("127.0.0.1:0", f"127.0.0.1:{port}")
        async with durable(tmp_path, config) as server, client_of(server) as client:
            whole.client = client
            bridge = whole.bridge
            await whole.until(lambda: not bridge.health.obstacle)
            waiting, ringing, talking = callers
            await whole.talking(talking, "ada")
            await whole.waiting(waiting)
            await whole.waiting(late)
            whole.pbx.hang_up(talking)
            whole.phone("ben", Phone())
            for caller in (ringing, waiting, late):
                await whole.until(lambda caller=caller: caller.has_music or caller.bridge)
                whole.pbx.hang_up(caller)
            await whole.at_rest()
            await whole.agent_is("ada", Availability.READY, engaged=False)
            await whole.stop_bridge()


# Everything together.


def some_phone(draw: random.Random) -> Phone:
    """Return a telephone as good or bad as it comes."""
    does = draw.choice([Does.ANSWERS] * 6 + [Does.REFUSES, Does.REFUSES_AT_ONCE, Does.RINGS, Does.IS_SILENT])
    talks_s = draw.choice([None, 0.03, 0.1, 0.3])
    return Phone(does, draw.random() * 0.05, draw.choice([17, 21, 34, 1, 19]), talks_s)


@pytest.mark.parametrize("seed", range(5))
async def test_a_bad_day(seed: int) -> None:
    """Callers and agents do as they please while connections break and the bridge restarts: at rest, all is well."""
    draw = random.Random(f"a bad day {seed}")
    async with centre(seed, ROUTER.replace("30s", "1s").replace('"2s"', '"1s"')) as whole:
        agents = ("ada", "ben", "cleo")
        for agent in agents:
            await whole.signs_in(agent)
        callers: list[Channel] = []
        for _ in range(60):
            for agent in agents:
                whole.phone(agent, some_phone(draw))
            await one_thing(whole, draw, callers, draw.choice(agents))
            await asyncio.sleep(draw.random() * 0.05)
        for caller in callers:
            if caller.args[0] == "inbound":
                await whole.until(lambda c=caller: is_heeded(c), f"{caller.id} is not in silence")
        for caller in callers:
            whole.pbx.hang_up(caller)
        await whole.at_rest()


def is_heeded(caller: Channel) -> bool:
    """Return whether a caller is over, hears music, or talks."""
    return caller.is_gone or caller.went_to is not None or caller.has_music or caller.bridge is not None


async def one_thing(whole: Centre, draw: random.Random, callers: list[Channel], agent: str) -> None:
    """Let something happen."""
    pbx = whole.pbx
    what = draw.choices(
        ["call", "hang up", "agent hangs up", "transfer", "ready", "drop", "cut", "restart"],
        [40, 15, 10, 5, 20, 3, 3, 2],
    )[0]
    leg = pbx.leg_of(f"PJSIP/{agent}")
    if what == "call":
        callers.append(whole.calls(draw.choice(["500", "500", "501", "502"])))
    elif what == "hang up" and callers:
        pbx.hang_up(draw.choice(callers))
    elif what == "agent hangs up" and leg is not None:
        pbx.world.phone_hangs_up(leg) if leg.state == "Up" else pbx.world.phone_refuses(leg, 21)
    elif what == "transfer" and leg is not None:
        pbx.world.press(leg, "*21#")
    elif what == "ready":
        callers.append(whole.dials(agent, "ready"))
    elif what == "drop":
        await pbx.drop_sockets()
    elif what == "cut":
        pbx.cut_sockets()
    elif what == "restart":
        await (whole.kill_bridge() if draw.random() < 0.5 else whole.stop_bridge())
        await whole.start_bridge()
