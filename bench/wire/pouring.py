"""A closed loop over one stream: so many messages under way, for a time."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, NamedTuple

import grpc

from bench.wire.http2 import Connection
from router.v1 import command_service_pb2

AT_ONCE = 16
"""As many as the server takes of one stream whatever their size, so that neither side waits for the other."""
AT_ONCE_MAX, COMMANDS_AT_ONCE = 256, 4_096
"""So many more if they are small: as many as these, with so many commands together."""
_WAIT_S = 20.0


def at_once_of(size: int) -> int:
    """Return how many batches of a size the server takes of one stream."""
    return max(AT_ONCE, min(AT_ONCE_MAX, COMMANDS_AT_ONCE // size))


class Poured(NamedTuple):
    """The answers that came, in order, when the last one came, and the longest time between two."""

    answers: list[bytes]
    seconds: float
    gap_s: float


def pour(
    address: str, method: str, messages: Iterable[bytes], seconds: float = 3600.0, at_once: int = AT_ONCE
) -> Poured:
    """Send messages, so many at once, until the time is over or there are no more; wait for all answers."""
    answers: list[bytes] = []
    source = iter(messages)
    sent, gap_s = 0, 0.0
    with Connection(address) as line:
        stream = line.open(method)
        line.exchange(0.05)  # the connection is there, and the server's room known
        began_s = last_s = now_s = time.perf_counter()
        more = True
        while True:
            while more and sent - len(answers) < at_once:
                message = next(source, None)
                more = message is not None and now_s - began_s < seconds
                if more and message is not None:
                    line.send(stream, message)
                    sent += 1
            if len(answers) == sent:
                break
            came = line.exchange(_WAIT_S)
            now_s = time.perf_counter()
            if came:
                gap_s = max(gap_s, now_s - last_s)
                last_s = now_s
                answers += [message for _, message in came]
            assert now_s - last_s < _WAIT_S, f"no answer for {_WAIT_S:.0f} s"
    return Poured(answers, last_s - began_s, gap_s)


async def pour_by_grpc(
    address: str, method: str, messages: Iterable[bytes], seconds: float, at_once: int = AT_ONCE
) -> Poured:
    """Do the same with grpc.aio's own client, which takes as much of a processor as an echo server does."""
    answers: list[bytes] = []
    gap_s, sent = 0.0, 0
    async with grpc.aio.insecure_channel(address) as channel:
        begin: Any = channel.stream_stream(method, None, None)
        call = begin()
        await call.wait_for_connection()
        began_s = last_s = time.perf_counter()

        async def take() -> None:
            nonlocal gap_s, last_s
            answers.append(await call.read())
            now_s = time.perf_counter()
            gap_s, last_s = max(gap_s, now_s - last_s), now_s

        for message in messages:
            if sent - len(answers) == at_once:
                await take()
            await call.write(message)
            sent += 1
            if time.perf_counter() - began_s > seconds:
                break
        await call.done_writing()
        while len(answers) < sent:
            await take()
    return Poured(answers, last_s - began_s, gap_s)


def succeeded(answers: Iterable[bytes]) -> int:
    """Return the number of commands that were answered, each of which must have succeeded."""
    count = 0
    for answer in answers:
        results = command_service_pb2.ApplyResponse.FromString(answer).results
        failed = [result.error for result in results if result.HasField("error")]
        assert not failed, failed[0]
        count += len(results)
    return count
