"""A centre whose router and bridge are set up by config files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from router.bridge.asterisk.config import BridgeConfig, parse_bridge
from tests.bridge.ari_stand_in import PASSWORD, USER, AriStandIn
from tests.bridge.live import Centre, living
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


@asynccontextmanager
async def centre(
    config: str = BRIDGE, router: str = ROUTER, *, seed: int = 1, start: bool = True
) -> AsyncIterator[Centre]:
    """Run all three; the bridge is ready unless not started."""
    async with AriStandIn(seed=seed) as pbx, running(router) as server, client_of(server) as client:
        settings = bridge_config(pbx.url, f"127.0.0.1:{server.port}", config)
        whole = Centre(pbx, server, client, settings, "sign-in")
        async with living(whole, start=start):
            yield whole
