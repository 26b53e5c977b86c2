"""Bounds on what is under way: RPCs, streams, memory; and that nothing that frees something is refused for memory."""

from __future__ import annotations

import asyncio
import errno
from typing import Any

import grpc
import pytest

from router.client import RouterClient, RouterError
from router.engine.commands import Cancel, Complete, Enqueue, SignIn, SignOut
from router.server.errors import Refusal
from router.server.memory import MemoryGuard
from router.server.meters import NoMeters
from router.server.metrics.rpc_meter import RpcMeter
from router.server.rpcs.admission import AdmissionLayer
from router.server.rpcs.observing import ObservingLayer
from router.server.rpcs.unary import UnaryLayers
from router.server.security.layer import SecurityLayer
from router.server.server import RouterServer
from router.v1 import call_service_pb2

GET_CALL = "/router.v1.CallService/GetCall"
HEARTBEAT = "SessionService/Heartbeat"
SERVED = call_service_pb2.GetCallResponse()


class Aborted(Exception):
    """What a context raises that is told to abort."""


class Context:
    """A context that only remembers how it was ended."""

    ended: grpc.StatusCode | None = None

    def code(self) -> grpc.StatusCode | None:
        return self.ended

    def time_remaining(self) -> float | None:
        return None

    async def abort(self, code: grpc.StatusCode, details: str, trailing_metadata: object) -> None:
        self.ended, self.details = code, details
        raise Aborted


class Held:
    """A handler that goes on until it is let go."""

    def __init__(self) -> None:
        self.begun = 0
        self.go_on = asyncio.Event()

    async def __call__(self, request: object, context: object) -> call_service_pb2.GetCallResponse:
        self.begun += 1
        await self.go_on.wait()
        return SERVED


async def _durable(sequence: int | None) -> None:
    """Have everything durable."""


def unary(admission: AdmissionLayer, method: str, held: Held) -> Any:
    """Return a unary method with all that is around it."""
    observing = ObservingLayer(RpcMeter(), NoMeters())
    layers = UnaryLayers(observing, admission, SecurityLayer(None), _durable)
    parse = call_service_pb2.GetCallRequest.FromString
    handler: Any = layers.wrap(method, grpc.unary_unary_rpc_method_handler(held, parse))
    return handler.unary_unary


async def test_unary_rpcs_beyond_the_bound_are_refused_and_room_comes_back() -> None:
    held = Held()
    get_call = unary(AdmissionLayer(2, 1), GET_CALL, held)
    under_way = [asyncio.create_task(get_call(b"", Context())) for _ in range(2)]
    await asyncio.sleep(0)
    context = Context()
    with pytest.raises(Aborted):
        await get_call(b"", context)
    assert context.ended is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert context.details == "the server is overloaded: 2 RPCs are under way"
    held.go_on.set()
    assert await asyncio.gather(*under_way) == [SERVED, SERVED]
    assert await get_call(b"", Context()) == SERVED
    assert held.begun == 3


async def test_a_cancelled_rpc_gives_its_room_back() -> None:
    held = Held()
    get_call = unary(AdmissionLayer(1, 1), GET_CALL, held)
    task = asyncio.create_task(get_call(b"", Context()))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    held.go_on.set()
    assert await get_call(b"", Context()) == SERVED


async def test_streams_have_a_bound_of_their_own_and_health_has_none() -> None:
    held = Held()
    admission = AdmissionLayer(1, 1)
    stream = admission.wrap("/router.v1.CommandService/Apply", grpc.stream_stream_rpc_method_handler(held))
    get_call = unary(admission, GET_CALL, held)
    check = grpc.unary_unary_rpc_method_handler(held)
    assert admission.wrap("/grpc.health.v1.Health/Check", check) is check
    tasks = [asyncio.create_task(call(b"", Context())) for call in (stream.stream_stream, get_call)]
    await asyncio.sleep(0)
    assert held.begun == 2
    with pytest.raises(Aborted):
        await stream.stream_stream(b"", Context())
    held.go_on.set()
    await asyncio.gather(*tasks)


async def test_a_heartbeat_has_room_however_many_other_rpcs_are_under_way() -> None:
    held = Held()
    admission = AdmissionLayer(1, 1)
    calls = [unary(admission, f"/router.v1.{method}", held) for method in ("CallService/GetCall", HEARTBEAT)]
    tasks = [asyncio.create_task(call(b"", Context())) for call in calls]
    await asyncio.sleep(0)
    assert held.begun == 2
    for call in calls:
        with pytest.raises(Aborted):
            await call(b"", Context())
    held.go_on.set()
    await asyncio.gather(*tasks)


def test_memory_is_looked_at_four_times_a_second_and_refuses_only_what_grows() -> None:
    now_s, used, looks = 0.0, 99, 0

    def look() -> int:
        nonlocal looks
        looks += 1
        return used

    guard = MemoryGuard(100, used=look, now_s=lambda: now_s)
    guard.check(Enqueue("c", "q"))
    used = 101
    guard.check(SignIn("a"))
    assert looks == 1
    now_s = 0.25
    with pytest.raises(Refusal, match="OVERLOADED") as refused:
        guard.check(Enqueue("c", "q"))
    assert refused.value.retry_after_us == 5_000_000
    assert "more than 100 bytes" in refused.value.message
    with pytest.raises(Refusal):
        guard.check(SignIn("a"))
    for command in (Cancel("c"), Complete("c"), SignOut("a")):
        guard.check(command)
    assert looks == 2
    used, now_s = 100, 0.6
    guard.check(Enqueue("c", "q"))


def test_where_nobody_can_look_at_memory_what_was_seen_last_holds() -> None:
    now_s, used, refuses = 0.0, 101, False

    def look() -> int:
        if refuses:
            raise OSError(errno.EMFILE, "too many open files")
        return used

    guard = MemoryGuard(100, used=look, now_s=lambda: now_s)
    assert guard.is_short()
    now_s, used, refuses = 1.0, 99, True
    assert guard.is_short()
    now_s, refuses = 2.0, False
    assert not guard.is_short()


async def test_a_server_that_is_short_of_memory_takes_no_calls_by_unary_call_or_stream(
    client: RouterClient, server: RouterServer
) -> None:
    await client.apply(Enqueue("first", "loans"))
    server.shell.memory.limit = 1
    while not server.shell.memory.is_short():
        await asyncio.sleep(0.05)
    with pytest.raises(RouterError) as refused:
        await client.apply(Enqueue("second", "loans"))
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
    assert refused.value.retry_after_us
    async with client.stream() as stream:
        enqueued, cancelled = await stream.apply([Enqueue("second", "loans"), Cancel("first")])
    assert isinstance(enqueued, RouterError)
    assert enqueued.reason == "OVERLOADED"
    assert not isinstance(cancelled, RouterError)
