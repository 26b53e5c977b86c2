"""What the server's tests share: a small config, servers in this process and in one of their own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import grpc

from router.client import Moment, RouterClient, RouterError
from router.config import parse_config
from router.journal import Journal, SqliteJournal
from router.server.clock import Clock
from router.server.recovery.recovery import recover
from router.server.server import RouterServer
from router.server.writing.journal_thread import JournalThread
from router.wait import WaitEstimate

CONFIG = """
[server]
listen = "127.0.0.1:0"

[engine]
finished_retention = "10m"

[channels.voice]
exclusive = true

[channels.chat]
exclusive = false

[queues.loans]
offer_timeout = "20s"
reject_backoff = "30s"
wrap_up = { mode = "manual", duration = "1m" }
skills = { loans = 3 }

[queues.cards]
automatic = true
skills = { cards = 1 }

[queues.general]
overflow = "cards"
waiting_max = 2
"""


@asynccontextmanager
async def running(config: str = CONFIG, **settings: Any) -> AsyncIterator[RouterServer]:
    """Run a server in this process on a free port."""
    server = RouterServer(parse_config(config, "test.toml"), config, **settings)
    await server.start()
    try:
        yield server
    finally:
        await server.stop(grace_s=0.2)


@asynccontextmanager
async def durable(
    place: Path | Journal,
    config: str = CONFIG,
    *,
    crash: bool = False,
    clock: Clock | None = None,
    **settings: Any,
) -> AsyncIterator[RouterServer]:
    """Run a server in this process with a journal, or the one in a directory.

    With `crash` it ends without order, as if it was killed.
    """
    opener = partial(SqliteJournal.open, place) if isinstance(place, Path) else lambda: place
    thread = await JournalThread.open(opener)
    try:
        parsed = parse_config(config, "test.toml")
        recovered = await thread.call(partial(recover, thread, parsed, config, clock or Clock()))
        server = RouterServer(parsed, config, shell=recovered.shell, **settings)
        await server.start()
        try:
            yield server
        finally:
            if crash:
                # what was acknowledged is durable; everything else is lost
                server.shell.writer.abandon()
                server.failed = True
            await server.stop(grace_s=0.2)
    finally:
        await thread.close(10)


class NoEstimates:
    """Estimates for what is tested without any."""

    def learn(self) -> None: ...
    def not_learnt(self) -> None: ...
    def caught_up(self) -> None: ...

    def at_once(self, of: str, now_us: int) -> WaitEstimate:
        return WaitEstimate("none", None, None, 0)


def client_of(server: RouterServer, **settings: Any) -> RouterClient:
    """Return a client of a server in this process."""
    return RouterClient(f"127.0.0.1:{server.port}", **settings)


async def refused(request: Any) -> RouterError:
    """Await something that must be refused and return the error."""
    try:
        answer = await request
    except RouterError as error:
        return error
    raise AssertionError(f"not refused: {answer}")


class Seen:
    """A watch in the background, and what it has seen so far."""

    def __init__(self, moments: AsyncIterator[Moment]) -> None:
        self.moments: list[Moment] = []
        self.error: RouterError | None = None
        self._source = moments
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    @property
    def events(self) -> list[Any]:
        return [event for moment in self.moments for event in moment.events]

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, condition: Callable[[Seen], Any], timeout_s: float = 10.0) -> None:
        async with asyncio.timeout(timeout_s):
            while not condition(self):
                self._changed.clear()
                await self._changed.wait()

    async def begun(self) -> Seen:
        await self.until(lambda seen: seen.moments or seen.error)
        return self

    async def end(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            async for moment in self._source:
                self.moments.append(moment)
                self._changed.set()
        except RouterError as error:
            self.error = error
        finally:
            self._changed.set()


class ServerProcess:
    """`skill-router serve` in a process of its own."""

    def __init__(self, config: Path, *arguments: str) -> None:
        command = [sys.executable, "-m", "router.cli", "serve", "--config", str(config), *arguments]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        self.address = ""

    def await_listening(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("listening on "), (line, self.process.stderr and self.process.stderr.read())
        self.address = line.removeprefix("listening on ").strip()
        return self.address

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM, timeout_s: float = 15.0) -> tuple[int, str]:
        """Send a signal and return the exit code and what went to the error stream."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            _, errors = self.process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        return self.process.returncode, errors


def raw_unary(channel: grpc.aio.Channel, method: str) -> Any:
    """Return a unary method that takes and gives bytes."""
    return channel.unary_unary(method, request_serializer=None, response_deserializer=None)


def run_cli(*arguments: str, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
    """Run `skill-router` to its end."""
    command: Sequence[str] = [sys.executable, "-m", "router.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
