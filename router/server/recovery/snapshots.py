"""Snapshots of a running server, so that a start need not replay everything.

Keeps one invariant: a snapshot is saved after everything that it has in it is durable; one that fails harms nothing.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from time import monotonic, perf_counter_ns
from typing import Final

from router.config.model import ServerSettings
from router.journal import Journal, Snapshot
from router.server._native import ChildFailed
from router.server.errors import Refusal
from router.server.recovery.snapshot_writing import Writers, Writing
from router.server.shell import Shell
from router.server.writing.journal_thread import JournalThread

logger = logging.getLogger(__name__)

_LOOK_S: Final = 0.5
_SHARE_MAX: Final = 0.1
"""Snapshots for the sake of `snapshot_commands` take no more than this of the time, however fast commands come."""
_PAUSES_MIN: Final = 2
"""A snapshot at the end, which is written in place, must have so many times what writing the last one took."""


class Snapshots:
    """Take a snapshot after `snapshot_commands` or `snapshot_interval`, whichever is first, if anything happened."""

    def __init__(self, shell: Shell, thread: JournalThread, settings: ServerSettings) -> None:
        self._shell = shell
        self._thread = thread
        self._writers = Writers(shell, child=settings.snapshot_child)
        self._commands = settings.snapshot_commands
        self._interval_s = settings.snapshot_interval_us / 1_000_000
        self._retention_us = settings.history_retention_us
        self._saved_sequence = self._tried_sequence = max(thread.journal.snapshot_sequences(), default=0)
        self._tried_s = monotonic()
        self._taking = asyncio.Lock()
        self._wrote_s = 0.0
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
        """Whether one more can be taken in place in a time, by what the last one took; it is said if not."""
        if left_s >= _PAUSES_MIN * self._wrote_s:
            return True
        logger.warning(
            "no last snapshot: %.1f s are left to end in, and the one before took %.1f s to write; "
            "the next start replays more",
            max(0.0, left_s),
            self._wrote_s,
        )
        return False

    async def take(self, *, in_place: bool = False) -> None:
        """Take a snapshot now, unless nothing has happened since the last one that was saved.

        What goes wrong is logged.
        """
        async with self._taking:
            sequence = self._shell.engine.sequence
            if sequence == self._saved_sequence:
                return
            self._tried_sequence, self._tried_s = sequence, monotonic()
            meters = self._shell.writer.meters
            try:
                await self._take(in_place=in_place)
            except ChildFailed as error:
                logger.warning("the snapshot at sequence %d has failed: %s", sequence, error)
                self._writers.failed()
                meters.snapshot_failed()
            except Refusal:
                # the journal has failed, which was said already
                meters.snapshot_failed()
            except Exception:
                logger.exception("the snapshot at sequence %d could not be saved; the next one may", sequence)
                meters.snapshot_failed()

    async def _take(self, *, in_place: bool) -> None:
        """Take a snapshot, whatever was saved before. Raises what writing and saving raise."""
        writing = self._writers.begin(in_place=in_place)
        try:
            await self._finish(writing)
        finally:
            writing.abandon()

    async def _finish(self, writing: Writing) -> None:
        """Save it once it is written. Raises `ChildFailed`, `Refusal`, and what saving raises."""
        snapshot, write_ns = await self._thread.call_aside(writing.finish)
        self._wrote_s = (writing.pause_ns + write_ns) / 1e9
        await self._shell.writer.durable(writing.sequence)
        before_us = writing.time_us - self._retention_us
        save_ns = write_ns + await self._thread.call_aside(partial(_save, self._thread.journal, snapshot, before_us))
        self._saved_sequence = writing.sequence
        self._rest_s = (writing.pause_ns + save_ns) / 1e9 / _SHARE_MAX
        size = len(snapshot.engine)
        self._shell.writer.meters.snapshot_saved(size, writing.pause_ns, save_ns, in_place=writing.in_place)
        logger.info(
            "snapshot at sequence %d: %d bytes, a pause of %.1f ms, written and saved in %.1f ms",
            writing.sequence,
            size,
            writing.pause_ns / 1e6,
            save_ns / 1e6,
        )


def _save(journal: Journal, snapshot: Snapshot, before_time_us: int) -> int:
    """Save a snapshot and prune, beside the journal's thread; return how long that took, in nanoseconds."""
    started_ns = perf_counter_ns()
    journal.save_snapshot(snapshot)
    while journal.prune(before_time_us):
        pass
    return perf_counter_ns() - started_ns
