"""The HTTP server: probes and metrics answer from before there is a server until its end, and never for long."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from router.server.health import Health
from router.server.metrics import bounded_http
from router.server.metrics import listener as listening_module
from router.server.metrics.bounded_http import CONNECTIONS_MAX
from router.server.metrics.catalogue import Reading
from router.server.metrics.listener import Listener
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


async def test_clients_who_do_not_ask_make_room_for_those_who_do() -> None:
    async with listening() as listener:
        silent = [await asyncio.open_connection("127.0.0.1", listener.port) for _ in range(CONNECTIONS_MAX)]
        for _ in range(3):
            assert await get(listener.port, "/healthz") == (200, "ok\n")
        # the oldest has lost its place
        async with asyncio.timeout(10):
            assert await silent[0][0].read() == b""
        for _, writer in silent:
            writer.close()


async def test_a_client_who_asks_byte_by_byte_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_http, "CONNECTION_S_MAX", 0.2)
    async with listening() as listener:
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        ending = asyncio.create_task(reader.read())
        writer.write(b"GET /healthz HTTP/1.0\r\nX: ")
        async with asyncio.timeout(10):
            while not ending.done():
                writer.write(b"x")
                await asyncio.sleep(0.02)
        assert ending.exception() or ending.result() == b""
        writer.close()
        assert await get(listener.port, "/healthz") == (200, "ok\n")


async def test_readers_of_metrics_leave_places_to_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening_module, "SCRAPES_MAX", 2)
    metrics = HeldUp()
    async with listening() as listener:
        listener.metrics = metrics  # type: ignore[assignment]
        readers = [asyncio.create_task(get(listener.port, "/metrics")) for _ in range(2)]
        async with asyncio.timeout(10):
            while metrics.asked < 2:
                await asyncio.sleep(0.01)
        assert await get(listener.port, "/metrics") == (503, "2 others are reading the metrics\n")
        assert await get(listener.port, "/healthz") == (200, "ok\n")
        metrics.go_on.set()
        assert {answer.status for answer in await asyncio.gather(*readers)} == {200}
        # they have made room again
        for _ in range(3):
            assert (await get(listener.port, "/metrics")).status == 200


class HeldUp:
    """Metrics that nobody gets until the test says so."""

    def __init__(self) -> None:
        self.asked = 0
        self.go_on = asyncio.Event()

    async def gather(self) -> Sequence[Reading]:
        self.asked += 1
        await self.go_on.wait()
        return []

    def disk_readings(self) -> Sequence[Reading]:
        return []


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
