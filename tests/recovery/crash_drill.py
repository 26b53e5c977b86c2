"""The crash drill: a real server under traffic is killed again and again, and everything that was said is held true.

Keeps one invariant: the journal is looked at before the server may touch it again.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil

from tests.recovery.real_server import RealServer
from tests.recovery.shadow import Shadow
from tests.recovery.traffic import Traffic

UP_S = (0.0, 0.6)
LONG_UP_S = (4.0, 7.0)
"""Longer than a lease, so that a session can be lost."""
FLOWS_AFTER_S_MAX = 30.0
ENDS_AFTER_S_MAX = 30.0
STARTING_SHARE = 0.2
"""How often the next run is killed too, before it listens."""
NEW_FILE_SHARE = 0.15

CONFIG = """
[server]
snapshot_commands = 150
snapshot_interval = "1s"
history_retention = "1s"
lease = "3s"
lost_session_retention = "2s"
metrics_listen = ""

[engine]
finished_retention = "15s"
request_retention = "2m"

[channels.voice]
exclusive = true

[channels.chat]
exclusive = false

[queue_defaults]
offer_timeout = "1500ms"
reject_backoff = "1s"
max_overtake_wait = "5s"
preferred_hold = "1s"
no_answer_action = "keep-ready"

[queues.loans]
wrap_up = { mode = "manual", duration = "2s" }
skills = { loans = 3 }
last_agent_preferred = true

[[queues.loans.steps]]
after = "2s"
skills = { loans = 1 }

[queues.cards]
automatic = true
wrap_up = { mode = "fixed", duration = "500ms" }
skills = { cards = 2 }

[queues.general]
waiting_max = 40
wait_max = "8s"
overflow = "cards"
no_answer_action = "not-ready"

[queues.chats]
max_overtake_wait = "never"
"""
CONFIGS = (CONFIG, CONFIG.replace('preset = "balanced"', "") + '\n[queues.extra]\npreset = "least-occupied"\n')


class Kill(NamedTuple):
    """One kill: so long after the server answers again, or, with `starting`, after it was launched."""

    delay_s: float
    starting: bool
    new_file: bool


def schedule(seed: int, kills: int, *, long_every: int = 0) -> Iterator[Kill]:
    """Return when to kill, the same for the same seed; each `long_every`th time the server is left alone for longer."""
    rng = random.Random(seed)
    for number in range(1, kills + 1):
        new_file = rng.random() < NEW_FILE_SHARE
        if long_every and number % long_every == 0:
            yield Kill(rng.uniform(*LONG_UP_S), False, new_file)
        elif rng.random() < STARTING_SHARE:
            yield Kill(rng.uniform(0.0, 1.0), True, new_file)
        else:
            yield Kill(rng.uniform(*UP_S), False, new_file)


class Result(NamedTuple):
    """What a drill came to."""

    kills: int
    starting: int
    acknowledged: int
    retried: int
    repeated: int
    entries: int
    events: int
    views: int
    restarts: int
    lost_sessions: int
    reconciled: int
    seconds: float

    def __str__(self) -> str:
        return ", ".join(f"{value:,.0f} {name}" for name, value in self._asdict().items())


class Drill:
    """One drill in a folder of its own."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._server = RealServer(folder, CONFIG)
        self._traffic = Traffic(self._server.address, seed, CONFIGS)
        self._shadow = Shadow(self._server.data_dir, self._traffic.record, self._traffic.watched)
        self._files = 0

    async def run(self, kills: list[Kill]) -> Result:
        """Carry the kills out, and end in order. Raises `AssertionError` for whatever should not be."""
        started_s = time.monotonic()
        with self._server as server:
            await asyncio.to_thread(server.start)
            async with self._traffic.going_on():
                for kill in kills:
                    await self._carry_out(kill)
            async with asyncio.timeout(ENDS_AFTER_S_MAX):
                code = await asyncio.to_thread(server.end)
            assert code == 0, server.log
            self._shadow.catch_up()
            self._shadow.check_end()
            server.verify()
        record = self._traffic.record
        return Result(
            kills=len(kills),
            starting=sum(kill.starting for kill in kills),
            acknowledged=record.acknowledged,
            retried=record.retried,
            repeated=record.repeated,
            entries=self._shadow.engine.sequence,
            events=self._shadow.events,
            views=self._shadow.views,
            restarts=self._shadow.commands["Restart"],
            lost_sessions=self._traffic.lost_sessions,
            reconciled=self._traffic.reconciled,
            seconds=time.monotonic() - started_s,
        )

    async def _carry_out(self, kill: Kill) -> None:
        """Kill the server at its time, look at what it left, and start it again."""
        server = self._server
        if kill.starting:
            server.kill()
            server.launch()
        else:
            await self._flowing()
        await asyncio.sleep(kill.delay_s)
        assert server.process.poll() is None, f"the server ended by itself:\n{server.log}"
        server.kill()
        # what has come over the network is taken in first
        await asyncio.sleep(0.02)
        self._shadow.catch_up()
        if kill.new_file:
            self._files += 1
            server.config.write_text(CONFIGS[self._files % len(CONFIGS)])
        await asyncio.to_thread(server.start)

    async def _flowing(self) -> None:
        """Wait until requests are answered again."""
        try:
            await self._traffic.flowing(FLOWS_AFTER_S_MAX)
        except TimeoutError:
            waiting = [f"{deed.key} sent {deed.attempts} times" for deed in self._traffic.record.unanswered()]
            used = psutil.Process(self._server.process.pid).cpu_times()
            raise AssertionError(
                f"nothing was answered for {FLOWS_AFTER_S_MAX:g} s; {len(waiting)} requests wait: {waiting[:20]}; "
                f"the server has used {used} and says:\n{self._server.abort()}"
            ) from None
