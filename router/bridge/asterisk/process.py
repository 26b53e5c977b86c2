"""The bridge as a process: signals, what it listens on, and the exit code.

Keeps one invariant: SIGTERM and SIGINT always end it, in order; a second one without waiting.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from router.bridge.asterisk.ari.client import CredentialsRefused
from router.bridge.asterisk.config.model import BridgeConfig
from router.bridge.asterisk.listening import OperationsServer
from router.bridge.asterisk.router_side import EntryRefused
from router.bridge.asterisk.run import Bridge

logger = logging.getLogger(__name__)

REPLACED: Final = 3
"""The exit code of a bridge whose application another program has taken: whoever restarts it must know."""
_ENDS: Final = (signal.SIGTERM, signal.SIGINT)


async def run_bridge(
    config: BridgeConfig, *, metrics_listen: str | None = None, announce: Callable[[str], None] = lambda line: None
) -> int:
    """Run a bridge until SIGTERM or SIGINT; return the exit code. `announce` is given lines for the terminal.

    Raises `OSError` for an address that cannot be listened on, `CredentialsRefused`, `EntryRefused`, `ValueError` for a
    token that may not be sent.
    """
    bridge = Bridge(config)
    listen = config.metrics_listen if metrics_listen is None else metrics_listen
    server = None
    if listen:
        server = OperationsServer(listen, bridge.metrics, lambda: bridge.health.obstacle)
        await server.start()
        announce(f"metrics on http://{listen.rpartition(':')[0]}:{server.port}/metrics")
    logger.info(
        "bridging application %s of Asterisk at %s to the router at %s",
        config.ari.app,
        config.ari.url,
        config.router.address,
    )
    _spare_the_collector()
    try:
        with _ended_by_signals(bridge.stop):
            why = await bridge.run()
    finally:
        if server is not None:
            await server.close()
    if why:
        logger.critical("the bridge has ended: %s", why)
        return REPLACED if bridge.replaced else 1
    logger.info("the bridge has ended; calls are left as they are, and another start takes them up")
    return 0


@contextmanager
def _ended_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` in the loop at each signal.

    Not by the loop's own `add_signal_handler`: taking that away restores the default for a moment, in which another
    signal kills a process that has just ended well. So they are ignored afterwards, too.
    """
    loop = asyncio.get_running_loop()
    for number in _ENDS:
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))
        signal.siginterrupt(number, False)
    try:
        yield
    finally:
        for number in _ENDS:
            signal.signal(number, signal.SIG_IGN)


def _spare_the_collector() -> None:
    """Let what is there now stay: the collector need not look at it each time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)


__all__ = ["REPLACED", "CredentialsRefused", "EntryRefused", "run_bridge"]
