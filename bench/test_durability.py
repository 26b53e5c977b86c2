"""What does durability cost? The same work on two servers, one with a journal and one without, in turns.

Method: two real server processes, rounds of one and the other interleaved, so that both meet the same machine; the
ratio is of the upper quartiles, that of the medians is shown. The load comes as bytes made beforehand, so that
the server is what is measured. A disk that takes more than about 3 ms for a flush cannot keep up with 16 unary calls in
flight, whatever the server does: so the time of a flush is shown, too.
"""

from __future__ import annotations

import asyncio
import re
import statistics
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import psutil
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.figures import note
from router.engine.commands import Command, Complete, Enqueue, SignIn
from router.journal import SqliteJournal
from router.v1 import call_service_pb2, command_service_pb2
from router.wire.commands import encode_any_command, encode_command
from tests.recovery.real_server import RealServer
from tests.server.flood import Flood

CONFIG = """
[queues.loans]
automatic = true
waiting_max = 1000000
"""
ROUNDS = 15
ROUND_S = 0.6
AGENTS = 200
BATCH = 64
BATCHES_AT_ONCE = 8
BATCHES_PER_S_MAX = 600
STREAM_RATIO_MIN = 0.6
IN_FLIGHT = 16
UNARY_RATIO_MIN = 0.8


class Done(NamedTuple):
    """Commands that were answered, each of which succeeded, and the time it took."""

    commands: int
    seconds: float


class Round(NamedTuple):
    """What one server did in one round, and the processor's time that a command took."""

    per_second: float
    processor_us: float


