"""The committer: what the writer has applied becomes durable, and only then leaves.

Keeps one invariant: a group leaves, its events before its answers, after everything that it and all groups before it
have journalled is durable; once an append has failed, nothing leaves any more.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic, perf_counter_ns
from typing import Protocol

from router.journal import EncodedEntries, Entries, Entry
from router.server.errors import refusal_of_failure
from router.server.meters import Meters, NoMeters
from router.server.writing.alarm import Alarm
from router.server.writing.journal_thread import JournalThread

logger = logging.getLogger(__name__)

APPEND_ENTRIES_MAX = 16_384
"""How many entries one append takes, about: a group is never split."""
_LEAVE_AT_ONCE_MAX = 8
_QUIET_TURNS = 4
_QUIET_TURNS_IN_COMPANY = 32
_GATHER_S_MAX = 0.002


class Group(Protocol):
    """What the writer applied in one turn."""

    @property
    def numbered(self) -> int:
        """How many commands got a number."""

    @property
    def entries(self) -> Entries:
        """The same commands, for the journal; none where there is no journal."""

    def leave(self) -> None:
        """Let events and answers out."""

    def refuse(self, reason: str) -> None:
        """Refuse whoever waits for an answer."""


class Committer:
    """Append what groups have journalled, all that has come meanwhile in one flush, and let them leave in order.

    Without a journal a group leaves at once. `on_failure` is called once if an append fails. What one flush has made
    durable leaves before the next one, so that whoever sends again at once may come along.
    """

    def __init__(self, journal: JournalThread | None, *, on_failure: Callable[[], None] = lambda: None) -> None:
        self._thread = journal
        self._on_failure = on_failure
        self._groups: deque[Group] = deque()
        self._flushing: Sequence[Group] = ()
        self._leaving: deque[Group] = deque()
        self._last_groups = 0
        self._applied_sequence = 0
        self._durable_sequence = 0
        self._waits: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._alarm = Alarm()
        self._stopping = False
        self._failed = False
        self.journalled_s = monotonic()
        """When something was last handed over that is journalled."""
        self.meters: Meters = NoMeters()

    @property
    def durable_sequence(self) -> int:
        """The last sequence that is durable."""
        return self._durable_sequence

    @property
    def stuck_s(self) -> float:
        """Seconds for which the disk has not answered; 0.0 if nothing is asked of it."""
        return 0.0 if self._thread is None else self._thread.busy_s

    def begin(self, sequence: int) -> None:
        """Begin after the last command that is durable already."""
        self._applied_sequence = self._durable_sequence = sequence
        self._wake_waits()

    def hand_over(self, group: Group) -> None:
        """Take over the next group."""
        self._applied_sequence += group.numbered
        if self._thread is None:
            self._durable_sequence = self._applied_sequence
            group.leave()
            return
        if self._failed:
            group.refuse("JOURNAL_FAILED")
            return
        if group.entries:
            self.journalled_s = monotonic()
        elif self._applied_sequence == self._durable_sequence and not self._groups and not self._leaving:
            group.leave()
            return
        self._groups.append(group)
        self._alarm.ring()

    async def durable(self, sequence: int | None = None) -> None:
        """Return when everything up to a sequence (by default: all that is applied) is durable; at once where it is.

        Raises `Refusal` (JOURNAL_FAILED).
        """
        if sequence is None:
            sequence = self._applied_sequence
        if sequence <= self._durable_sequence:
            return
        if self._failed:
            raise refusal_of_failure("JOURNAL_FAILED")
        wait: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waits.append((sequence, wait))
        await wait

    def stop(self) -> None:
        """Let `run` return when everything handed over has left."""
        self._stopping = True
        self._alarm.ring()

    async def run(self) -> None:
        """Append and let leave what is handed over, until `stop` is called or something fails."""
        try:
            await self._run()
        except Exception:
            logger.critical("what is durable cannot be told; no more commands are taken", exc_info=True)
            self._fail()

    async def _run(self) -> None:
        while not self._failed:
            if not self._groups and not self._leaving:
                if self._stopping:
                    return
                await self._alarm.wait()
                continue
            await self._let_leave()
            await self._gather()
            self._flushing, entries, count = self._take()
            self._last_groups = len(self._flushing)
            appending = self._append(entries) if entries else None
            if appending is not None and not await self._appended(appending, count):
                return
            self._leaving.extend(self._flushing)
            self._flushing = ()

    def abandon(self) -> None:
        """Give up what is not durable yet: nobody will know of it."""
        self._failed = True
        for group in (*self._leaving, *self._flushing, *self._groups):
            group.refuse("JOURNAL_FAILED")
        self._leaving.clear()
        self._flushing = ()
        self._groups.clear()
        for _, wait in self._waits:
            if not wait.done():
                wait.set_exception(refusal_of_failure("JOURNAL_FAILED"))
                wait.exception()
        self._waits.clear()

    def _fail(self) -> None:
        self.abandon()
        self._on_failure()

    async def _gather(self) -> None:
        """Let those come along who are on their way: a flush costs as much as some commands do, whatever is in it.

        Whoever is alone waits for a few turns of the loop only; where the last flush took several groups, for more.
        """
        until_s, seen = monotonic() + _GATHER_S_MAX, -1
        turns = _QUIET_TURNS if self._last_groups < 2 else _QUIET_TURNS_IN_COMPANY
        while self._groups and seen != self._applied_sequence and monotonic() < until_s:
            seen = self._applied_sequence
            for _ in range(turns):
                await asyncio.sleep(0)

    def _take(self) -> tuple[Sequence[Group], Entries, int]:
        """Take the groups for one flush, what they have journalled, and how many entries that is."""
        groups: list[Group] = []
        entries: list[Entry | EncodedEntries] = []
        count = 0
        while self._groups and count < APPEND_ENTRIES_MAX:
            group = self._groups.popleft()
            groups.append(group)
            entries.extend(group.entries)
            count += group.numbered
        return groups, entries, count

    def _append(self, entries: Entries) -> asyncio.Future[int]:
        thread = self._thread
        assert thread is not None
        return thread.call(partial(_append, thread.journal.append, self._durable_sequence + 1, entries))

    async def _appended(self, appending: asyncio.Future[int], entries: int) -> bool:
        """Wait for an append and return whether it succeeded."""
        try:
            duration_ns = await appending
        except Exception:
            logger.critical("the journal cannot be written; no more commands are taken", exc_info=True)
            self._fail()
            return False
        self._durable_sequence += entries
        self.meters.flushed(entries, duration_ns)
        self._wake_waits()
        return True

    async def _let_leave(self) -> None:
        count = 0
        while self._leaving:
            self._leaving[0].leave()
            if self._leaving:
                self._leaving.popleft()
            count += 1
            if count % _LEAVE_AT_ONCE_MAX == 0:
                await asyncio.sleep(0)

    def _wake_waits(self) -> None:
        later: deque[tuple[int, asyncio.Future[None]]] = deque()
        for sequence, wait in self._waits:
            if sequence > self._durable_sequence:
                later.append((sequence, wait))
            elif not wait.done():
                wait.set_result(None)
        self._waits = later


def _append(append: Callable[[int, Entries], None], sequence: int, entries: Entries) -> int:
    """Append in the journal's thread and return how long it took, in nanoseconds."""
    started_ns = perf_counter_ns()
    append(sequence, entries)
    return perf_counter_ns() - started_ns
