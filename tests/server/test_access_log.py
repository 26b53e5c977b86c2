"""The access line of every RPC: who, what, how it ended and how long it took; and faults, with all of that."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from router.client import RouterClient, RouterError
from router.engine import commands as c
from router.server.logs.fields import RpcFields
from router.server.logs.formats import JsonFormat
from router.server.rpcs import observing
from router.server.server import RouterServer
from tests.server.support import CONFIG, ServerProcess, client_of, run_cli


class Lines:
    """What was logged, as the JSON lines of a server have it."""

    def __init__(self) -> None:
        self._stream = StringIO()
        self.handler = logging.StreamHandler(self._stream)
        self.handler.setFormatter(JsonFormat())
        self.handler.addFilter(RpcFields())

    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._stream.getvalue().splitlines()]

    def about(self, method: str) -> list[dict[str, Any]]:
        return [line for line in self.all() if line.get("rpc", "").endswith(method)]

    async def until(self, method: str) -> dict[str, Any]:
        """Return the first access line about a method; it is written when its answer is on the way."""
        async with asyncio.timeout(10):
            while not (lines := [line for line in self.about(method) if "duration_ms" in line]):
                await asyncio.sleep(0.01)
        return lines[0]


@pytest.fixture
def lines() -> Iterator[Lines]:
    written = Lines()
    logger = logging.getLogger("router")
    before = logger.level
    logger.addHandler(written.handler)
    logger.setLevel(logging.DEBUG)
    yield written
    logger.setLevel(before)
    logger.removeHandler(written.handler)


async def test_a_line_says_all_that_is_known(server: RouterServer, lines: Lines) -> None:
    async with client_of(server, client_id="pbx") as client:
        await client.apply(c.Enqueue("c1", "loans", customer="carol"), request_id="r1")
    line = await lines.until("/Enqueue")
    assert line.pop("duration_ms") > 0
    assert line.pop("peer").startswith("ipv4:127.0.0.1:")
    assert line.pop("time").endswith("Z")
    assert line.pop("message").startswith("/router.v1.CallService/Enqueue OK in ")
    assert line == {
        "level": "DEBUG",
        "logger": "router.access",
        "rpc": "/router.v1.CallService/Enqueue",
        "code": "OK",
        "sequence": server.shell.engine.sequence,
        "client_id": "pbx",
        "request_id": "r1",
        "call": "c1",
        "queue": "loans",
        "principal": "local",
    }


async def test_a_refusal_says_its_reason(server: RouterServer, lines: Lines) -> None:
    async with client_of(server) as client:
        with pytest.raises(RouterError):
            await client.apply(c.SignOut("nobody"))
    line = await lines.until("/SignOut")
    assert (line["level"], line["code"], line["reason"]) == ("DEBUG", "NOT_FOUND", "UNKNOWN_AGENT")
    assert line["agent"] == "nobody"


async def test_a_slow_one_is_a_warning(server: RouterServer, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observing, "SLOW_S", 1e-9)
    async with client_of(server, client_id="pbx") as client:
        await client.apply(c.SignIn("ada"))
        # a stream is long, not slow
        async with client.stream() as stream:
            await stream.apply([c.SignOut("ada")])
    line = await lines.until("/SignIn")
    assert line["level"] == "WARNING"
    assert line["message"].startswith("slow: /router.v1.AgentService/SignIn OK in ")
    stream_line = await lines.until("/Apply")
    assert (stream_line["level"], stream_line["client_id"]) == ("DEBUG", "pbx")


async def test_a_fault_is_an_error_with_its_traceback(
    server: RouterServer, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("it broke")

    monkeypatch.setattr(server.shell.agents, "page", broken)
    async with client_of(server) as client:
        with pytest.raises(RouterError, match="INTERNAL_ERROR"):
            async for _ in client.agents():
                pass
    access = await lines.until("/ListAgents")
    assert (access["level"], access["code"], access["reason"]) == ("ERROR", "INTERNAL", "INTERNAL_ERROR")
    (fault,) = [line for line in lines.about("/ListAgents") if "exception" in line]
    assert fault["exception"].endswith("RuntimeError: it broke")
    assert fault["principal"] == "local"
    assert fault["peer"] == access["peer"]


async def test_without_debug_nothing_is_worked_out(
    server: RouterServer, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    logging.getLogger("router").setLevel(logging.INFO)
    monkeypatch.setattr(observing, "_write_line", lambda *_: pytest.fail("a line was made"))
    async with client_of(server) as client:
        await client.apply(c.SignIn("ada"))
    assert lines.all() == []


async def test_a_server_process_writes_json_lines_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "router.toml"
    path.write_text(CONFIG)
    arguments = ("--log-format", "json", "--log-level", "debug", "--metrics-listen", "127.0.0.1:0")
    process = ServerProcess(path, *arguments)
    async with RouterClient(await asyncio.to_thread(process.await_listening)) as client:
        await client.apply(c.SignIn("ada"))
    assert process.process.stdout is not None
    assert process.process.stdout.readline().startswith("metrics on http://127.0.0.1:")
    code, errors = await asyncio.to_thread(process.end)
    assert code == 0
    written = [json.loads(line) for line in errors.splitlines()]
    assert any(line.get("rpc") == "/router.v1.AgentService/SignIn" and line["agent"] == "ada" for line in written)
    assert any(line["message"].startswith("stopping") for line in written)
    assert {line["level"] for line in written} <= {"DEBUG", "INFO", "WARNING"}


def test_what_keeps_a_server_from_starting_is_a_json_line_too(tmp_path: Path) -> None:
    path = tmp_path / "router.toml"
    path.write_text("[queues.a]\ntaget = 3\n")
    result = run_cli("serve", "--config", str(path), "--log-format", "json")
    assert result.returncode == 1
    (line,) = [json.loads(line) for line in result.stderr.splitlines()]
    assert line["level"] == "CRITICAL"
    assert "taget: unknown key; did you mean target?" in line["message"]


class Broken:
    """An engine that fails before it has seen a command."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        if name in ("apply", "apply_request"):
            raise ValueError("it broke")
        return getattr(self._engine, name)


async def test_a_command_that_cannot_be_applied_is_named(
    server: RouterServer, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = server.shell.writer
    server.shell.lane.is_open = False
    monkeypatch.setattr(writer.applier, "engine", Broken(server.shell.engine))
    async with client_of(server, client_id="pbx") as client:
        with pytest.raises(RouterError, match="INTERNAL_ERROR"):
            await client.apply(c.Enqueue("c1", "loans"), request_id="r1")
    (line,) = [line for line in lines.all() if line.get("command")]
    assert line["exception"].endswith("ValueError: it broke")
    assert (line["command"], line["client_id"], line["call"], line["queue"]) == ("Enqueue", "pbx", "c1", "loans")
    assert (line["request_id"], line["principal"]) == ("r1", "local")