class Subject:
    """A server under load."""

    def __init__(self, server: RealServer) -> None:
        self.server = server
        self.done = 0
        self.rounds: list[Round] = []
        self._process: psutil.Process | None = None

    def start(self) -> None:
        self.server.start()
        self._process = psutil.Process(self.server.process.pid)
        self.done += asyncio.run(pour(self.server.address, [sign_ins()])).commands

    def round(self, work: Callable[[str, float, str], Done], seconds: float, name: str) -> None:
        began_s = self._processor_s()
        done = work(self.server.address, seconds, name)
        processor_s = self._processor_s() - began_s
        self.done += done.commands
        self.rounds.append(Round(done.commands / done.seconds, processor_s * 1e6 / done.commands))

    @property
    def per_second(self) -> float:
        """Of the better rounds, the upper quartile: what other work on the machine and the disk disturbed least."""
        rates = sorted(each.per_second for each in self.rounds)
        return rates[len(rates) * 3 // 4]

    @property
    def median_per_second(self) -> float:
        return statistics.median(each.per_second for each in self.rounds)

    @property
    def processor_us(self) -> float:
        return statistics.median(each.processor_us for each in self.rounds)

    def _processor_s(self) -> float:
        assert self._process is not None
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def metric(self, name: str) -> float:
        (url,) = re.findall(r"^metrics on (http\S+)$", self.server.log, re.MULTILINE)
        text = urllib.request.urlopen(url, timeout=10).read().decode()
        (value,) = re.findall(rf"^skill_router_{name} (\S+)$", text, re.MULTILINE)
        return float(value)


def batch_of(client_id: str, commands: list[Command], number: int) -> bytes:
    """Return a batch of commands, each with a request id, as bytes."""
    messages = [encode_any_command(command, f"{number}-{place}") for place, command in enumerate(commands)]
    request = command_service_pb2.ApplyRequest(batch=number, client_id=client_id, commands=messages)
    return request.SerializeToString()


def sign_ins() -> bytes:
    return batch_of("desk", [SignIn(f"agent-{number}") for number in range(AGENTS)], 1)


def batches(name: str) -> Iterator[bytes]:
    """Yield batches without end: calls come, get an agent at once, and end."""
    number = 0
    while True:
        number += 1
        calls = [f"{name}-{number}-{place}" for place in range(BATCH // 2)]
        yield batch_of(name, [c for call in calls for c in (Enqueue(call, "loans"), Complete(call))], number)


async def pour(address: str, source: Iterable[bytes], seconds: float = 0.0) -> Done:
    """Send batches over one stream for a time, a few at once."""
    answers: list[bytes] = []
    async with grpc.aio.insecure_channel(address) as channel:
        call: Any = channel.stream_stream("/router.v1.CommandService/Apply", None, None)()
        await call.wait_for_connection()
        began_s = time.perf_counter()
        for sent, batch in enumerate(source):
            if sent - len(answers) == BATCHES_AT_ONCE:
                answers.append(await call.read())
            await call.write(batch)
            if time.perf_counter() - began_s > seconds:
                break
        await call.done_writing()
        while (answer := await call.read()) is not grpc.aio.EOF:
            answers.append(answer)
        took_s = time.perf_counter() - began_s
    return Done(sum(_succeeded(answer) for answer in answers), took_s)


def _succeeded(answer: bytes) -> int:
    results = command_service_pb2.ApplyResponse.FromString(answer).results
    assert not any(result.HasField("error") for result in results)
    return len(results)


def stream(address: str, seconds: float, name: str) -> Done:
    source = [*islice(batches(name), BATCHES_AT_ONCE + int(seconds * BATCHES_PER_S_MAX))]
    return asyncio.run(pour(address, source, seconds))


def unary(address: str, seconds: float, name: str) -> Done:
    def message(number: int) -> bytes:
        enqueue: Any = encode_command(Enqueue(f"{name}-{number}", "loans"))
        request = call_service_pb2.EnqueueRequest(client_id=name, request_id=str(number), enqueue=enqueue)
        return request.SerializeToString()

    with Flood(address, "/router.v1.CallService/Enqueue", message) as flood:
        began_s = time.perf_counter()
        flood.hold(IN_FLIGHT, seconds)
        ended = flood.take()
        took_s = time.perf_counter() - began_s
    assert {rpc.code for rpc in ended} == {"OK"}
    return Done(len(ended), took_s)


WORK = {"stream, batches of 64": (stream, STREAM_RATIO_MIN), "unary, 16 in flight": (unary, UNARY_RATIO_MIN)}


@pytest.mark.parametrize("name", WORK)
def test_the_journal_costs_little(benchmark: BenchmarkFixture, name: str, tmp_path: Path, quick: bool) -> None:
    work, ratio_min = WORK[name]
    metrics = ("--metrics-listen", "127.0.0.1:0")
    with ExitStack() as stack:
        (tmp_path / "off").mkdir()
        (tmp_path / "on").mkdir()
        off = Subject(stack.enter_context(RealServer(tmp_path / "off", CONFIG, in_memory=True)))
        on = Subject(stack.enter_context(RealServer(tmp_path / "on", CONFIG, arguments=metrics)))
        for subject in (off, on):
            subject.start()
        others = on.metric("durable_sequence") - on.done
        for subject in (off, on):
            subject.round(work, 0.2, "warm-up")
            subject.rounds.clear()

        def run() -> None:
            for number in range(1 if quick else ROUNDS):
                for subject in (off, on) if number % 2 else (on, off):
                    subject.round(work, 0.2 if quick else ROUND_S, f"round-{number}")

        benchmark.pedantic(run, rounds=1)
        flushes = on.metric("commit_group_commands_count")
        note(benchmark, "durability", name, figures(off, on, flushes))
        assert on.metric("durable_sequence") == on.done + others
        assert on.server.end() == 0
        journal = SqliteJournal.open(on.server.data_dir, read_only=True)
        assert journal.last_sequence == on.done + others
        journal.close()
        on.server.verify()
    if not quick:
        assert on.per_second >= ratio_min * off.per_second


def figures(off: Subject, on: Subject, flushes: float) -> dict[str, float]:
    """Return what one kind of load found."""
    return {
        "without, commands/s": off.per_second,
        "with a journal": on.per_second,
        "with ÷ without": on.per_second / off.per_second,
        "commands a flush": on.done / flushes,
        "ms a flush": on.metric("commit_seconds_sum") / flushes * 1000,
        "without, processor, µs/command": off.processor_us,
        "with": on.processor_us,
    }
