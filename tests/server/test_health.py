"""Health: SERVING exactly while commands are taken and become durable, for the whole and for every service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from router.server.health import STUCK_S, Health
from router.server.security.roles import RPCS
from router.server.server import SERVICE_NAMES, RouterServer

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@asynccontextmanager
async def stub_of(port: int) -> AsyncIterator[Any]:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield health_pb2_grpc.HealthStub(channel)


async def statuses(stub: Any) -> set[int]:
    """Return what is said of the whole and of each service."""
    names = ("", *SERVICE_NAMES)
    return {(await stub.Check(health_pb2.HealthCheckRequest(service=name))).status for name in names}


@asynccontextmanager
async def answering(health: Health) -> AsyncIterator[Any]:
    """Serve nothing but the health."""
    server = grpc.aio.server()
    health_pb2_grpc.add_HealthServicer_to_server(health.servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with stub_of(port) as stub:
        yield stub
    await server.stop(0)


async def test_a_server_is_serving_until_it_stops(server: RouterServer) -> None:
    async with stub_of(server.port) as stub:
        assert await statuses(stub) == {SERVING}
        with pytest.raises(grpc.aio.AioRpcError, match="NOT_FOUND"):
            await stub.Check(health_pb2.HealthCheckRequest(service="router.v1.Nobody"))
        watching = stub.Watch(health_pb2.HealthCheckRequest())
        assert (await watching.read()).status == SERVING
        stopping = asyncio.create_task(server.stop(grace_s=2.0))
        assert (await watching.read()).status == NOT_SERVING
        watching.cancel()
        await stopping


def test_every_service_of_the_contract_has_a_health() -> None:
    services = {method.split("/")[1] for method in RPCS}
    assert {name for name in services if name.startswith("router.v1.")} == set(SERVICE_NAMES)


async def test_a_server_that_failed_is_not_serving(server: RouterServer) -> None:
    async with stub_of(server.port) as stub:
        server.shell.writer.on_failure()
        async with asyncio.timeout(10):
            while await statuses(stub) != {NOT_SERVING}:
                await asyncio.sleep(0.01)
        assert server.health.obstacle == "it has failed and will end"


async def test_a_disk_that_does_not_answer_makes_it_not_ready_until_it_does(caplog: pytest.LogCaptureFixture) -> None:
    stuck_s = 0.0
    health = Health()
    async with answering(health) as stub:
        await health.serve(SERVICE_NAMES)
        watching = asyncio.create_task(health.watch(lambda: stuck_s))
        seen = stub.Watch(health_pb2.HealthCheckRequest())
        assert (await seen.read()).status == SERVING
        stuck_s = STUCK_S + 0.1
        assert (await seen.read()).status == NOT_SERVING
        assert await statuses(stub) == {NOT_SERVING}
        assert health.obstacle == "the disk has not answered for 5 s"
        stuck_s = 0.0
        assert (await seen.read()).status == SERVING
        assert health.is_ready
        # slow is not stuck
        stuck_s = STUCK_S
        await asyncio.sleep(0.6)
        assert health.is_ready
        watching.cancel()
        seen.cancel()
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


async def test_a_stuck_disk_does_not_hide_that_it_stops() -> None:
    health = Health()
    await health.serve(())
    watching = asyncio.create_task(health.watch(lambda: STUCK_S * 2))
    while health.is_ready:
        await asyncio.sleep(0.01)
    await health.stop()
    assert health.obstacle == "it is stopping: nothing new is taken"
    watching.cancel()
