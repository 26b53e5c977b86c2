"""A disk that goes wrong under a real server, and a client whose record outlives it.

Keeps one invariant: a disk is well until it is told otherwise.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import subprocess
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc

from router.client import RouterError
from router.client.errors import error_of_rpc
from router.engine import commands as c
from router.journal.sqlite import SqliteJournal
from router.v1 import call_service_pb2, call_service_pb2_grpc
from router.wire.commands import encode_command
from router.wire.results import decode_result
from tests.recovery.real_server import RealServer
from tests.recovery.record import Deed, Outcome, Record
from tests.recovery.shadow import Shadow
from tests.recovery.traffic import is_of_broken_connection

SOURCE = Path(__file__).with_name("faults.cpp")
ALWAYS = 1_000_000
CONFIG = """
[server]
snapshot_commands = 100000
drain = "2s"

[queues.loans]
"""


def build_shim(folder: Path) -> Path:
    """Compile the library that makes a disk bad."""
    compiler = shlex.split(os.environ.get("CXX") or "c++")
    shim = folder / "faults.so"
    subprocess.run([*compiler, "-std=c++20", "-O1", "-shared", "-fPIC", str(SOURCE), "-o", str(shim)], check=True)
    return shim


class BadDisk:
    """A server on a disk that may go wrong, and what one client knows of it."""

    def __init__(self, folder: Path, shim: Path, config: str = CONFIG) -> None:
        self.server = RealServer(folder, config)
        self.record = Record()
        self.shadow = Shadow(self.server.data_dir, self.record, deque())
        self._control = folder / "fault"
        self._numbers = 0
        self.environment = {
            "LD_PRELOAD": str(shim),
            "ROUTER_FAULTS_DIR": str(self.server.data_dir),
            "ROUTER_FAULTS_FILE": str(self._control),
        }

    def __enter__(self) -> BadDisk:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.__exit__(None, None, None)

    def start(self) -> None:
        """Start the server on the disk. Raises `NotStarted`."""
        self.server.start(self.environment)

    def fail(self, kind: str, suffix: str = "*", *, skip: int = 0, count: int = ALWAYS, delay_ms: int = 0) -> None:
        """Let something go wrong from now on; see `faults.cpp`."""
        fresh = self._control.with_suffix(".new")
        fresh.write_text(f"{kind} {suffix} {skip} {count} {delay_ms}\n")
        fresh.replace(self._control)

    def heal(self) -> None:
        """Let the disk be well again."""
        self._control.unlink(missing_ok=True)

    @contextmanager
    def reading(self) -> Iterator[SqliteJournal]:
        """Look at the journal; the server must be down."""
        journal = SqliteJournal.open(self.server.data_dir, read_only=True)
        try:
            yield journal
        finally:
            journal.close()

    def enqueue(self) -> c.Enqueue:
        """Return a call that there was never before."""
        self._numbers += 1
        return c.Enqueue(f"call-{self._numbers}", "loans")

    async def send(self, count: int, *, at_once: int = 20, timeout_s: float = 10.0) -> list[RouterError]:
        """Send so many commands, each once, and return how those failed that got no answer."""
        deeds = [self.record.intend("pbx", self.enqueue()) for _ in range(count)]
        return await self.resend(deeds, at_once=at_once, timeout_s=timeout_s)

    async def resend(self, deeds: list[Deed], *, at_once: int = 20, timeout_s: float = 10.0) -> list[RouterError]:
        """Send what was sent before, each once, and return how those failed that got no answer."""
        gate = asyncio.Semaphore(at_once)
        errors: list[RouterError] = []

        async def one(deed: Deed) -> None:
            async with gate:
                error = await self._try(calls, deed, timeout_s)
            if error is not None:
                errors.append(error)

        async with grpc.aio.insecure_channel(self.server.address) as channel, asyncio.TaskGroup() as group:
            calls: Any = call_service_pb2_grpc.CallServiceStub(channel)
            await channel.channel_ready()
            for deed in deeds:
                group.create_task(one(deed))
        assert all(is_of_broken_connection(error) for error in errors), errors
        return errors

    async def _try(self, calls: Any, deed: Deed, timeout_s: float) -> RouterError | None:
        """Send a request, once, and note the answer or return the error."""
        assert deed.command is not None
        part: Any = encode_command(deed.command)
        request = call_service_pb2.EnqueueRequest(client_id=deed.client_id, request_id=deed.request_id, enqueue=part)
        self.record.sent(deed)
        try:
            response = await calls.Enqueue(request, timeout=timeout_s)
        except grpc.aio.AioRpcError as failure:
            return error_of_rpc(failure)
        result = decode_result(response.header, response.result)
        self.record.answered(deed, Outcome.of_result(result), repeated=result.repeated)
        return None

    async def await_end(self, timeout_s: float = 15.0) -> int:
        """Return the exit code once the server has ended by itself."""
        return await asyncio.to_thread(self.server.process.wait, timeout_s)

    async def prove_nothing_lost_after_kill(self) -> None:
        """Kill the server first."""
        self.server.kill()
        await self.prove_nothing_lost()

    async def prove_nothing_lost(self) -> None:
        """Start again on a good disk: what was acknowledged is there, and a retry of the rest succeeds, once."""
        self.heal()
        self.shadow.catch_up()
        await asyncio.to_thread(self.server.start)
        errors = await self.resend(list(self.record.unanswered()))
        assert not errors, errors
        answered = [deed for deed in self.record.deeds.values() if deed.outcome is not None]
        assert not await self.resend(answered[:50])
        assert await asyncio.to_thread(self.server.end) == 0, self.server.log
        self.shadow.catch_up()
        self.shadow.check_end()
