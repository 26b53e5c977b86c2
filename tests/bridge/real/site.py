"""A whole site: an Asterisk with telephones, a router and a bridge, each a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from router.bridge.asterisk.ari.settings import authorization
from router.client import RouterClient
from router.engine import Availability, CallState
from router.engine.views import CallView
from tests.bridge.real.asterisk import EXAMPLES, PASSWORD, RealAsterisk
from tests.bridge.real.bridge_process import RealBridge
from tests.bridge.real.telephone import Call, Telephone, answers
from tests.bridge.seen import Seen
from tests.recovery.real_server import RealServer

ROUTER = """
[server]
lease = "30s"

[queues.loans]
skills = { loans = 1 }
offer_timeout = "2s"
reject_backoff = "30s"

[queues.cards]
skills = { cards = 1 }
offer_timeout = "2s"

[queues.direct]
automatic = true
skills = { direct = 1 }

[queues.tiny]
waiting_max = 0
skills = { nobody = 1 }

[queues.spill]
overflow = "loans"
waiting_max = 0
skills = { nobody = 1 }

[queues.devices]
skills = { devices = 1 }

[queues.brief]
wait_max = "1s"
skills = { nobody = 1 }
"""
BRIDGE = """
[ari]
url = "URL"
user = "router"
password_env = "ARI_PASSWORD"

[router]
address = "ADDRESS"

[calls]
patience = "3s"

[[calls.rules]]
queue = "{arg:1}"
customer = "{caller}"

[agents.ada]
endpoint = "PJSIP/ada"
skills = { loans = 8, cards = 3 }

[agents.ben]
endpoint = "PJSIP/ben"
skills = { cards = 7 }

[agents.dan]
endpoint = "PJSIP/nobody"
skills = { loans = 9 }

[agents.eve]
endpoint = "PJSIP/eve"
skills = { devices = 1 }
device_state = true

[agents.cleo]
endpoint = "PJSIP/cleo"
skills = { loans = 2, direct = 1 }

[transfers]
queues = { 1 = "loans", 2 = "cards" }

[telephones]
assigned_ring = "4s"

[sounds]
signed_in = "sound:beep"
"""
PHONES = ("cleo", "eve", "customer2", "customer3", "customer4")
_PHONE = """
[{name}](phone)
auth = {name}
aors = {name}
[{name}](phone-auth)
username = {name}
password = change-me-{name}
[{name}](phone-aor)
"""
DIALPLAN = """
[phones](+)
exten => 502,1,Stasis(router,tiny)
 same => n,Goto(after-router,s,1)
exten => 503,1,Stasis(router,spill)
 same => n,Goto(after-router,s,1)
exten => 504,1,Stasis(router,brief)
 same => n,Goto(after-router,s,1)
exten => 505,1,Stasis(router,direct)
 same => n,Goto(after-router,s,1)
exten => 506,1,Stasis(router,devices)
 same => n,Goto(after-router,s,1)
exten => 610,1,Dial(PJSIP/cleo)
exten => 0171555123,1,Dial(PJSIP/customer)
exten => _*11.,1,Stasis(router,agent,sign-in,${EXTEN:3})
 same => n,Hangup()
exten => 600,1,Answer()
 same => n,Wait(60)
exten => 204,1,Dial(PJSIP/cleo,20)
exten => 205,1,Dial(PJSIP/cleo,20)
 same => n,Hangup()
exten => 509,1,Stasis(router,no-such-queue)
 same => n,Goto(after-router,s,1)
