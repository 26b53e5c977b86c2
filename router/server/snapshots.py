"""Snapshots of a running server, so that a start need not replay everything.

Keeps one invariant: a snapshot is saved after everything that it has in it is durable; one that fails harms nothing.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from hashlib import sha256
from time import monotonic, perf_counter_ns
from typing import Final

import msgspec

from router.config.model import ServerSettings
from router.journal import Journal, ServiceState, Snapshot
from router.server.errors import Refusal
from router.server.journal_thread import JournalThread
from router.server.shell import Shell

logger = logging.getLogger(__name__)

_LOOK_S: Final = 0.5
_SHARE_MAX: Final = 0.1
"""Snapshots for the sake of `snapshot_commands` take no more than this of the time, however fast commands come."""
_PAUSES_MIN: Final = 2
"""A snapshot at the end must have so many times the last one's pause."""


class Snapshots:
    """Take a snapshot after `snapshot_commands` or `snapshot_interval`, whichever is first, if anything happened."""

    def __init__(self, shell: Shell, thread: JournalThread, settings: ServerSettings) -> None:
        self._shell = shell
        self._thread = thread
        self._commands = settings.snapshot_commands
        self._interval_s = settings.snapshot_interval_us / 1_000_000
        self._retention_us = settings.history_retention_us
        self._tried_sequence = max(thread.journal.snapshot_sequences(), default=0)
        self._tried_s = monotonic()
        self._taking = asyncio.Lock()
        self._pause_s = 0.0
        self._rest_s = 0.0

    async def run(self) -> None:
        """Take snapshots until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_S)
            if self._is_due():
                await self.take()

    def _is_due(self) -> bool:
        commands = self._shell.engine.sequence - self._tried_sequence
        passed_s = monotonic() - self._tried_s
        return (commands >= self._commands and passed_s >= self._rest_s) or (
            commands > 0 and passed_s >= self._interval_s
        )

    def fits(self, left_s: float) -> bool:
        """Whether one more can be taken in a time, by what the last one took; it is said if not."""
        if left_s >= _PAUSES_MIN * self._pause_s:
            return True
        logger.warning(
            "no last snapshot: %.1f s are left to end in, and the engine stood still for %.1f s for the one before; "
            "the next start replays more",
            max(0.0, left_s),
            self._pause_s,
        )
        return False

    async def take(self) -> None:
        """Take a snapshot now, unless nothing has happened since the last one. What goes wrong is logged."""
        async with self._taking:
            if self._shell.engine.sequence == self._tried_sequence:
                return
            started_ns = perf_counter_ns()
            engine = self._shell.engine
            sequence, time_us, content = engine.sequence, engine.time_us, engine.snapshot()
            service = self._shell.service_state()
            service = msgspec.structs.replace(service, wait=self._shell.estimation.predicting.save())
            pause_ns = perf_counter_ns() - started_ns
            self._pause_s = pause_ns / 1e9
            self._tried_sequence, self._tried_s = sequence, monotonic()
            meters = self._shell.writer.meters
            try:
                await self._shell.writer.durable(sequence)
                before_us = time_us - self._retention_us
                save = partial(_save, self._thread.journal, sequence, time_us, content, service, before_us)
                save_ns = await self._thread.call_aside(save)
            except Refusal:
                # the journal has failed, which was said already
                meters.snapshot_failed()
            except Exception:
                logger.exception("the snapshot at sequence %d could not be saved; the next one may", sequence)
                meters.snapshot_failed()
            else:
                self._rest_s = (pause_ns + save_ns) / 1e9 / _SHARE_MAX
                meters.snapshot_saved(len(content), pause_ns, save_ns)
                logger.info(
                    "snapshot at sequence %d: %d bytes, a pause of %.1f ms, saved in %.1f ms",
                    sequence,
                    len(content),
                    pause_ns / 1e6,
                    save_ns / 1e6,
                )


def _save(
    journal: Journal, sequence: int, time_us: int, engine: bytes, service: ServiceState, before_time_us: int
) -> int:
    """Save a snapshot and prune, beside the journal's thread; return how long that took, in nanoseconds."""
    started_ns = perf_counter_ns()
    state_hash = sha256(engine).hexdigest()
    journal.save_snapshot(Snapshot(sequence, time_us, engine, state_hash, service))
    while journal.prune(before_time_us):
        pass
    return perf_counter_ns() - started_ns
