"""A whole centre in one process: a router, a bridge, and the stand-in for Asterisk with its telephones."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec

from router.bridge.asterisk.agents import AgentEntry, AgentTable
from router.bridge.asterisk.ari.settings import AriSettings
from router.bridge.asterisk.config.model import BridgeConfig, RouterSettings
from router.bridge.asterisk.floor_settings import (
    Admit,
    Arrival,
    Decision,
    Feature,
    FeatureKind,
    FloorSettings,
    Place,
    Transfers,
    Unwanted,
)
from router.bridge.asterisk.run import Bridge
from router.client import RouterClient
from router.engine import Availability, CallState, Enqueue, SignIn
from router.engine.views import CallView
from router.server.server import RouterServer
from tests.bridge.ari_stand_in import PASSWORD, USER, AriStandIn
from tests.bridge.pbx_parts import Channel, Does, Phone
from tests.bridge.seen import Seen
from tests.server.support import client_of, running

ROUTER = """
[server]
listen = "127.0.0.1:0"

[queues.sales]
skills = { sales = 1 }
offer_timeout = "2s"
reject_backoff = "30s"

[queues.loans]
skills = { loans = 1 }

[queues.direct]
automatic = true
skills = { sales = 1 }

[queues.tiny]
waiting_max = 1
skills = { nobody = 1 }

[queues.spill]
overflow = "sales"
waiting_max = 0
skills = { nobody = 1 }
"""
QUEUES = {"500": "sales", "501": "loans", "502": "direct", "503": "tiny", "504": "spill"}
FALLBACK = Place("outside", "s", 1)
REFUSED = Place("full", "s", 1)
Condition = Callable[[], Any]


def decide(arrival: Arrival) -> Decision:
    """Return what to do with a caller: the second argument of Stasis() is the number that was dialled."""
    if arrival.args[:1] == ("agent",):
        kind, _, reason = arrival.args[1].partition(":")
        return Feature(FeatureKind(kind), reason=reason)
    queue = QUEUES.get(arrival.args[1])
    return Unwanted("no queue has this number") if queue is None else Admit(Enqueue("", queue))


def entry(agent: str, skills: dict[str, int] | None = None) -> AgentEntry:
    return AgentEntry(agent, f"PJSIP/{agent}", SignIn(agent, skills or {"sales": 5}))


class Centre(Seen):
    """The whole, while it runs. `sign_in_word` is what its rules call the feature."""

    def __init__(
        self,
        pbx: AriStandIn,
        server: RouterServer,
        client: RouterClient,
        config: BridgeConfig,
        sign_in_word: str = "sign_in",
    ) -> None:
        self.pbx = pbx
        self.server = server
        self.client = client
        self.config = config
        self.sign_in_word = sign_in_word
        self.bridge: Bridge
        self.port = server.port
        self._run: asyncio.Task[str] | None = None

    @property
    def runs(self) -> bool:
        """Say whether there is a bridge."""
        return self._run is not None

    async def start_bridge(self) -> Bridge:
        """Start a bridge, and wait until both of its sides are there."""
        router = msgspec.structs.replace(self.config.router, address=f"127.0.0.1:{self.port}")
        bridge = self.bridge = Bridge(msgspec.structs.replace(self.config, router=router))
        self._run = asyncio.create_task(bridge.run())
        await self.until(lambda: not bridge.health.obstacle)
        return bridge

    async def stop_bridge(self) -> str:
        """Stop it in order, as SIGTERM does."""
        assert self._run is not None
        self.bridge.stop()
        run, self._run = self._run, None
        return await asyncio.wait_for(run, 10)

    async def kill_bridge(self) -> None:
        """End it without any order."""
        assert self._run is not None
        self._run.cancel()
        await asyncio.wait([self._run])
        self._run = None

    async def ended(self) -> str:
        """Wait for the bridge to end by itself."""
        assert self._run is not None
        run, self._run = self._run, None
        return await asyncio.wait_for(run, 5)

    # Who comes and goes.

    def calls(self, exten: str = "500", **details: Any) -> Channel:
        """Let a caller come in."""
        return self.pbx.dial_in(exten, ("inbound", exten), **details)

    def dials(self, agent: str, code: str) -> Channel:
        """Let an agent dial a feature code."""
        return self.pbx.dial_in("*1", ("agent", code), endpoint=f"PJSIP/{agent}", number=agent)

    async def signs_in(self, agent: str, phone: Phone | None = None) -> None:
        """Let an agent sign in by telephone, and wait until it is so."""
        self.phone(agent, phone or Phone())
        channel = self.dials(agent, self.sign_in_word)
        await self.agent_is(agent, Availability.READY)
        await self.until(lambda: channel.is_gone or channel.went_to is not None)
        self.pbx.hang_up(channel)

    def phone(self, agent: str, phone: Phone) -> None:
        self.pbx.phones[f"PJSIP/{agent}"] = phone

    async def rings(self, agent: str) -> Channel:
        """Wait until an agent's telephone rings, and return the leg."""
        return await self.leg_is(agent, "Ringing")

    async def leg_is(self, agent: str, state: str) -> Channel:
        endpoint = f"PJSIP/{agent}"
        await self.until(lambda: (leg := self.pbx.leg_of(endpoint)) is not None and leg.state == state)
        leg = self.pbx.leg_of(endpoint)
        assert leg is not None
        return leg

    # What is so.

    def name_of(self, caller: Channel) -> str:
        return f"{self.config.floor.name}-{caller.id}"

    def talk(self, caller: Channel, agent: str) -> bool:
        """Return whether the two hear each other, and nothing else."""
        leg = self.pbx.leg_of(f"PJSIP/{agent}")
        mixed = leg is not None and caller.bridge is not None and caller.bridge is leg.bridge
        return mixed and not caller.has_music and not caller.is_ringing and len(caller.bridge.members) == 2  # type: ignore[union-attr]

    async def talking(self, caller: Channel, agent: str) -> None:
        await self.until(lambda: self.talk(caller, agent), f"{agent} and {caller.id} talk")
        await self.call_is(caller, CallState.ASSIGNED)

    async def waiting(self, caller: Channel, queue: str = "sales") -> None:
        """Wait until a caller waits in a queue, and hears music."""
        await self.call_is(caller, CallState.WAITING, CallState.OFFERED)
        await self.until(lambda: caller.has_music, "the caller hears music")
        assert (await self.client.call(self.name_of(caller))).queue == queue

    async def call_is(self, caller: Channel, *states: CallState) -> CallView:
        """Wait until the router has a caller's call in one of these states."""
        return await self.call_named(self.name_of(caller), *states)

    async def until(self, condition: Condition, what: str = "", time_limit_s: float = 5.0) -> None:
        """Wait until something is so. What has ended the bridge is raised."""

        def holds() -> object:
            if self._run is not None and self._run.done():
                self._run.result()
            return condition()

        try:
            await self.pbx.until(holds, time_limit_s)
        except TimeoutError:
            raise AssertionError(f"it has not come to this: {what or condition}\n{self.describe()}") from None

    async def at_rest(self, *callers: Channel) -> None:
        """Wait until nothing is left in Asterisk but these callers, nor in the router, and agents are free."""
        kept = {caller.id for caller in callers}
        await self.until(lambda: set(self.pbx.world.channels) == kept, f"only {kept} are left")
        await self.until(lambda: not self.pbx.world.bridges or kept, "no bridge is left")
        await self.until(lambda: not self.runs or not any(self.bridge.floor.live()[0]) or kept, "no call is live")
        if not kept:
            until_s = asyncio.get_running_loop().time() + 5
            while (busy := await self.busy()) and asyncio.get_running_loop().time() < until_s:
                await asyncio.sleep(0.005)
            assert not busy
        entered = [told["channel"]["id"] for told in self.pbx.told if told["type"] == "ChannelEnteredBridge"]
        legs = [channel for channel in entered if self.pbx.world.all_channels[channel].is_leg]
        assert len(set(legs)) == len(legs), "somebody was connected twice"

    async def busy(self) -> list[str]:
        """Return what the router has still to do."""
        queues = [f"{q.queue}: {q}" for q in await self.client.queues() if q.waiting + q.offered + q.assigned]
        return queues + [str(agent) async for agent in self.client.agents() if agent.engagements]

    def describe(self) -> str:
        """Return all that Asterisk has, for a message."""
        channels = [
            f"  {c.id} {c.name} {c.state} music={c.has_music} stasis={c.in_stasis} bridge={c.bridge and c.bridge.id}"
            for c in self.pbx.world.channels.values()
        ]
        asked = [f"  {a.method} {a.path} {a.query} {a.status}" for a in self.pbx.asked[-25:]]
        return "\n".join(["channels:", *channels, "requests:", *asked])


