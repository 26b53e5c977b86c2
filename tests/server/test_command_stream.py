"""How much may be under way on one stream of commands: a few large batches, or many small ones."""

from __future__ import annotations

import asyncio

import pytest

from router.server._native import Batch
from router.server.services.command_stream import (
    BATCHES_MAX,
    BATCHES_MIN,
    BYTES_MAX,
    COMMANDS_MAX,
    CommandStream,
    Started,
)


def started(commands: int, size_bytes: int) -> Started:
    outcome: asyncio.Future[Batch] = asyncio.get_running_loop().create_future()
    return Started(commands, size_bytes, outcome, None, "")


async def room_in(stream: CommandStream, commands: int, size_bytes: int) -> int:
    """Start batches as long as there is room, and return how many there are then."""
    while True:
        waiting = asyncio.ensure_future(stream.room())
        await asyncio.sleep(0)
        if not waiting.done():
            waiting.cancel()
            return len(stream.started)
        stream.begin(started(commands, size_bytes))


@pytest.mark.parametrize(
    ("commands", "size_bytes", "most"),
    [
        (1, 60, BATCHES_MAX),
        (0, 0, BATCHES_MAX),
        (COMMANDS_MAX // 64, 60, 64),
        (COMMANDS_MAX // 64 + 1, 60, 64),
        (1, BYTES_MAX // 100 + 1, 100),
        (1_000, 60_000, BATCHES_MIN),
        (1, 4 * BYTES_MAX, BATCHES_MIN),
    ],
)
async def test_as_many_as_there_is_room_for(commands: int, size_bytes: int, most: int) -> None:
    assert await room_in(CommandStream(), commands, size_bytes) == most


async def test_room_comes_back_as_batches_are_answered() -> None:
    stream = CommandStream()
    assert await room_in(stream, 1_000, 60) == BATCHES_MIN
    waiting = asyncio.ensure_future(stream.room())
    await asyncio.sleep(0)
    stream.end()
    await asyncio.wait_for(waiting, 1.0)
    assert await room_in(stream, 1, 60) == BATCHES_MIN
    # the large ones go first; with the last of them the small ones have all the room
    for _ in range(BATCHES_MIN - 1):
        stream.end()
    assert await room_in(stream, 1, 60) == BATCHES_MAX
