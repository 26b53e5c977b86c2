"""A bad disk under the journal: the server stops or goes on as documented, and nothing acknowledged is lost.

The disk is made bad by a library under the server's process (`faults.cpp`); all the rest is real.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from router.client import RouterClient, RouterError
from router.journal import JournalCorrupt
from router.journal.sqlite import SqliteJournal
from tests.recovery.bad_disk import ALWAYS, CONFIG, BadDisk, build_shim
from tests.recovery.real_server import NotStarted

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
AN_ERROR = "the disk reported an error"
FULL = "the disk is full"


def some(all_of_them: Iterable[int], quick: Collection[int]) -> list[Any]:
    """Return parameters of which only a few are quick."""
    return [pytest.param(one, marks=[] if one in quick else [pytest.mark.long]) for one in all_of_them]


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_shim(tmp_path_factory.mktemp("shim"))


@pytest.fixture
def disk(tmp_path: Path, shim: Path) -> Iterator[BadDisk]:
    with BadDisk(tmp_path, shim) as made:
        yield made


async def started(disk: BadDisk, count: int = 30) -> None:
    """Start the server on a disk that is well yet, with something in its journal."""
    await asyncio.to_thread(disk.start)
    assert await disk.send(count) == []


@pytest.mark.parametrize(
    ("kind", "suffix", "count", "said"),
    [
        ("write-eio", "-wal", 1, AN_ERROR),
        ("write-full", "-wal", ALWAYS, FULL),
        ("sync-eio", "-wal", 1, AN_ERROR),
        ("write-eio", "acknowledged", 1, AN_ERROR),
        pytest.param("write-eio", "-wal", ALWAYS, AN_ERROR, marks=pytest.mark.long),
        pytest.param("sync-eio", "*", ALWAYS, AN_ERROR, marks=pytest.mark.long),
        pytest.param("write-full", "acknowledged", 1, FULL, marks=pytest.mark.long),
    ],
)
async def test_a_failed_append_stops_the_server(disk: BadDisk, kind: str, suffix: str, count: int, said: str) -> None:
    await started(disk)
    acknowledged = disk.record.acknowledged
    disk.fail(kind, suffix, count=count)
    errors = await disk.send(60)
    # the disk may be well again after the first failure: what follows is not believed all the same
    assert disk.record.acknowledged == acknowledged
    # gRPC cancels what reaches a server in its last moment
    reasons = {error.reason for error in errors}
    assert "JOURNAL_FAILED" in reasons
    assert reasons <= {"JOURNAL_FAILED", "SHUTTING_DOWN", "UNAVAILABLE", "CANCELLED"}
    assert await disk.await_end() == 1
    assert said in disk.server.log
    await disk.prove_nothing_lost()


async def test_short_writes_are_completed(disk: BadDisk) -> None:
    await started(disk)
    for skip in range(5):
        disk.fail("write-short", "-wal", skip=skip, count=1)
        assert await disk.send(10) == []
    await disk.prove_nothing_lost_after_kill()


@pytest.mark.parametrize("skip", some(range(0, 40), quick=(0, 7, 15)))
async def test_a_bit_that_flips_while_it_is_written_is_never_taken_for_good(disk: BadDisk, skip: int) -> None:
    await started(disk)
    disk.fail("write-flipped", "-wal", skip=skip, count=1)
    assert await disk.send(40, at_once=1) == []
    disk.server.kill()
    disk.heal()
    with pytest.raises(NotStarted) as refused:
        await asyncio.to_thread(disk.server.start)
    assert refused.value.code == 1
    assert "acknowledged" in refused.value.log
    assert "skill-router journal repair" in refused.value.log


@pytest.mark.parametrize("skip", some(range(0, 80), quick=(0, 20, 62)))
async def test_a_bit_that_flips_while_it_is_read_is_never_taken_for_good(disk: BadDisk, skip: int) -> None:
    await started(disk, 200)
    disk.server.kill()
    disk.fail("read-flipped", skip=skip, count=1)
    try:
        await asyncio.to_thread(disk.start)
    except NotStarted as error:
        refused = error
    else:
        refused = NotStarted(1, "the server was not started")
        disk.server.kill()
    assert refused.code == 1
    assert "Traceback" not in refused.log
    assert "the server was not started" in refused.log
    disk.heal()
    with disk.reading() as journal:
        damage = damage_of(journal)
    if not damage:
        await disk.prove_nothing_lost()
        return
    # it was read on its way from the log into the database: that is named, and nobody goes on from it
    with pytest.raises(NotStarted, match=re.escape(damage)):
        await asyncio.to_thread(disk.server.start)


def damage_of(journal: SqliteJournal) -> str:
    """Return which entries of a journal are damaged, in its words; empty if none."""
    try:
        for _ in journal.read(0):
            pass
    except JournalCorrupt as corrupt:
        found = re.search(r"entries \d+ to \d+: damaged", str(corrupt))
        return found[0] if found else f"not said which: {corrupt}"
    return ""


@pytest.mark.long
@pytest.mark.parametrize("kind", ["write-eio", "write-full", "sync-eio"])
async def test_a_failed_checkpoint_loses_nothing(disk: BadDisk, kind: str) -> None:
    await started(disk)
    disk.fail(kind, "journal.sqlite")
    # so many transactions that the log is copied into the database meanwhile
    await disk.send(1_000, at_once=1)
    if disk.server.process.poll() is None:
        disk.server.kill()
    assert "Traceback" not in disk.server.log or "the journal cannot be written" in disk.server.log
    await disk.prove_nothing_lost()


@pytest.mark.long
@pytest.mark.parametrize("seed", range(40))
async def test_any_fault_at_any_time_loses_nothing(tmp_path: Path, shim: Path, seed: int) -> None:
    rng = random.Random(seed)
    config = CONFIG.replace("snapshot_commands = 100000", 'snapshot_commands = 100\nsnapshot_interval = "1s"')
    with BadDisk(tmp_path, shim, config) as disk:
        await started(disk, rng.randrange(1, 300))
        kind = rng.choice(("write-eio", "write-full", "write-short", "sync-eio", "sync-slow", "read-flipped"))
        suffix = rng.choice(("*", "-wal", "journal.sqlite", "acknowledged"))
        disk.fail(kind, suffix, skip=rng.randrange(60), count=rng.choice((1, 1, 3, ALWAYS)), delay_ms=200)
        await disk.send(300, at_once=rng.choice((1, 5, 50)))
        if disk.server.process.poll() is None:
            disk.server.kill()
        await disk.prove_nothing_lost()


async def test_a_directory_that_is_read_only_stops_the_start(disk: BadDisk) -> None:
    await started(disk)
    assert await asyncio.to_thread(disk.server.end) == 0
    disk.fail("open-readonly")
    with pytest.raises(NotStarted) as refused:
        await asyncio.to_thread(disk.start)
    assert refused.value.code == 1
    assert "read-only" in refused.value.log
    assert "Traceback" not in refused.value.log
    await disk.prove_nothing_lost()


async def test_a_slow_disk_costs_time_and_not_throughput(tmp_path: Path, shim: Path) -> None:
    # a thousand that come at one moment are not too many here
    with BadDisk(tmp_path, shim, CONFIG.replace("[server]", "[server]\nrpcs_max = 4000")) as disk:
        await slow_disk(disk)


async def slow_disk(disk: BadDisk) -> None:
    await started(disk)
    disk.fail("sync-slow", "-wal", delay_ms=1_000)
    began_s = time.monotonic()
    async with RouterClient(disk.server.address, timeout_s=0.3) as hasty:
        with pytest.raises(RouterError) as late:
            await hasty.apply(disk.enqueue())
    assert late.value.code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert time.monotonic() - began_s < 0.8
    began_s = time.monotonic()
    assert await disk.send(2_000, at_once=1_000, timeout_s=20.0) == []
    # one flush for a thousand commands, or for those that came while the one before was under way
    assert 2_000 / (time.monotonic() - began_s) > 300
    assert await health(disk.server.address) == SERVING
    disk.heal()
    assert await asyncio.to_thread(disk.server.end) == 0, disk.server.log


async def health(address: str) -> int:
    async with grpc.aio.insecure_channel(address) as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        status: int = answer.status
        return status


async def until_health_is(address: str, wanted: int, timeout_s: float) -> None:
    async with asyncio.timeout(timeout_s):
        while await health(address) != wanted:
            await asyncio.sleep(0.05)


@pytest.mark.long
async def test_a_disk_that_does_not_answer_is_said_and_got_over(disk: BadDisk) -> None:
    await started(disk)
    disk.fail("sync-slow", "-wal", count=1, delay_ms=8_000)
    sending = asyncio.create_task(disk.send(5, timeout_s=20.0))
    await until_health_is(disk.server.address, NOT_SERVING, 7.5)
    await until_health_is(disk.server.address, SERVING, 10.0)
    assert await sending == []
    await disk.prove_nothing_lost_after_kill()


@pytest.mark.long
async def test_a_disk_that_does_not_answer_does_not_hold_up_the_end(disk: BadDisk) -> None:
    await started(disk)
    disk.fail("sync-slow", "-wal", delay_ms=60_000)
    sending = asyncio.create_task(disk.send(5, timeout_s=20.0))
    await asyncio.sleep(0.2)
    began_s = time.monotonic()
    code = await asyncio.to_thread(disk.server.end)
    assert time.monotonic() - began_s < 10
    assert code == 0, disk.server.log
    # nobody was told that it is durable
    assert {error.reason for error in await sending} == {"JOURNAL_FAILED"}
    await disk.prove_nothing_lost()
