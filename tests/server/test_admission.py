"""Bounds on what is under way: RPCs, streams, memory; and that nothing that frees something is refused for memory."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from router.client import RouterClient, RouterError
from router.engine.commands import Cancel, Complete, Enqueue, SignIn, SignOut
from router.server.admission import AdmissionInterceptor, MemoryGuard
from router.server.errors import Refusal


class Details:
    """What gRPC tells of an RPC before it begins."""

    invocation_metadata = ()

    def __init__(self, method: str) -> None:
        self.method = method


class Aborted(Exception):
    """What a context raises that is told to abort."""


class Context:
    """A context that only remembers how it was ended."""

    code: grpc.StatusCode | None = None

    async def abort(self, code: grpc.StatusCode, details: str, trailing_metadata: object) -> None:
        self.code, self.details = code, details
        raise Aborted


class Held:
    """A handler that goes on until it is let go."""

    def __init__(self) -> None:
        self.begun = 0
        self.go_on = asyncio.Event()

    async def __call__(self, request: object, context: object) -> str:
        self.begun += 1
        await self.go_on.wait()
        return "served"


async def admitted(interceptor: AdmissionInterceptor, method: str, handler: grpc.RpcMethodHandler) -> object:
    async def continuation(_: object) -> grpc.RpcMethodHandler:
        return handler

    return await interceptor.intercept_service(continuation, Details(method))  # type: ignore[arg-type]


async def test_unary_rpcs_beyond_the_bound_are_refused_and_room_comes_back() -> None:
    held = Held()
    handler = await admitted(
        AdmissionInterceptor(2, 1), "/router.v1.CallService/GetCall", grpc.unary_unary_rpc_method_handler(held)
    )
    under_way = [asyncio.create_task(handler.unary_unary(b"", Context())) for _ in range(2)]
    await asyncio.sleep(0)
    context = Context()
    with pytest.raises(Aborted):
        await handler.unary_unary(b"", context)
    assert context.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert context.details == "the server is overloaded: 2 RPCs are under way"
    held.go_on.set()
    assert await asyncio.gather(*under_way) == ["served", "served"]
    assert await handler.unary_unary(b"", Context()) == "served"
    assert held.begun == 3


async def test_a_cancelled_rpc_gives_its_room_back() -> None:
    held = Held()
    handler = await admitted(
        AdmissionInterceptor(1, 1), "/router.v1.CallService/GetCall", grpc.unary_unary_rpc_method_handler(held)
    )
    task = asyncio.create_task(handler.unary_unary(b"", Context()))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    held.go_on.set()
    assert await handler.unary_unary(b"", Context()) == "served"


async def test_streams_have_a_bound_of_their_own_and_health_has_none() -> None:
    held = Held()
    interceptor = AdmissionInterceptor(1, 1)
    stream = await admitted(interceptor, "/router.v1.CommandService/Apply", grpc.stream_stream_rpc_method_handler(held))
    unary = await admitted(interceptor, "/router.v1.CallService/GetCall", grpc.unary_unary_rpc_method_handler(held))
    check = grpc.unary_unary_rpc_method_handler(held)
    assert await admitted(interceptor, "/grpc.health.v1.Health/Check", check) is check
    tasks = [asyncio.create_task(call(b"", Context())) for call in (stream.stream_stream, unary.unary_unary)]
    await asyncio.sleep(0)
    assert held.begun == 2
    with pytest.raises(Aborted):
        await stream.stream_stream(b"", Context())
    held.go_on.set()
    await asyncio.gather(*tasks)


async def test_a_heartbeat_has_room_however_many_other_rpcs_are_under_way() -> None:
    held = Held()
    interceptor = AdmissionInterceptor(1, 1)
    handler = grpc.unary_unary_rpc_method_handler(held)
    calls = [
        (await admitted(interceptor, f"/router.v1.{method}", handler)).unary_unary  # type: ignore[attr-defined]
        for method in ("CallService/GetCall", "SessionService/Heartbeat")
    ]
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


async def test_a_server_that_is_short_of_memory_takes_no_calls_by_unary_call_or_stream(
    client: RouterClient, server: object
) -> None:
    await client.apply(Enqueue("first", "loans"))
    server.shell.memory = MemoryGuard(1)  # type: ignore[attr-defined]
    with pytest.raises(RouterError) as refused:
        await client.apply(Enqueue("second", "loans"))
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
    assert refused.value.retry_after_us
    async with client.stream() as stream:
        enqueued, cancelled = await stream.apply([Enqueue("second", "loans"), Cancel("first")])
    assert isinstance(enqueued, RouterError)
    assert enqueued.reason == "OVERLOADED"
    assert not isinstance(cancelled, RouterError)
