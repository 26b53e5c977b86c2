"""All that is measured of one server: counted as it happens, and read together when somebody asks.

Keeps one invariant: reading costs O(queues + watchers), never O(calls), and lets other work in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Final

from router.journal import Change, SessionChange
from router.server._native import Follower
from router.server.metrics import catalogue as m
from router.server.metrics.agent_meter import AgentMeter
from router.server.metrics.call_meter import CallMeter
from router.server.metrics.catalogue import Reading, single
from router.server.metrics.command_meter import CommandMeter
from router.server.metrics.estimate_readings import estimate_readings
from router.server.metrics.rpc_meter import RpcMeter
from router.server.shell import Shell
from router.server.tally import PER_SECOND_US
from router.server.writing.work import Happening

_QUEUES_AT_ONCE: Final = 50
_VERSION: Final = version("skill-router")


class Metrics:
    """Follow and observe a server whose state has been brought back; whatever was before does not count.

    `followers` count natively, what every command brought; sessions' changes are observed.

    `ready` is asked when the metrics are read: whether commands are taken; and `certificate_end_s`: when the server's
    certificate ends, in seconds since the epoch, 0 without one.
    """

    def __init__(self, shell: Shell, *, memory_max: int = 0) -> None:
        """Begin where the engine stands, with all counts at 0. O(calls + agents + queues)."""
        self._shell = shell
        self._calls = CallMeter(shell.engine)
        self._agents = AgentMeter(shell.engine)
        self.commands = CommandMeter()
        self.rpcs = RpcMeter()
        self._session_changes = dict.fromkeys(Change, 0)
        self._recovery = (0.0, 0, 0)
        self._memory_max = memory_max
        self.ready: Callable[[], bool] = lambda: True
        self.certificate_end_s: Callable[[], float] = lambda: 0.0
        self.followers: Final[Sequence[Follower]] = (
            self._calls.native,
            self._agents.native,
            self.commands.native,
        )

    def observe(self, happening: Happening) -> None:
        """Count what became of sessions by one command."""
        if isinstance(happening.note, SessionChange):
            self._session_changes[happening.note.change] += 1

    def recovered(self, duration_s: float, commands: int, downtime_us: int) -> None:
        """Note what it took to bring the state back, and how long the server was down."""
        self._recovery = (duration_s, commands, downtime_us)

    async def gather(self) -> Sequence[Reading]:
        """Return what everything stands at. Other tasks have their turn in between."""
        self._agents.count_to(self._shell.clock.now_us())
        heads = await self._head_waits()
        return [
            *self._queue_readings(),
            heads,
            *self._calls.readings(),
            *estimate_readings(self._shell),
            *self._agents.readings(),
            *self.commands.readings(),
            *self.rpcs.readings(),
            *self._state_readings(),
        ]

    def disk_readings(self) -> Sequence[Reading]:
        """Return what only the disk can tell; a thread should ask, not the event loop."""
        journal = self._shell.journal
        directory = None if journal is None else getattr(journal.journal, "directory", None)
        return [single(m.JOURNAL_SIZE, 0 if directory is None else _size_of(directory))]

    async def _head_waits(self) -> Reading:
        engine = self._shell.engine
        values = []
        names = [queue.queue for queue in engine.queues()]
        for index, name in enumerate(names):
            if index % _QUEUES_AT_ONCE == _QUEUES_AT_ONCE - 1:
                await asyncio.sleep(0)
            if name not in engine.settings.queues:
                continue
            first = engine.waiting(name, 1)
            now_us = max(engine.time_us, self._shell.clock.now_us())
            wait_us = now_us - engine.call(first[0]).wait_started_us if first else 0
            values.append(((name,), max(0, wait_us) / PER_SECOND_US))
        return Reading(m.HEAD_WAIT, values)

    def _queue_readings(self) -> Sequence[Reading]:
        queues = self._shell.engine.queues()
        states = ("waiting", "offered", "assigned")
        return (
            Reading(m.CALLS, [((q.queue, state), getattr(q, state)) for q in queues for state in states]),
            Reading(m.QUEUE_PAUSED, [((q.queue,), int(q.paused)) for q in queues]),
        )

    def _state_readings(self) -> Sequence[Reading]:
        shell = self._shell
        statistics = shell.engine.statistics()
        committer = shell.writer.committer
        sessions = (("held", shell.sessions.held_count), ("lost", shell.sessions.lost_count))
        recovery_s, recovery_commands, downtime_us = self._recovery
        return (
            single(m.DECISIONS, statistics.decisions),
            single(m.CANDIDATES, statistics.candidates),
            single(m.PENDING, shell.writer.pending),
            single(m.PENDING_MAX, shell.writer.pending_max),
            single(m.COMMIT_STUCK, committer.stuck_s),
            single(m.SEQUENCE, shell.engine.sequence),
            single(m.DURABLE_SEQUENCE, committer.durable_sequence),
            single(m.RECOVERY_TIME, recovery_s),
            single(m.RECOVERY_COMMANDS, recovery_commands),
            single(m.DOWNTIME, downtime_us / PER_SECOND_US),
            single(m.WATCHERS, len(shell.hub)),
            single(m.WATCH_LAG, shell.hub.lag_events),
            single(m.CUT_OFFS, shell.hub.cut_offs),
            Reading(m.SESSIONS, [((state,), count) for state, count in sessions]),
            Reading(m.SESSION_CHANGES, [((c.name.lower(),), n) for c, n in self._session_changes.items()]),
            single(m.READY, int(self.ready())),
            single(m.MEMORY_MAX, self._memory_max),
            single(m.CERTIFICATE_END, self.certificate_end_s()),
            single(m.CLOCK_SPEED, shell.clock.speed),
            Reading(m.BUILD, [((_VERSION,), 1)]),
        )


def _size_of(directory: Path) -> int:
    size = 0
    for path in directory.iterdir():
        # SQLite's own files come and go
        with suppress(FileNotFoundError):
            size += path.stat().st_size
    return size
