"""How RPCs are said to have ended: late, or given up.

Method: a client ends an RPC in the same words, RST_STREAM with CANCEL, at its deadline and before. What it says of its
deadline is more than it has, so the server's own watch has not run down when the client gives up.
"""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from router.server.metrics import catalogue as m
from router.server.rpcs import observing
from router.server.rpcs.grpc_types import Context
from router.server.rpcs.observing import code_of_cancelled
from router.v1 import administration_service_pb2, administration_service_pb2_grpc
from tests.server.support import running

SECOND_NS = 1_000_000_000
ROUNDS_MAX = 10
METHOD = "/router.v1.AdministrationService/ValidateConfig"


@pytest.mark.parametrize(
    ("passed_s", "left_s", "code"),
    [
        (1.0, None, "CANCELLED"),
        (1.0, 0.0, "DEADLINE_EXCEEDED"),
        # the client had 9.65 s: rounded up to the next hundredth, and by 3 % to what it had said before
        (9.65, 0.36, "DEADLINE_EXCEEDED"),
        (9.0, 1.0, "CANCELLED"),
        (0.9, 0.1, "CANCELLED"),
        (0.05, 0.02, "DEADLINE_EXCEEDED"),
        (0.05, 0.05, "CANCELLED"),
        (0.0, 20.0, "CANCELLED"),
    ],
)
def test_who_gives_up_when_its_time_is_over_is_late(passed_s: float, left_s: float | None, code: str) -> None:
    context: Any = SimpleNamespace(time_remaining=lambda: left_s)
    assert code_of_cancelled(context, int(passed_s * SECOND_NS)).name == code


async def test_a_client_has_less_time_than_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """gRPC's own client says again the 1.03 s that it said before, and gives up after 1 s."""
    begun, left_s = asyncio.Semaphore(0), []

    async def never(*_: object) -> None:
        begun.release()
        await asyncio.Event().wait()

    def seen(context: Context, duration_ns: int) -> grpc.StatusCode:
        left_s.append(context.time_remaining() or 0.0)
        return code_of_cancelled(context, duration_ns)

    monkeypatch.setattr(observing, "code_of_cancelled", seen)
    async with running() as server, grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        monkeypatch.setattr(server.shell.configs, "parse", never)
        stub = administration_service_pb2_grpc.AdministrationServiceStub(channel)
        request, rounds = administration_service_pb2.ValidateConfigRequest(), 0
        # where the machine is busy, the end of the call comes too late to be seen as early
        while rounds < ROUNDS_MAX and max(left_s, default=0.0) <= 0.01:
            rounds += 1
            asking = []
            for timeout_s in (1.03, 1.0, 1.0, 1.0):
                asking.append(stub.ValidateConfig(request, timeout=timeout_s))
                await begun.acquire()
            assert [await call.code() for call in asking] == [grpc.StatusCode.DEADLINE_EXCEEDED] * 4
        async with asyncio.timeout(10):
            while server.metrics.rpcs.under_way:
                await asyncio.sleep(0.01)
        (ended,) = [dict(one.values) for one in server.metrics.rpcs.readings() if one.metric is m.RPCS]
    assert max(left_s) > 0.01
    assert ended == {(METHOD, "DEADLINE_EXCEEDED"): 4 * rounds}