"""
FILES = {"pjsip.conf+": "".join(_PHONE.format(name=name) for name in PHONES), "extensions.conf+": DIALPLAN}


class Site(Seen):
    """All of it, while it runs."""

    def __init__(self, pbx: RealAsterisk, router: RealServer, bridge: RealBridge) -> None:
        self.pbx = pbx
        self.router = router
        self.bridge = bridge
        self.phones: dict[str, Telephone] = {}
        self.client: RouterClient
        self._http: aiohttp.ClientSession

    async def start(self) -> None:
        """Start router and bridge."""
        self.bridge.begin()
        await asyncio.to_thread(self.router.start)
        await asyncio.to_thread(self.bridge.await_ready)
        self._http = aiohttp.ClientSession(headers={"Authorization": authorization("observer", PASSWORD)})
        self.client = RouterClient(self.router.address, client_id="test")
        await self.client.__aenter__()

    async def end(self) -> None:
        for phone in self.phones.values():
            for call in list(phone.calls.values()):
                call.hang_up()
        await asyncio.sleep(0.05)
        for phone in self.phones.values():
            phone.close()
        await self.client.__aexit__(None, None, None)
        await self._http.close()
        await asyncio.to_thread(self.bridge.end)

    # --- telephones

    async def phone(self, user: str) -> Telephone:
        """Return a telephone that is registered."""
        if user not in self.phones:
            phone = Telephone(user, f"change-me-{user}", ("127.0.0.1", self.pbx.sip_port))
            self.phones[user] = await phone.start()
            await phone.register()
        return self.phones[user]

    async def sign_in(self, agent: str, manner: Callable[[Call], None] | None = None) -> Telephone:
        """Let an agent dial the sign-in code, and wait for the router to have it."""
        phone = await self.phone(agent)
        phone.when_rung = manner or answers()
        call = await phone.call("*11")
        await self.agent_is(agent, Availability.READY)
        await self.until(lambda: call.is_over, "the sign-in call is over")
        return phone

    async def sign_in_by_name(self, agent: str) -> None:
        """Sign an agent in whose telephone is not known by its channel, from the customer's telephone."""
        call = await (await self.phone("customer")).call(f"*11{agent}")
        await self.agent_is(agent, Availability.READY)
        await self.until(lambda: call.is_over, "the sign-in call is over")

    async def call(self, number: str = "500", user: str = "customer") -> Call:
        """Let a customer call, and wait until the line is answered."""
        phone = await self.phone(user)
        call = await phone.call(number)
        await self.until(lambda: call.is_up, f"the call of {user} is answered")
        return call

    async def rings(self, agent: str, time_limit_s: float = 8) -> Call:
        """Wait until an agent's telephone rings, and return its call."""
        phone = await self.phone(agent)
        known = len([call for call in phone.rung if call.is_over])
        await self.until(lambda: len(phone.rung) > known, f"{agent} is rung", time_limit_s)
        return phone.rung[-1]

    async def talk(self, caller: Call, agent: Call) -> None:
        """Wait until the two hear each other, and nothing else, and the router has them together."""
        await self.until(
            lambda: agent.is_up and caller.hears(agent) and agent.hears(caller),
            lambda: (
                f"they talk: {caller.sound.heard}, {agent.sound.heard} (their tones: "
                f"{caller.phone.tone}, {agent.phone.tone})"
            ),
        )

    async def talks(self, agent: str, number: str = "500") -> tuple[Call, Call]:
        """Sign an agent in who answers, let a customer call, and return both of their calls once they talk."""
        await self.sign_in(agent, answers())
        customer = await self.call(number)
        talking = await self.rings(agent)
        await self.talk(customer, talking)
        return customer, talking

    # --- what is so

    async def until(self, condition: Callable[[], Any], what: str | Callable[[], str], time_limit_s: float = 8) -> None:
        """Wait until something is so."""
        try:
            async with asyncio.timeout(time_limit_s):
                while not condition():
                    await asyncio.sleep(0.005)
        except TimeoutError:
            text = what if isinstance(what, str) else what()
            raise AssertionError(f"it has not come to this: {text}\n{self.describe()}") from None

    async def ari(self, path: str) -> Any:
        """Return what Asterisk says about something."""
        async with self._http.get(f"{self.pbx.url}/ari{path}") as answer:
            return await answer.json()

    async def channel_of(self, call: Call) -> str:
        """Return the id of a caller's channel in Asterisk."""
        user = call.phone.user
        ids = [one["id"] for one in await self.ari("/channels") if one["name"].startswith(f"PJSIP/{user}-")]
        assert len(ids) == 1, f"{user} has these channels: {ids}"
        return str(ids[0])

    async def call_is(self, call: str | Call, *states: CallState, time_limit_s: float = 8) -> CallView:
        """Wait until the router has a call, or a caller's call, in one of these states."""
        name = call if isinstance(call, str) else f"asterisk-{await self.channel_of(call)}"
        return await self.call_named(name, *states, time_limit_s=time_limit_s)

    async def at_rest(self, callers: Sequence[Call] = (), time_limit_s: float = 10) -> None:
        """Wait until nothing is left but these callers, who wait: in Asterisk, the bridge and the router."""
        left: list[str] = ["not looked at yet"]
        try:
            async with asyncio.timeout(time_limit_s):
                while left:
                    await asyncio.sleep(0.02)
                    left = await self._left(len(callers))
        except TimeoutError:
            raise AssertionError(f"something is left: {left}\n{self.describe()}") from None
        assert self.bridge.metrics()["skill_router_bridge_faults_total"] == 0

    async def _left(self, waiting: int) -> list[str]:
        """Return what there is beside so many callers who wait."""
        left = [f"channel {c['id']} {c['name']}" for c in (await self.ari("/channels"))]
        left = [] if len(left) == waiting else left
        left += [f"mixing bridge {b['id']}" for b in (await self.ari("/bridges"))]
        queues = await self.client.queues()
        if sum(queue.waiting for queue in queues) != waiting or any(q.offered + q.assigned for q in queues):
            left += [f"queue {queue}" for queue in queues]
        left += [f"agent {agent}" async for agent in self.client.agents() if agent.engagements]
        metrics = await asyncio.to_thread(self.bridge.metrics)
        phases = {n: v for n, v in metrics.items() if n.startswith("skill_router_bridge_calls_now")}
        if sum(phases.values()) != waiting or metrics["skill_router_bridge_legs"]:
            left.append(f"the bridge's calls {phases}")
        return left

    def describe(self) -> str:
        """Return what there is to see, for a message."""
        log = self.bridge.log
        return f"{self.pbx.ask('core show channels')}\n{log[-4000:]}"


def bridge_config(text: str, pbx: RealAsterisk, router: RealServer) -> str:
    """Return a bridge's config with the addresses of both sides."""
    return text.replace("URL", pbx.url).replace("ADDRESS", router.address)


def example_bridge(pbx: RealAsterisk, router: RealServer) -> str:
    """Return the example config of docs/asterisk.md, as it is but for the ports."""
    text = (EXAMPLES / "bridge.toml").read_text()
    for old, new in (("http://127.0.0.1:8088", pbx.url), ("127.0.0.1:50051", router.address)):
        assert old in text
        text = text.replace(old, new)
    return text


@contextlib.asynccontextmanager
async def site(pbx: RealAsterisk, folder: Path, bridge: str | None = None, router: str = ROUTER) -> AsyncIterator[Site]:
    """Run a site on an Asterisk that runs; nobody is signed in."""
    with RealServer(folder, router) as server:
        text = example_bridge(pbx, server) if bridge is None else bridge_config(bridge, pbx, server)
        whole = Site(pbx, server, RealBridge(folder, text, PASSWORD))
        await whole.start()
        try:
            yield whole
        finally:
            await whole.end()
