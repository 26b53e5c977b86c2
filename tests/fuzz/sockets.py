"""Attacks below gRPC: bytes on the bare port that are no HTTP/2, too much of it, or far too slow."""

from __future__ import annotations

import asyncio
import contextlib
import random
import struct
from collections.abc import Sequence

from tests.http2 import CONTINUATION, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS, WINDOW_UPDATE, frame

CLIENT_HELLO = bytes.fromhex("160301006f0100006b0303") + bytes(108)
_READ_S = 0.2


def garbage(rng: random.Random) -> list[bytes]:
    """Return what is sent to the bare port, one connection for each."""
    opened = PREFACE + frame(SETTINGS)
    return [
        b"",
        rng.randbytes(10),
        rng.randbytes(100_000),
        b"\x00" * 1_000,
        b"GET / HTTP/1.1\r\nHost: router\r\n\r\n",
        b"POST /router.v1.CallService/Enqueue HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
        b"GET /" + b"a" * 100_000,
        CLIENT_HELLO,
        b"SSH-2.0-OpenSSH_9.0\r\n",
        PREFACE,
        PREFACE[:10],
        PREFACE + rng.randbytes(1_000),
        opened + frame(SETTINGS, rng.randbytes(600), length=2**24 - 1),
        opened + frame(PING, rng.randbytes(8)) * 2_000,
        opened + frame(PING, b"123"),
        opened + frame(SETTINGS, struct.pack(">HI", 4, 2**31)) * 100,
        opened + frame(WINDOW_UPDATE, struct.pack(">I", 0)),
        opened + frame(WINDOW_UPDATE, struct.pack(">I", 2**31 - 1)) * 3,
        opened + frame(CONTINUATION, rng.randbytes(50), stream=1),
        opened + frame(HEADERS, rng.randbytes(200), flags=5, stream=1),
        opened
        + frame(HEADERS, b"\x82" * 20_000, flags=0, stream=1)
        + frame(CONTINUATION, b"\x82" * 10_000, stream=1) * 20,
        opened + b"".join(reset_at_once(2 * number + 1) for number in range(500)),
        opened
        + b"".join(
            frame(rng.randrange(256), rng.randbytes(rng.randrange(40)), stream=rng.randrange(9)) for _ in range(50)
        ),
    ]


def reset_at_once(stream: int) -> bytes:
    """Return the beginning of an RPC and its end: no answer is wanted."""
    path = b"/router.v1.AdministrationService/GetStatistics"
    headers = (
        b"\x83\x86\x44" + bytes([len(path)]) + path + b"\x41\x01r\x0f\x10\x10application/grpc\x40\x02te\x08trailers"
    )
    return frame(HEADERS, headers, flags=4, stream=stream) + frame(RST_STREAM, struct.pack(">I", 8), stream=stream)


async def throw(address: str, parts: Sequence[bytes]) -> None:
    """Open a connection for each part, send it, look for an answer for a moment, and hang up."""
    await asyncio.gather(*(_throw_one(address, part) for part in parts))


async def _throw_one(address: str, part: bytes) -> None:
    reader, writer = await _open(address)
    with contextlib.suppress(ConnectionError, TimeoutError):
        writer.write(part)
        async with asyncio.timeout(_READ_S):
            await writer.drain()
            while await reader.read(65_536):
                pass
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def drip(address: str, connections: int, until: asyncio.Event) -> None:
    """Hold many connections that send one byte of a preface now and then, until told to stop."""

    async def one() -> None:
        _, writer = await _open(address)
        with contextlib.suppress(ConnectionError):
            for byte in PREFACE:
                if until.is_set():
                    break
                writer.write(bytes([byte]))
                await writer.drain()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.1):
                        await until.wait()
        await until.wait()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    await asyncio.gather(*(one() for _ in range(connections)))


async def _open(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = address.rpartition(":")
    return await asyncio.open_connection(host, int(port))
