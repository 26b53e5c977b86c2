"""Run a server as a process: signals, reloads, and what is said about them.

Keeps one invariant: SIGHUP never ends the process, SIGTERM and SIGINT always do, in order.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from router.config import ConfigError, parse_config
from router.config.load import read_config
from router.server.clock import Clock
from router.server.errors import Refusal
from router.server.server import RouterServer

logger = logging.getLogger(__name__)


async def serve(
    path: Path, *, listen: str | None = None, clock_speed: float = 1.0, announce: Callable[[RouterServer], None]
) -> int:
    """Serve the config in a file until SIGTERM or SIGINT; reload it on SIGHUP. Return the exit code.

    `announce` is called once the server listens. A second SIGTERM or SIGINT does not wait for what is under way. Raises
    `ConfigError`, `OSError`, `ListenError`.
    """
    content = read_config(path)
    config = parse_config(content, str(path))
    server = RouterServer(config, content.decode("utf-8"), clock=Clock(clock_speed), listen=listen)
    loop = asyncio.get_running_loop()
    ends = asyncio.Event()
    hurry = asyncio.Event()
    reloads: set[asyncio.Task[None]] = set()

    def on_end() -> None:
        (hurry if ends.is_set() else ends).set()

    def on_reload() -> None:
        task = asyncio.create_task(_reload(server, path))
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_end)
    loop.add_signal_handler(signal.SIGHUP, on_reload)
    await server.start()
    announce(server)
    await _first(asyncio.create_task(ends.wait()), asyncio.create_task(server.ended.wait()))
    if server.failed:
        logger.critical("stopping: the engine failed; see above")
    else:
        logger.info("stopping: finishing what is under way")
    stopping = asyncio.create_task(server.stop())
    await _first(asyncio.shield(stopping), asyncio.create_task(hurry.wait()))
    if not stopping.done():
        await server.stop(grace_s=0.0)
    await stopping
    return 1 if server.failed else 0


async def _first(*waits: asyncio.Future[Any]) -> None:
    """Wait until the first of several is done, and let the others go."""
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


async def _reload(server: RouterServer, path: Path) -> None:
    try:
        etag = await server.shell.configs.reload(path)
    except ConfigError as error:
        logger.error("the old config stays; what is wrong with the new one:\n%s", error)
    except Refusal as refusal:
        logger.error("the old config stays; %s was refused: %s", path, refusal.message)
    else:
        logger.info("%s applied; its etag is %s", path, etag)
