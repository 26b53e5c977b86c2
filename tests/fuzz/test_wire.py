"""Whatever bytes come over the network: known statuses, a server that stays well, and a sound journal."""

from __future__ import annotations

import asyncio
import os
import random
import re
import time
from collections.abc import Awaitable, Callable, Iterator

import grpc
import psutil
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from router.client import RouterClient
from router.engine import commands as c
from tests.fuzz import sockets
from tests.fuzz.attacks import Attacker, at_once
from tests.fuzz.methods import Method, methods
from tests.recovery.real_server import RealServer
from tests.server.support import CONFIG

SEED = int(os.environ.get("ROUTER_FUZZ_SEED") or 1)
METHODS = methods()
OURS = [method for method in METHODS if method.ours]
MEMORY_GROWTH_MAX = 200 << 20
ANSWER_S_MAX = 5.0
# what the server says when it did not expect something; gRPC's own services say more than they should of bad bytes
FAULTS = re.compile(r"a fault while serving.*|raised by servicer method \[/router.*|CRITICAL.*|never retrieved.*")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    """Run one server with a journal for all attacks; what is left of it must be sound."""
    with RealServer(tmp_path_factory.mktemp("wire"), CONFIG) as started:
        started.start()
        memory_bytes = started.memory_bytes
        yield started
        assert started.process.poll() is None, started.log
        grown_bytes = started.memory_bytes - memory_bytes
        assert started.end() == 0, started.log
        faults = FAULTS.findall(started.log)
        assert not faults, faults[:10]
        assert grown_bytes < MEMORY_GROWTH_MAX, f"memory has grown by {grown_bytes >> 20} MiB"
        started.verify()


async def assert_well(server: RealServer) -> None:
    """Assert that the server is healthy and does what it is there for, in good time."""
    started = time.monotonic()
    async with grpc.aio.insecure_channel(server.address) as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    async with RouterClient(server.address, client_id="doctor") as client:
        sequence = (await client.statistics()).sequence
        await client.apply(c.SignIn(f"doctor-{sequence}"))
        view = await client.agent(f"doctor-{sequence}")
        assert view.agent == f"doctor-{sequence}"
        await client.apply(c.SignOut(view.agent))
    assert time.monotonic() - started < ANSWER_S_MAX


async def attack(
    server: RealServer, seed: int, work: Callable[[Attacker], list[Awaitable[None]]], at_a_time: int = 16
) -> Attacker:
    """Carry out an attack; nothing that was answered may be a finding, and the server must be well afterwards."""
    attacker = Attacker(server.address, seed)
    try:
        await at_once(work(attacker), at_a_time)
    finally:
        await attacker.close()
    found = "\n".join(attacker.findings[:10])
    assert not attacker.findings, f"seed {seed}: {len(attacker.findings)} findings\n{found}\n{server.log[-2000:]}"
    await assert_well(server)
    return attacker


def test_every_service_is_attacked() -> None:
    assert {method.path.split("/")[1] for method in METHODS} >= {
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
        *(f"router.v1.{name}Service" for name in ("Administration", "Agent", "Call", "Command", "Session", "Watch")),
    }


async def strange_bytes(server: RealServer, seed: int, rounds: int) -> None:
    attacker = await attack(
        server, seed, lambda attacker: [attacker.any_call(method) for _ in range(rounds) for method in METHODS]
    )
    # the bytes are neither all refused nor all welcome
    assert attacker.codes["OK"] > rounds
    assert attacker.codes["INVALID_ARGUMENT"] > rounds


async def test_strange_bytes_in_every_method(server: RealServer) -> None:
    await strange_bytes(server, SEED, 15)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(SEED, SEED + 8))
async def test_strange_bytes_in_every_method_for_minutes(server: RealServer, seed: int) -> None:
    await strange_bytes(server, seed, 400)


async def test_huge_messages_are_refused(server: RealServer) -> None:
    attacker = await attack(
        server,
        SEED,
        lambda attacker: [send(attacker, method, attacker.messages.huge(method.input)) for method in OURS],
        4,
    )
    assert attacker.codes["RESOURCE_EXHAUSTED"] == len(OURS), attacker.codes


async def send(attacker: Attacker, method: Method, payload: bytes) -> None:
    if method.client_streaming:
        await attacker.pour(method, [payload], "whole")
    else:
        await attacker.call(method, payload, ANSWER_S_MAX)


async def test_strange_headers_and_deadlines(server: RealServer) -> None:
    unary = [method for method in OURS if not method.client_streaming and not method.server_streaming]
    await attack(server, SEED, lambda attacker: [attacker.with_strange_metadata(method) for method in unary])


async def test_thousands_of_empty_batches(server: RealServer) -> None:
    (stream,) = [method for method in METHODS if method.path.endswith("CommandService/Apply")]
    attacker = await attack(server, SEED, lambda attacker: [attacker.flood_with_empty_batches(stream, 3_000)])
    assert attacker.codes == {"OK": 1}


async def test_streams_that_are_left_behind_leave_nothing_behind(server: RealServer) -> None:
    streams = [method for method in METHODS if method.client_streaming]
    process = psutil.Process(server.process.pid)

    def work(attacker: Attacker) -> list[Awaitable[None]]:
        payloads = [attacker.messages.valid(streams[0].input) for _ in range(20)]
        return [
            attacker.pour(method, payloads, manner)
            for _ in range(30)
            for method in streams
            for manner in ("cancelled", "deaf", "hasty")
        ]

    await attack(server, SEED, work)
    files = process.num_fds()
    await attack(server, SEED + 1, work)
    assert process.num_fds() <= files + 5


async def test_garbage_on_the_bare_port(server: RealServer) -> None:
    process = psutil.Process(server.process.pid)
    await sockets.throw(server.address, sockets.garbage(random.Random(SEED)))
    await assert_well(server)
    files = process.num_fds()
    for seed in range(SEED + 1, SEED + 4):
        await sockets.throw(server.address, sockets.garbage(random.Random(seed)))
    await assert_well(server)
    assert process.num_fds() <= files + 5


async def test_connections_that_drip_keep_nobody_waiting(server: RealServer) -> None:
    done = asyncio.Event()
    dripping = asyncio.create_task(sockets.drip(server.address, 100, done))
    for _ in range(3):
        await assert_well(server)
    done.set()
    await dripping
