"""The HTTP server: probes and metrics answer from before there is a server until its end, and never for long."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from router.server.health import Health
from router.server.metrics import listener as listening_module
from router.server.metrics.listener import REQUESTS_MAX, Listener
from router.server.server import SERVICE_NAMES
from tests.server.metrics.scrape import Samples, fetch, get, listening, observed, parse_text, scrape


async def test_before_there_is_a_server_it_is_alive_and_not_ready() -> None:
    async with listening() as listener:
        assert await get(listener.port, "/healthz") == (200, "ok\n")
        assert await get(listener.port, "/readyz") == (503, "it is starting: the state is being brought back\n")
        samples = Samples(parse_text((await get(listener.port, "/metrics")).text))
        assert samples("ready") == 0
        assert samples.values["process_resident_memory_bytes", frozenset()] > 0


async def test_it_is_ready_while_the_server_takes_commands() -> None:
    async with observed() as (server, port):
        assert await get(port, "/readyz") == (200, "ok\n")
        await server.stop(grace_s=0.1)
        assert await get(port, "/readyz") == (503, "it is stopping: nothing new is taken\n")
        assert await get(port, "/healthz") == (200, "ok\n")
        assert (await scrape(port))("ready") == 0


async def test_it_is_not_ready_when_the_server_has_failed() -> None:
    health = Health()
    async with listening(health) as listener:
        await health.serve(SERVICE_NAMES)
        await health.fail()
        await health.stop()
        assert await get(listener.port, "/readyz") == (503, "it has failed and will end\n")


async def test_other_paths_and_methods_are_refused() -> None:
    async with listening() as listener:
        answer = await get(listener.port, "/")
        assert answer == (404, "there is /metrics, /healthz and /readyz\n")
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(b"POST /metrics HTTP/1.0\r\nContent-Length: 0\r\n\r\n")
        assert b"405" in await reader.readline()
        writer.close()


async def test_an_event_loop_that_hangs_is_not_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening_module, "LOOP_S_MAX", 0.1)
    async with listening() as listener:
        with ThreadPoolExecutor(3) as pool:
            paths = ("/healthz", "/readyz", "/metrics")
            asking = [pool.submit(fetch, f"http://127.0.0.1:{listener.port}{path}") for path in paths]
            # the loop stands still until they have their answers
            answers = [asked.result(10) for asked in asking]
        assert answers[:2] == [(503, "the server has not answered for 0.1 s\n")] * 2
        # before there is a server, the metrics need no loop
        assert answers[2].status == 200
        assert (await get(listener.port, "/healthz")).status == 200


async def test_clients_who_ask_slowly_are_bounded() -> None:
    async with listening() as listener:
        slow = [await asyncio.open_connection("127.0.0.1", listener.port) for _ in range(REQUESTS_MAX)]
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        # one too many is turned away at once
        async with asyncio.timeout(10):
            assert await reader.read() == b""
        writer.close()
        for _, other in slow:
            other.close()
        async with asyncio.timeout(10):
            while True:
                reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
                writer.write(b"GET /healthz HTTP/1.0\r\n\r\n")
                answer = await reader.read()
                writer.close()
                if b"200 OK" in answer:
                    break


async def test_an_address_that_is_taken_is_said_plainly() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(OSError, match=f"cannot listen on metrics_listen {address}: Address already in use"):
            Listener(address, Health()).start()


async def test_it_listens_on_ipv6() -> None:
    listener = Listener("[::1]:0", Health())
    listener.start()
    try:
        reader, writer = await asyncio.open_connection("::1", listener.port)
        writer.write(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert b"200 OK" in await reader.read()
        writer.close()
    finally:
        await listener.close()
