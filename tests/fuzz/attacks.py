"""Attacks on a live server over gRPC: strange bytes in every method, and streams that nobody should have to bear.

Keeps one invariant: every answer is noted; one that the contract does not have is a finding.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import grpc
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_status import rpc_status

from router.server.errors import REASONS
from tests.fuzz.messages import Messages
from tests.fuzz.methods import Method

ANSWER_S_MAX = 20.0
GLANCE_S = 0.05
KNOWN = {
    grpc.StatusCode.OK,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.ABORTED,
}
# what gRPC's client says of a stream that the server ended while the client was writing: the server's status is lost
LOST_STATUS = "Internal error from Core"
UNLIMITED = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]


class Attacker:
    """One connection to a server. `findings` has what should not have happened, `codes` all answers by status."""

    def __init__(self, address: str, seed: int) -> None:
        self.messages = Messages(seed)
        self.codes: Counter[str] = Counter()
        self.findings: list[str] = []
        self._rng = self.messages.rng
        self._channel: Any = grpc.aio.insecure_channel(address, options=UNLIMITED)

    async def close(self) -> None:
        await self._channel.close(None)

    async def call(self, method: Method, payload: bytes, glance_s: float = GLANCE_S) -> None:
        """Send one payload to a method that takes one message; a stream of answers is read for `glance_s` only."""
        if method.server_streaming:
            call: Any = self._channel.unary_stream(method.path)(payload, timeout=ANSWER_S_MAX)
            await self._note(method, self._glance(call, glance_s), payload)
        else:
            call = self._channel.unary_unary(method.path)(payload, timeout=ANSWER_S_MAX)
            await self._note(method, call, payload)

    async def pour(self, method: Method, payloads: list[bytes], manner: str) -> None:
        """Send payloads to a method that takes a stream, in a manner: "whole", "cancelled", "deaf" or "hasty"."""
        call: Any = self._channel.stream_stream(method.path)(timeout=ANSWER_S_MAX)
        await self._note(method, MANNERS[manner](call, payloads), b"|".join(payloads))

    async def any_call(self, method: Method) -> None:
        """Send a method what comes to mind."""
        if method.client_streaming:
            payloads = [self.messages.payload(method.input) for _ in range(self._rng.choice((0, 1, 2, 10)))]
            await self.pour(method, payloads, self._rng.choice(sorted(MANNERS)))
        else:
            await self.call(method, self.messages.payload(method.input))

    async def with_strange_metadata(self, method: Method) -> None:
        """Send a valid request with headers and deadlines that nobody needs."""
        payload = self.messages.valid(method.input)
        strange: list[tuple[list[tuple[str, str | bytes]], float]] = [
            ([("x-much", "y" * 7_000)], ANSWER_S_MAX),
            ([("authorization", "Bearer ~!@ ,;")], ANSWER_S_MAX),
            ([("authorization", "Basic Og==")], ANSWER_S_MAX),
            ([("x-bin", bytes(range(256)))], ANSWER_S_MAX),
            ([("traceparent", "00-zz-zz-zz")], ANSWER_S_MAX),
            ([], 0.0001),
        ]
        for metadata, timeout_s in strange:
            call: Any = self._channel.unary_unary(method.path)(payload, metadata=metadata, timeout=timeout_s)
            await self._note(method, call, payload, late=timeout_s < 1)

    async def flood_with_empty_batches(self, method: Method, count: int) -> None:
        """Send thousands of messages without content in one stream, and read all answers."""
        await self.pour(method, [b""] * count, "whole")

    @staticmethod
    async def _glance(call: Any, glance_s: float) -> None:
        """Read a stream of answers for a moment, then let go of it."""
        try:
            async with asyncio.timeout(glance_s):
                async for _ in call:
                    pass
        except TimeoutError:
            call.cancel()

    async def _note(self, method: Method, answer: Awaitable[Any], payload: bytes, *, late: bool = False) -> None:
        try:
            await answer
            self.codes["OK"] += 1
        except grpc.aio.AioRpcError as error:
            code = error.code()
            self.codes[code.name] += 1
            if late and code is grpc.StatusCode.DEADLINE_EXCEEDED:
                return
            if problem := self._problem_of(method, error):
                self.findings.append(f"{method.path}: {problem}; sent {payload[:200].hex()} ({len(payload)} bytes)")
        except (asyncio.CancelledError, asyncio.InvalidStateError):
            self.codes["CANCELLED"] += 1  # by this side, or by the other while this one was writing

    @staticmethod
    def _problem_of(method: Method, error: grpc.aio.AioRpcError) -> str:
        """Say what is wrong with an error, "" if nothing is."""
        code, said = error.code(), f"{error.code().name}: {error.details()}"
        if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
            return f"no answer ({said})"
        if not method.ours or (method.client_streaming and error.details() == LOST_STATUS):
            return ""
        if code not in KNOWN:
            return f"an answer that the contract does not have ({said})"
        status = rpc_status.from_call(error)  # type: ignore[arg-type]
        if status is None:
            # gRPC itself refuses what is too large, without a reason
            return "" if code is grpc.StatusCode.RESOURCE_EXHAUSTED else f"an answer without a reason ({said})"
        info = ErrorInfo()
        if not any(detail.Unpack(info) for detail in status.details) or info.reason not in REASONS:
            return f"an answer with the unknown reason {info.reason!r}"
        return ""


async def _whole(call: Any, payloads: list[bytes]) -> None:
    """Send everything, close, and read to the end, all at once."""

    async def read() -> None:
        async for _ in call:
            pass

    reading = asyncio.create_task(read())
    try:
        for payload in payloads:
            await call.write(payload)
        await call.done_writing()
    except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
        pass  # refused in the middle: the reader learns why
    await reading


async def _cancelled(call: Any, payloads: list[bytes]) -> None:
    for payload in payloads[: len(payloads) // 2]:
        await call.write(payload)
    call.cancel()


async def _deaf(call: Any, payloads: list[bytes]) -> None:
    """Send everything and read nothing."""
    for payload in payloads:
        await call.write(payload)
    await asyncio.sleep(0)
    call.cancel()


async def _hasty(call: Any, payloads: list[bytes]) -> None:
    """Close before anything is sent, and read to the end."""
    await call.done_writing()
    async for _ in call:
        pass


MANNERS: dict[str, Callable[[Any, list[bytes]], Awaitable[None]]] = {
    "whole": _whole,
    "cancelled": _cancelled,
    "deaf": _deaf,
    "hasty": _hasty,
}


async def at_once(work: Iterable[Awaitable[None]], most: int) -> None:
    """Carry out much work, so many at a time."""
    gate = asyncio.Semaphore(most)

    async def one(item: Awaitable[None]) -> None:
        async with gate:
            await item

    async with asyncio.TaskGroup() as group:
        for item in work:
            group.create_task(one(item))
