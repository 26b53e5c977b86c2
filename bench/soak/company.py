"""Those who come and go beside the work: watchers who join, resume and leave, and a client whose session is lost.

Keeps one invariant: what a watcher is late by is measured against the time of the event itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import time
from collections import Counter
from typing import Any

import grpc

from bench.soak.lines import told
from router.engine import commands as c
from router.v1 import session_service_pb2, session_service_pb2_grpc, watch_service_pb2, watch_service_pb2_grpc
from router.wire.commands import encode_command
from router.wire.times import from_timestamp

CLIENT = "branch"
AGENTS = 3


class Watchers:
    """Some watchers who stay, and one after the other that joins, mostly somewhere in the past, and leaves."""

    def __init__(self, address: str, seed: int) -> None:
        self.lags_s: list[float] = []
        self.joined = 0
        self.errors: Counter[str] = Counter()
        self._address = address
        self._rng = random.Random(seed)
        self._sequence = 0

    async def stay(self, stop: asyncio.Event) -> None:
        """Watch until told to stop; come back after an error."""
        while not stop.is_set():
            await self._watch(stop, 30.0 + 60.0 * self._rng.random(), None)

    async def come_and_go(self, stop: asyncio.Event, every_s: float) -> None:
        """Let a watcher join every so often, and leave after a while."""
        async with asyncio.TaskGroup() as group:
            while not await told(stop, every_s):
                after = self._sequence - self._rng.choice((0, 0, 100, 5_000)) if self._sequence > 5_000 else None
                group.create_task(self._watch(stop, 2.0 + 10.0 * self._rng.random(), after))

    async def _watch(self, stop: asyncio.Event, for_s: float, after: int | None) -> None:
        self.joined += 1
        leaves_s = asyncio.get_running_loop().time() + for_s
        async with grpc.aio.insecure_channel(self._address) as channel:
            stub: Any = watch_service_pb2_grpc.WatchServiceStub(channel)
            call = stub.Watch(watch_service_pb2.WatchRequest(after_sequence=after))
            try:
                async with asyncio.timeout(for_s + 5.0):
                    async for response in call:
                        self._take(response, live=after is None or response.header.sequence > self._sequence)
                        if stop.is_set() or asyncio.get_running_loop().time() > leaves_s:
                            break
            except TimeoutError:
                self.errors["SILENT"] += 1
            except grpc.aio.AioRpcError as error:
                self.errors[error.code().name] += 1
            call.cancel()

    def _take(self, response: Any, *, live: bool) -> None:
        """Note how old the newest event is, if it is not of the past on purpose."""
        if live and response.events:
            self.lags_s.append(time.time() - from_timestamp(response.events[-1].time) / 1e6)
        self._sequence = max(self._sequence, response.header.sequence)

    def take_lags(self) -> list[float]:
        """Return what came since the last time."""
        lags_s, self.lags_s = self.lags_s, []
        return lags_s


class Branch:
    """A client that holds a session with a few agents, falls silent for too long, and comes back with its list."""

    def __init__(self, address: str) -> None:
        self.lost = 0
        self.reconciled = 0
        self.errors: Counter[str] = Counter()
        self._address = address
        self._agents = [c.SignIn(f"{CLIENT}-agent-{number}", {"german": 5}) for number in range(AGENTS)]

    async def run(self, stop: asyncio.Event, beat_s: float, silent_every: int, silent_s: float) -> None:
        """Hold a session; after so many beats, be silent for a while."""
        async with grpc.aio.insecure_channel(self._address) as channel:
            sessions: Any = session_service_pb2_grpc.SessionServiceStub(channel)
            for beat in itertools.count(1):
                with contextlib.suppress(asyncio.CancelledError):
                    await self._beat(sessions)
                if await told(stop, silent_s if beat % silent_every == 0 else beat_s):
                    return

    async def _beat(self, sessions: Any) -> None:
        try:
            answer = await sessions.Heartbeat(session_service_pb2.HeartbeatRequest(client_id=CLIENT), timeout=10)
            lost = answer.state == session_service_pb2.SESSION_STATE_LOST
            self.lost += lost
            if lost or answer.began:
                await sessions.Reconcile(self._list(), timeout=10)
                self.reconciled += 1
        except grpc.aio.AioRpcError as error:
            self.errors[error.code().name] += 1

    def _list(self) -> session_service_pb2.ReconcileRequest:
        agents = [session_service_pb2.LiveAgent(sign_in=encode_command(agent)) for agent in self._agents]  # type: ignore[arg-type]
        return session_service_pb2.ReconcileRequest(client_id=CLIENT, agents=agents)
