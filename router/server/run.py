"""Run a server as a process: signals, reloads, and what is said about them.

Keeps one invariant: SIGHUP never ends the process, SIGTERM and SIGINT always do, in order.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from router.config import ConfigError, RouterConfig, parse_config
from router.config.load import read_config
from router.journal import SqliteJournal
from router.server.clock import Clock
from router.server.errors import Refusal
from router.server.operations import operations
from router.server.recovery.recovery import Recovered, recover
from router.server.recovery.replaying import Stopped
from router.server.security.security import Security
from router.server.server import RouterServer
from router.server.writing.journal_thread import JournalThread

if TYPE_CHECKING:
    from router.server.tracing import Tracing

logger = logging.getLogger(__name__)


_ENDS = (signal.SIGTERM, signal.SIGINT)


class Outcome(NamedTuple):
    """How a server ended: the exit code, and whether a thread is left that hangs in a call to the disk."""

    code: int
    stuck: bool = False


class _Signals:
    """What the process was told by signals so far."""

    def __init__(self) -> None:
        self.end = asyncio.Event()
        self.hurry = asyncio.Event()
        self.reload: Callable[[], None] = lambda: None
        self._before = {number: signal.getsignal(number) for number in (*_ENDS, signal.SIGHUP)}
        for number in _ENDS:
            _handle(number, self._on_end)
        _handle(signal.SIGHUP, lambda: self.reload())

    def ignore(self) -> None:
        """Let no signal change the exit code of a process that is about to end."""
        for number in self._before:
            signal.signal(number, signal.SIG_IGN)
        self._before.clear()

    def restore(self) -> None:
        """Let signals do what they did before, unless they are ignored now."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on_end(self) -> None:
        (self.hurry if self.end.is_set() else self.end).set()


def _handle(number: signal.Signals, act: Callable[[], None]) -> None:
    """Act on a signal in the loop.

    Not by the loop's own `add_signal_handler`: taking that away restores the default for a moment, in which a second
    SIGTERM kills a process that has just ended well.
    """
    loop = asyncio.get_running_loop()
    signal.signal(number, lambda *_: loop.call_soon_threadsafe(act))
    signal.siginterrupt(number, False)


async def serve(
    path: Path,
    *,
    announce: Callable[[RouterServer, Recovered | None], None],
    listen: str | None = None,
    clock_speed: float = 1.0,
    data_dir: Path | None = None,
    metrics_listen: str | None = None,
    allow_insecure: bool = False,
    tracing: Tracing | None = None,
) -> Outcome:
    """Serve the config in a file until SIGTERM or SIGINT; reload it on SIGHUP. Return the exit code.

    With `data_dir`, the journal in it is recovered first, and every command is made durable in it; without, everything
    is in memory. `announce` is called once the server listens. A second SIGTERM or SIGINT does not wait for what is
    under way. Raises `ConfigError`, `OSError` (`ListenError` and `SecurityError` are), `JournalError`.
    """
    signals = _Signals()
    try:
        return await _serve(
            path,
            signals,
            announce=announce,
            listen=listen,
            clock_speed=clock_speed,
            data_dir=data_dir,
            metrics_listen=metrics_listen,
            allow_insecure=allow_insecure,
            tracing=tracing,
        )
    finally:
        signals.restore()


