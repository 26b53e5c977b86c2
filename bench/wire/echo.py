"""A bare grpc.aio server that answers with so many bytes and does nothing else: `python -m bench.wire.echo [asyncio]`.

Its methods are /bench.Echo/Unary-N and /bench.Echo/Stream-N, which answer each message with N bytes, and the pair Apply
and Watch, where each message says how long its answer is, and how long what the watcher is told: see `Loud`.
"""

from __future__ import annotations

import asyncio
import struct
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import grpc
import uvloop

LOUD: Final = struct.Struct("<III")
"""What a message to Apply begins with: a number, the bytes of its answer, and those for the watcher, 0 for none.

Both begin with the number.
"""


class Echo(grpc.GenericRpcHandler):  # type: ignore[type-arg]
    """Serve the methods."""

    def __init__(self) -> None:
        self._watchers: list[asyncio.Queue[bytes]] = []

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        """Return what serves a method."""
        kind, _, size = handler_call_details.method.rpartition("/")[2].partition("-")
        if kind == "Unary":
            return grpc.unary_unary_rpc_method_handler(_unary(bytes(int(size))))
        if kind == "Stream":
            return grpc.stream_stream_rpc_method_handler(_stream(bytes(int(size))))
        return {
            "Apply": grpc.stream_stream_rpc_method_handler(self._apply),
            "Watch": grpc.unary_stream_rpc_method_handler(self._watch),
        }.get(kind)

    async def _apply(self, messages: AsyncIterator[bytes], context: Any) -> None:
        async for message in messages:
            _, answer, told = LOUD.unpack_from(message)
            head = message[:4]
            await context.write(head + bytes(answer))
            if told:
                for watcher in self._watchers:
                    watcher.put_nowait(head + bytes(told))

    async def _watch(self, request: bytes, context: Any) -> None:
        watcher: asyncio.Queue[bytes] = asyncio.Queue()
        self._watchers.append(watcher)
        try:
            await context.write(b"")
            while True:
                await context.write(await watcher.get())
        finally:
            self._watchers.remove(watcher)


def _unary(answer: bytes) -> Callable[[bytes, Any], Awaitable[bytes]]:
    async def serve(message: bytes, context: Any) -> bytes:
        return answer

    return serve


def _stream(answer: bytes) -> Callable[[AsyncIterator[bytes], Any], Awaitable[None]]:
    async def serve(messages: AsyncIterator[bytes], context: Any) -> None:
        async for _ in messages:
            await context.write(answer)

    return serve


async def main() -> None:
    """Serve until killed; the first line of the output is the port."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Echo(),))
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    (asyncio if "asyncio" in sys.argv[1:] else uvloop).run(main())