def make_settings(**changes: Any) -> FloorSettings:
    """Return the settings of a bridge that knows agents ada, ben and cleo."""
    settings = FloorSettings(
        rules=decide,
        agents=AgentTable([entry("ada"), entry("ben"), entry("cleo", {"loans": 5})]),
        fallback=FALLBACK,
        refused=REFUSED,
        patience_us=1_000_000,
        transfers=Transfers({"1": "loans"}),
    )
    return msgspec.structs.replace(settings, **changes)


@contextlib.asynccontextmanager
async def centre(
    seed: int = 1, config: str = ROUTER, pbx_jitter_s: float = 0.002, time_limit_s: float = 3.0, **changes: Any
) -> AsyncIterator[Centre]:
    """Run a whole centre, with nobody signed in."""
    async with (
        AriStandIn(seed, pbx_jitter_s) as pbx,
        running(config) as server,
        client_of(server, client_id="test") as client,
    ):
        whole = Centre(pbx, server, client, make_config(pbx, time_limit_s, **changes))
        async with living(whole):
            yield whole


def make_config(pbx: AriStandIn, time_limit_s: float = 3.0, **changes: Any) -> BridgeConfig:
    """Return the config of a bridge to this Asterisk; whoever starts it knows where the router is."""
    ari = AriSettings(
        pbx.url, "router", USER, PASSWORD, time_limit_s=time_limit_s, first_pause_s=0.01, longest_pause_s=0.05
    )
    floor = make_settings(**changes)
    return BridgeConfig(ari=ari, router=RouterSettings(client_id=floor.name, time_limit_s=2.0), floor=floor)


@contextlib.asynccontextmanager
async def living(whole: Centre, *, start: bool = True) -> AsyncIterator[None]:
    """Start a centre's bridge, and end it afterwards if it has not ended by then."""
    if start:
        await whole.start_bridge()
    try:
        yield
    finally:
        if whole.runs:
            await whole.stop_bridge()


ANSWERS = Phone(Does.ANSWERS, rings_s=0.02)
RINGS = Phone(Does.RINGS)
