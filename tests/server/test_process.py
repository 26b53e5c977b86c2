"""`skill-router serve` and `explain` as processes: signals, reloads, exit codes, and what they say."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from router.client import Reply, RouterClient, RouterError
from router.engine import commands as c
from tests.recovery.real_server import RealServer
from tests.server.support import CONFIG, Seen, ServerProcess, refused, run_cli


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "router.toml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def process(config: Path) -> Iterator[ServerProcess]:
    started = ServerProcess(config)
    started.await_listening()
    yield started
    if started.process.poll() is None:
        started.end(signal.SIGKILL)


async def test_sigterm_finishes_what_is_under_way_and_exits_0(process: ServerProcess) -> None:
    async with RouterClient(process.address) as client:
        seen = await Seen(client.watch(resume=False)).begun()
        await client.apply(c.SignIn("ada", {"loans": 9}))
        stream = client.stream()
        await stream.__aenter__()
        futures = [await stream.send([c.Enqueue(f"c{b}-{n}", "loans") for n in range(100)]) for b in range(5)]
        await futures[0]
        process.send(signal.SIGTERM)
        outcomes = await asyncio.gather(*futures, return_exceptions=True)
        await seen.until(lambda s: s.error)
        assert seen.error is not None
        assert seen.error.reason == "SHUTTING_DOWN"
        # what was answered had happened, and the watcher was told of it first
        replies = [reply for outcome in outcomes if isinstance(outcome, list) for reply in outcome]
        answered = [reply.result.sequence for reply in replies if isinstance(reply, Reply)]
        told = [event.sequence for event in seen.events if type(event).__name__ == "CallEnqueued"]
        assert len(answered) >= 100
        assert told[: len(answered)] == answered
        assert all(reply.reason == "SHUTTING_DOWN" for reply in replies if isinstance(reply, RouterError))
        assert all(outcome.reason == "SHUTTING_DOWN" for outcome in outcomes if isinstance(outcome, RouterError))
    code, errors = process.end()
    assert code == 0, errors
    assert "in memory only" in errors
    assert "Traceback" not in errors


async def test_sigterm_ends_the_process_although_a_watcher_does_not_read(process: ServerProcess) -> None:
    async with grpc.aio.insecure_channel(process.address) as channel:
        watch = channel.unary_stream("/router.v1.WatchService/Watch")(b"")
        await watch.read()
        started = time.monotonic()
        code, _ = await asyncio.to_thread(process.end)
        assert code == 0
        assert time.monotonic() - started < 10


async def test_sighup_applies_the_file_or_keeps_the_old_config(tmp_path: Path) -> None:
    with RealServer(tmp_path, CONFIG, in_memory=True) as server:
        server.start()
        config = server.config
        async with RouterClient(server.address) as client:
            etag = (await client.config()).etag
            config.write_text(CONFIG + "\n[queues.more]\n")
            server.process.send_signal(signal.SIGHUP)
            await until_etag_changes(client, etag)
            assert (await client.queue("more")).waiting == 0
            etag = (await client.config()).etag
            config.write_text(CONFIG + "\n[queues.more]\ntaget = 3\n")
            await until_it_is_kept(server, 1)
            config.write_bytes(b"\xff\xfe")
            await until_it_is_kept(server, 2)
            config.unlink()
            await until_it_is_kept(server, 3)
            assert (await client.config()).etag == etag
            assert (await client.apply(c.SignIn("ada"))).result.rejection is None
        assert server.end() == 0
        assert server.log.count("the old config stays") == 3
        assert re.search(r"router\.toml:\d+: .*taget", server.log)
        assert "UTF-8" in server.log
        assert "there is no such file" in server.log


async def until_it_is_kept(server: RealServer, times: int) -> None:
    """Let the server read its file again, and wait until it has said so often that it keeps the old config."""
    server.process.send_signal(signal.SIGHUP)
    async with asyncio.timeout(10):
        while server.log.count("the old config stays") < times:
            await asyncio.sleep(0.02)


async def test_sighup_says_what_takes_effect_at_the_next_start_only(process: ServerProcess, config: Path) -> None:
    async with RouterClient(process.address) as client:
        etag = (await client.config()).etag
        config.write_text(CONFIG.replace("[engine]", 'drain = "9s"\n[engine]'))
        process.send(signal.SIGHUP)
        await until_etag_changes(client, etag)
    _, errors = process.end()
    assert f"[server] in {config} has changed: that takes effect when the server starts again" in errors


async def until_etag_changes(client: RouterClient, etag: str) -> None:
    async with asyncio.timeout(10):
        while (await client.config()).etag == etag:
            await asyncio.sleep(0.02)


def test_a_port_in_use_is_said_plainly(process: ServerProcess, config: Path) -> None:
    result = run_cli("serve", "--config", str(config), "--listen", process.address)
    assert result.returncode == 1
    assert f"cannot listen on {process.address}: the port is in use" in result.stderr
    assert result.stderr.count("\n") == 1  # gRPC's own words stay out of it
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [("[queues.loans]\ntaget = 3\n", "taget"), ("[queues", "1"), ("\x00", "1"), ("queues = 3", "queues")],
)
def test_a_config_that_is_not_valid_is_said_plainly(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    result = run_cli("serve", "--config", str(path), "--listen", "127.0.0.1:0")
    assert result.returncode == 1
    assert f"{path}:" in result.stderr
    assert said in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--config", "{config}", "--clock-speed", "0"],
        ["--config", "{config}", "--clock-speed", "nan"],
        ["--config", "{config}", "--clock-speed", "fast"],
        ["--config", "{config}", "--data", "x"],
    ],
)
def test_wrong_calls_exit_2(config: Path, arguments: list[str]) -> None:
    result = run_cli("serve", *(argument.format(config=config) for argument in arguments))
    assert result.returncode == 2
    assert "Traceback" not in result.stderr


def test_a_config_that_is_not_there_is_said_plainly() -> None:
    result = run_cli("serve", "--config", "nowhere.toml")
    assert result.returncode == 1
    assert "nowhere.toml: there is no such file" in result.stderr


@pytest.mark.parametrize("listen", ["127.0.0.1", "256.0.0.1:50051", "127.0.0.1:99999"])
def test_addresses_that_cannot_be(config: Path, listen: str) -> None:
    result = run_cli("serve", "--config", str(config), "--listen", listen)
    assert result.returncode in (1, 2)
    assert listen in result.stderr
    assert "Traceback" not in result.stderr


async def test_a_compressed_clock(config: Path) -> None:
    process = ServerProcess(config, "--clock-speed", "120")
    process.await_listening()
    try:
        async with RouterClient(process.address) as client:
            seen = await Seen(client.watch()).begun()
            await client.apply(c.SignIn("ada", {"loans": 9}))
            await client.apply(c.Enqueue("c1", "loans"))
            started = time.monotonic()
            await seen.until(lambda s: any(type(event).__name__ == "OfferExpired" for event in s.events))
            # 20 seconds of the engine are a sixth of a second here
            assert time.monotonic() - started < 5
            assert (await client.statistics()).clock_speed == 120.0
            await seen.end()
    finally:
        code, _ = process.end()
    assert code == 0


async def test_health_over_a_real_process(process: ServerProcess) -> None:
    async with grpc.aio.insecure_channel(process.address) as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_explain_a_call_on_a_running_server(process: ServerProcess) -> None:
    async with RouterClient(process.address) as client:
        await client.apply(c.SignIn("ada", {"loans": 9}))
        await client.apply(c.SignIn("ben", {"loans": 3}))
        await client.apply(c.SignIn("low", {"loans": 2}))
        await client.apply(c.Enqueue("c1", "loans", explain=True))
        await client.apply(c.Enqueue("c2", "loans"))
        await client.apply(c.Enqueue("c3", "loans"))
    server = ["--server", process.address]
    text = await asyncio.to_thread(run_cli, "explain", "c1", *server)
    assert text.returncode == 0
    for word in ("c1", "ada", "ben", "offered", "skill_fit", "total"):
        assert word in text.stdout, word
    waiting = await asyncio.to_thread(run_cli, "explain", "c3", "--agent", "low", *server)
    assert waiting.returncode == 0
    assert "place in line 1" in waiting.stdout
    assert "low may not take c3" in waiting.stdout
    data = json.loads((await asyncio.to_thread(run_cli, "explain", "c1", "--json", *server)).stdout)
    assert data["state"] == "offered"
    assert {data["decisions"][0]["winner"]["agent"], data["decisions"][0]["runner_up"]["agent"]} == {"ada", "ben"}
    unknown = await asyncio.to_thread(run_cli, "explain", "nothing", *server)
    assert unknown.returncode == 1
    assert "UNKNOWN_CALL" in unknown.stderr
    assert "Traceback" not in unknown.stderr
    as_json = await asyncio.to_thread(run_cli, "explain", "nothing", "--json", *server)
    assert json.loads(as_json.stdout)["error"] == "UNKNOWN_CALL"


def test_explain_without_a_server() -> None:
    result = run_cli("explain", "c1", "--server", "127.0.0.1:1")
    assert result.returncode == 1
    assert "no server at 127.0.0.1:1" in result.stderr
    assert "Traceback" not in result.stderr


async def test_a_request_after_the_end_is_unavailable(process: ServerProcess) -> None:
    async with RouterClient(process.address) as client:
        await client.apply(c.SignIn("ada"))
        await asyncio.to_thread(process.end)
        assert (await refused(client.apply(c.SignIn("bob")))).code is grpc.StatusCode.UNAVAILABLE


async def test_nobody_need_take_the_standard_output(config: Path, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    log = tmp_path / "log"
    command = [sys.executable, "-m", "router.cli", "serve", "--config", str(config)]
    with log.open("wb") as errors:
        process = subprocess.Popen(command, stdout=writing, stderr=errors)
    os.close(writing)
    try:
        async with asyncio.timeout(30):
            while not (said := re.search(r"\(Broken pipe\): listening on (\S+)\n", log.read_text())):
                assert process.poll() is None, log.read_text()
                await asyncio.sleep(0.02)
        async with RouterClient(said[1]) as client:
            await client.apply(c.SignIn("ada"))
        process.terminate()
        assert await asyncio.to_thread(process.wait, 15) == 0
    finally:
        process.kill()
        process.wait()
    assert "not started" not in log.read_text()
    assert "Exception ignored" not in log.read_text()


_FAULTY = """
import sys
import router.cli.serve as module

def announce(server, recovered):
    raise OSError("a fault")

module._announce = announce
module.command(sys.argv[1:])
"""


def test_a_fault_after_the_start_ends_the_server_in_order(config: Path, tmp_path: Path) -> None:
    arguments = ["--config", str(config), "--data-dir", str(tmp_path / "data")]
    result = subprocess.run(
        [sys.executable, "-c", _FAULTY, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 1
    assert "OSError: a fault" in result.stderr
    assert "stopping: the server failed" in result.stderr
    assert "not started" not in result.stderr
