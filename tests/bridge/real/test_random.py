"""Customers and agents at random, while bridge, router and connections fail: at rest nothing and nobody is left."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from router.client import RouterError
from router.engine import Availability, SetAvailability
from tests.bridge.real.asterisk import RealAsterisk
from tests.bridge.real.proxy import Proxy
from tests.bridge.real.site import BRIDGE, ROUTER, Site, site
from tests.bridge.real.telephone import Call, answers, refuses

AGENTS = ("ada", "ben", "cleo")
CUSTOMERS = ("customer", "customer2", "customer3", "customer4")
NUMBERS = ("500", "501", "505")
LIFE_S = 15.0
# an agent who was parked shall be back before the test is over
ENDINGS = """
[telephones.endings]
busy = { not_ready = true, ready_again = "1s" }
unreachable = { not_ready = true, ready_again = "1s" }
"""


def manner(chance: random.Random) -> Callable[[Call], None]:
    """Return what a telephone does with each call: mostly it answers."""

    def ring(call: Call) -> None:
        after_s = chance.choice((0.0, chance.uniform(0, 0.05), chance.uniform(0, 0.5)))
        match chance.randrange(12):
            case 0:
                refuses(chance.choice((486, 603, 480, 503, 404)), rings=chance.random() < 0.5, after_s=after_s)(call)
            case 1:
                call.ring()
            case 2:
                answers(after_s, talks_s=0.0)(call)
            case _:
                answers(after_s, talks_s=chance.choice((None, chance.uniform(0, 1.5))))(call)

    return ring


async def customer_lives(whole: Site, user: str, chance: random.Random, until_s: float) -> None:
    loop = asyncio.get_running_loop()
    phone = await whole.phone(user)
    while loop.time() < until_s:
        call = await phone.call(chance.choice(NUMBERS))
        patience_s = chance.choice((chance.uniform(0, 0.1), chance.uniform(0, 1), chance.uniform(1, 4)))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                while not call.is_over:
                    await asyncio.sleep(0.01)
        call.hang_up()
        async with asyncio.timeout(10):
            while not call.is_over:
                await asyncio.sleep(0.01)
        await asyncio.sleep(chance.uniform(0, 0.2))


async def agents_come_back(whole: Site, until_s: float) -> None:
    """Make ready whoever is not: those who did not answer are not ready, and somebody has to be there."""
    loop = asyncio.get_running_loop()
    while loop.time() < until_s:
        for agent in AGENTS:
            with contextlib.suppress(RouterError):
                if (await whole.client.agent(agent)).availability is Availability.NOT_READY:
                    await whole.client.apply(SetAvailability(agent, True))
        await asyncio.sleep(0.3)


async def things_fail(whole: Site, way: Proxy, chance: random.Random, until_s: float) -> None:
    loop = asyncio.get_running_loop()

    async def kill_bridge() -> None:
        whole.bridge.kill()
        await asyncio.sleep(chance.uniform(0, 0.5))
        await asyncio.to_thread(whole.bridge.start)

    async def kill_router() -> None:
        whole.router.kill()
        await asyncio.sleep(chance.uniform(0, 0.5))
        await asyncio.to_thread(whole.router.start)
        await asyncio.to_thread(whole.bridge.await_ready)

    async def cut() -> None:
        way.cut()

    async def slow() -> None:
        way.delay_s = 0.2
        await asyncio.sleep(1)
        way.delay_s = 0.0

    faults: list[Callable[[], Awaitable[None]]] = [kill_bridge, kill_router, cut, slow]
    while loop.time() < until_s:
        await asyncio.sleep(chance.uniform(0.5, 3))
        await chance.choice(faults)()


@pytest.mark.long
@pytest.mark.parametrize("failing", [False, True], ids=["calm", "failing"])
@pytest.mark.parametrize("seed", range(4))
async def test_at_rest_nothing_is_left(pbx: RealAsterisk, tmp_path: Path, seed: int, failing: bool) -> None:
    chance = random.Random(seed)
    async with Proxy(pbx.http_port) as way:
        text = BRIDGE.replace("URL", f"http://127.0.0.1:{way.port}") + ENDINGS
        async with site(pbx, tmp_path, text.replace('patience = "3s"', 'patience = "30s"'), ROUTER) as whole:
            for agent in AGENTS:
                await whole.sign_in(agent, manner(chance))
            until_s = asyncio.get_running_loop().time() + LIFE_S
            lives = [customer_lives(whole, user, chance, until_s) for user in CUSTOMERS]
            others = [agents_come_back(whole, until_s)]
            if failing:
                others.append(things_fail(whole, way, chance, until_s))
            await asyncio.gather(*lives, *others)
            talks = sum(call.acknowledged and call.incoming for phone in whole.phones.values() for call in phone.rung)
            assert talks > 5, "somebody was served"
            await whole.at_rest(time_limit_s=40)
            for agent in AGENTS:
                assert not whole.phones[agent].calls, f"{agent} is left with a call"
