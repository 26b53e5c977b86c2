"""What is under way on one stream of commands: batches in order, as many as keep the server busy and are not too much.

Keeps one invariant: batches are answered in the order in which they were started.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final, NamedTuple

from router.server._native import Batch
from router.server.writing.alarm import Alarm

BATCHES_MIN: Final = 16
"""So many batches may be under way on one stream, however large they are."""
BATCHES_MAX: Final = 256
"""So many, if they are small."""
COMMANDS_MAX: Final = 4_096
"""More than BATCHES_MIN may be under way only while they have fewer commands, all together,"""
BYTES_MAX: Final = 1_048_576
"""and fewer bytes."""


class Started(NamedTuple):
    """A batch under way; `outcome` brings it with its answers."""

    commands: int
    size_bytes: int
    outcome: asyncio.Future[Batch]
    holding: asyncio.Future[bool] | None
    held_client: str


class CommandStream:
    """What is under way on one stream: batches that were started, in order, and the line of those to answer.

    A batch is started only when there is room for it, so that it can stand in line at once.
    """

    def __init__(self) -> None:
        self.started: deque[Started] = deque()
        self.batches: asyncio.Queue[Started | Exception | None] = asyncio.Queue()
        self._commands = 0
        self._size_bytes = 0
        self._ended = Alarm()

    async def room(self) -> None:
        """Return when one more batch may be started."""
        while not self._has_room:
            await self._ended.wait()

    @property
    def _has_room(self) -> bool:
        batches = len(self.started)
        if batches < BATCHES_MIN:
            return True
        return batches < BATCHES_MAX and self._commands < COMMANDS_MAX and self._size_bytes < BYTES_MAX

    def begin(self, batch: Started) -> None:
        """Put a batch in line that was started."""
        self._commands += batch.commands
        self._size_bytes += batch.size_bytes
        self.started.append(batch)
        self.batches.put_nowait(batch)

    def end(self) -> None:
        """Let go of the oldest batch, which is answered."""
        batch = self.started.popleft()
        self._commands -= batch.commands
        self._size_bytes -= batch.size_bytes
        self._ended.ring()

    def drop(self) -> None:
        """Let go of batches whose answers nobody will take: what has not had its turn yet is not carried out."""
        for batch in self.started:
            batch.outcome.cancel()
            if batch.holding is not None:
                batch.holding.cancel()
