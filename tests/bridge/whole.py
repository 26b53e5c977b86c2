"""A whole centre in this process: the real router's server, the bridge, and a stand-in for Asterisk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from router.bridge.asterisk.config import BridgeConfig, parse_bridge
from router.bridge.asterisk.run import Bridge
from router.client import RouterClient, RouterError
from router.engine import CallState
from router.engine.views import CallView
from router.server.server import RouterServer
from tests.bridge.ari_stand_in import PASSWORD, USER, AriStandIn
from tests.bridge.pbx_parts import Channel, Phone
from tests.server.support import client_of, running

ROUTER = """
[server]
listen = "127.0.0.1:0"
lease = "30s"

[queues.loans]
offer_timeout = "5s"
skills = { loans = 3 }

[queues.cards]
offer_timeout = "5s"
skills = { cards = 1 }

[queues.full]
waiting_max = 0
skills = { nobody = 1 }
"""
BRIDGE = """
[ari]
url = "URL"
user = "bridge"
password_env = "PASSWORD"

[router]
address = "ADDRESS"

[calls]
fallback = "down,s,1"
refused = "busy,s,1"
patience = "1s"

[[calls.rules]]
queue = "{arg:2}"
customer = "{caller}"

[agents.ada]
endpoint = "PJSIP/ada"
skills = { loans = 8, cards = 5 }

[agents.ben]
endpoint = "PJSIP/ben"
skills = { loans = 5 }

[transfers]
queues = { 1 = "loans", 2 = "cards" }
"""


def bridge_config(url: str, address: str, text: str = BRIDGE) -> BridgeConfig:
    """Return the config of a bridge between the two."""
    text = text.replace("URL", url).replace("ADDRESS", address)
    return parse_bridge(text, "bridge.toml", Path(), {"PASSWORD": PASSWORD, "USER": USER})


class Centre:
    """All three, and what tests do with them."""

    def __init__(self, pbx: AriStandIn, server: RouterServer, client: RouterClient, config: str) -> None:
        self.pbx = pbx
        self.server = server
        self.client = client
        self.config = bridge_config(pbx.url, f"127.0.0.1:{server.port}", config)
        self.bridge: Bridge
        self._task: asyncio.Task[str] | None = None

    async def start_bridge(self, *, ready: bool = True) -> Bridge:
        """Start a bridge, and wait until it can serve calls."""
        self.bridge = Bridge(self.config)
        self._task = asyncio.create_task(self.bridge.run())
        if ready:
            await self.until(lambda: not self.bridge.health.obstacle)
        return self.bridge

    async def end_bridge(self) -> str:
        """Stop the bridge as SIGTERM does, and return why it ended."""
        assert self._task is not None
        self.bridge.stop()
        task, self._task = self._task, None
        return await asyncio.wait_for(task, 10)

    async def bridge_ended(self) -> str:
        """Wait for the bridge's own end, and return why it ended."""
        assert self._task is not None
        return await asyncio.wait_for(self._task, 10)

    async def until(self, condition: Callable[[], object], time_limit_s: float = 5.0) -> None:
        """Wait until something is so. What ended the bridge is raised."""
        async with asyncio.timeout(time_limit_s):
            while not condition():
                if self._task is not None and self._task.done():
                    self._task.result()
                await asyncio.sleep(0.002)

    def call_in(self, queue: str = "loans", variables: Mapping[str, str] | None = None) -> Channel:
        """Let a caller come in for a queue."""
        return self.pbx.dial_in(args=("in", queue), variables=dict(variables or {}))

    async def dial_feature(self, agent: str, word: str) -> Channel:
        """Let an agent dial a feature code, and wait until the bridge has hung up."""
        channel = self.pbx.dial_in(args=("agent", word), endpoint=f"PJSIP/{agent}", number=agent, name=agent)
        await self.until(lambda: channel.is_gone or channel.went_to is not None)
        return channel

    async def sign_in(self, agent: str, phone: Phone | None = None) -> None:
        """Sign an agent in by telephone."""
        self.pbx.phones[f"PJSIP/{agent}"] = phone or Phone()
        await self.dial_feature(agent, "sign-in")

    async def call(self, caller: Channel) -> CallView:
        """Return the router's view of a caller's call."""
        return await self.client.call(f"asterisk-{caller.id}")

    async def until_state(self, caller: Channel, state: CallState) -> CallView:
        """Wait until the router has a call in a state."""
        async with asyncio.timeout(5):
            while True:
                with suppress(RouterError):  # it may not be enqueued yet
                    view = await self.call(caller)
                    if view.state is state:
                        return view
                await asyncio.sleep(0.005)

    def together(self, caller: Channel, endpoint: str) -> bool:
        """Say whether a caller is in one mixing bridge with the telephone of an endpoint, and with nobody else."""
        leg = self.pbx.leg_of(endpoint)
        mixing = caller.bridge
        return leg is not None and mixing is not None and sorted(mixing.members) == sorted([caller.id, leg.id])

    def is_at_rest(self) -> bool:
        """Say whether Asterisk has nothing left of our calls."""
        return not self.pbx.world.bridges and not [c for c in self.pbx.world.channels.values() if c.is_leg]


@asynccontextmanager
async def centre(
    config: str = BRIDGE, router: str = ROUTER, *, seed: int = 1, start: bool = True
) -> AsyncIterator[Centre]:
    """Run all three; the bridge is ready unless not started."""
    async with AriStandIn(seed=seed) as pbx, running(router) as server, client_of(server) as client:
        whole = Centre(pbx, server, client, config)
        try:
            if start:
                await whole.start_bridge()
            yield whole
        finally:
            if whole._task is not None:
                whole.bridge.stop()
                await asyncio.wait_for(asyncio.gather(whole._task, return_exceptions=True), 10)