async def _serve(
    path: Path,
    signals: _Signals,
    *,
    announce: Callable[[RouterServer, Recovered | None], None],
    listen: str | None,
    clock_speed: float,
    data_dir: Path | None,
    metrics_listen: str | None,
    allow_insecure: bool,
    tracing: Tracing | None,
) -> Outcome:
    content = read_config(path)
    config = parse_config(content, str(path))
    config = msgspec.structs.replace(config, server=config.server.located(path.parent))
    security = Security(config.server, listen or config.server.listen, allow_insecure=allow_insecure)
    security.warn()
    text, clock = content.decode("utf-8"), Clock(clock_speed)
    if metrics_listen is None:
        metrics_listen = config.server.metrics_listen
    async with operations(metrics_listen, allow_insecure=allow_insecure) as shown:
        new_server = partial(
            RouterServer, config, text, listen=listen, security=security, health=shown.health, tracing=tracing
        )
        if data_dir is None:
            server = new_server(clock=clock)
            shown.show(server)
            return await _run(server, path, signals, partial(announce, server, None))
        thread = await JournalThread.open(partial(SqliteJournal.open, data_dir))
        try:
            recovered = await _recover(thread, config, text, clock, signals)
            server = new_server(shell=recovered.shell)
            shown.show(server, recovered)
            return await _run(server, path, signals, partial(announce, server, recovered))
        except Stopped:
            logger.info("stopping: the recovery was not finished, and nothing was changed")
            return Outcome(0)
        finally:
            await thread.close(1.0)


async def _recover(
    thread: JournalThread, config: RouterConfig, text: str, clock: Clock, signals: _Signals
) -> Recovered:
    journal = thread.journal
    try:
        return await thread.call(partial(recover, thread, config, text, clock, is_stopped=signals.end.is_set))
    finally:
        for report in journal.reports if isinstance(journal, SqliteJournal) else ():
            logger.warning("%s", report)


async def _run(server: RouterServer, path: Path, signals: _Signals, announce: Callable[[], None]) -> Outcome:
    """Serve until the end."""
    reloads: set[asyncio.Task[None]] = set()

    def reload() -> None:
        task = asyncio.create_task(reload_files(server, path))
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    _spare_the_collector()
    await server.start()
    try:
        signals.reload = reload
        announce()
        await _first(asyncio.create_task(signals.end.wait()), asyncio.create_task(server.ended.wait()))
    except Exception:
        logger.critical("a fault beside the server ends it", exc_info=True)
        server.failed = True
    if server.failed:
        logger.critical("stopping: the server failed; see above")
    else:
        logger.info("stopping: finishing what is under way")
    return await _stop(server, signals)


async def _stop(server: RouterServer, signals: _Signals) -> Outcome:
    """End in order; a second signal hurries it."""
    stopping = asyncio.create_task(server.stop())
    await _first(asyncio.shield(stopping), asyncio.create_task(signals.hurry.wait()))
    if not stopping.done():
        stopping.cancel()
        await asyncio.gather(stopping, return_exceptions=True)
        await server.stop(grace_s=0.0, drain_s=0.0)
    else:
        await stopping
    signals.ignore()
    return Outcome(1 if server.failed else 0, server.stuck)


def _spare_the_collector() -> None:
    """Keep Python's search for cycles from walking everything that lives long: with 100,000 calls it stopped all else.

    What a request leaves behind has no cycles; the youngest are still looked through.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)


async def _first(*waits: asyncio.Future[Any]) -> None:
    """Wait until the first of several is done, and let the others go."""
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


async def reload_files(server: RouterServer, path: Path) -> None:
    """Read all files again: first who may do what, which waits for nobody; the config waits for the journal's disk."""
    for read in (server.security.reload, partial(_reload_config, server, path)):
        try:
            await read()
        except Exception:
            logger.exception("a file could not be read again: what it said before stays in force")


async def _reload_config(server: RouterServer, path: Path) -> None:
    try:
        etag = await server.shell.configs.reload(path)
    except ConfigError as error:
        logger.error("the old config stays; what is wrong with the new one:\n%s", error)
    except Refusal as refusal:
        logger.error("the old config stays; %s was refused: %s", path, refusal.message)
    else:
        if etag is None:
            ruling = server.shell.configs.etag
            logger.info("%s says what it said when it was last applied; the config %s goes on to rule", path, ruling)
        else:
            logger.info("%s applied; its etag is %s", path, etag)
        file = server.shell.configs.file_config
        if file is None:
            return
        tables = (
            ("[server]", file.server.located(path.parent) != server.settings),
            ("[estimates]", file.estimates != server.shell.estimation.settings),
        )
        for table, has_changed in tables:
            if has_changed:
                logger.warning("%s in %s has changed: that takes effect when the server starts again", table, path)
