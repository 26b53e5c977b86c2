"""Tracing: the spans of RPCs and commands, with the times of each part of their way, and whose trace they belong to."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from router.client import RouterClient, RouterError
from router.engine import commands as c
from router.server.errors import Refusal
from router.server.tracing import Tracing, set_up_tracing
from router.server.writing.requests import Submission
from router.v1 import command_service_pb2, command_service_pb2_grpc
from router.wire.commands import encode_any_command
from tests.server.support import CONFIG, ServerProcess, client_of, running

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = (("traceparent", f"00-{TRACE_ID}-b7ad6b7169203331-01"),)


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    yield exporter
    exporter.shutdown()


def tracing_to(exporter: InMemorySpanExporter) -> Tracing:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Tracing(provider)


async def finished(exporter: InMemorySpanExporter, count: int) -> list[ReadableSpan]:
    """Return the spans once there are so many: that of an RPC ends after its answer has left."""
    async with asyncio.timeout(10):
        while len(found := exporter.get_finished_spans()) < count:
            await asyncio.sleep(0.01)
    return sorted(found, key=lambda span: span.start_time or 0)


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return {name.removeprefix("skill_router."): value for name, value in (span.attributes or {}).items()}


async def test_a_unary_rpc_has_its_span_and_its_command_has_one_in_it(spans: InMemorySpanExporter) -> None:
    async with running(tracing=tracing_to(spans)) as server, client_of(server) as client:
        await client.apply(c.SignIn("ada"))
        rpc, commands = await finished(spans, 2)
        assert rpc.name == "/router.v1.AgentService/SignIn"
        assert rpc.kind is trace.SpanKind.SERVER
        assert commands.name == "skill_router.commands"
        assert commands.parent is not None
        assert rpc.context is not None
        assert commands.parent.span_id == rpc.context.span_id
        said = attributes(commands)
        for part in ("queue_wait_us", "apply_us", "commit_us"):
            assert 0 <= said.pop(part) < 10_000_000
        assert said == {"commands": 1, "command": ("sign_in",), "sequence": server.shell.engine.sequence}


async def test_a_rejection_is_no_error_and_says_why(spans: InMemorySpanExporter) -> None:
    async with running(tracing=tracing_to(spans)) as server, client_of(server) as client:
        with pytest.raises(RouterError):
            await client.apply(c.SignOut("nobody"))
        _, commands = await finished(spans, 2)
        assert attributes(commands)["rejections"] == ("UNKNOWN_AGENT",)
        assert attributes(commands)["sequence"] == server.shell.engine.sequence
        assert commands.status.status_code is trace.StatusCode.UNSET


async def test_batches_belong_to_the_trace_of_who_opened_the_stream(spans: InMemorySpanExporter) -> None:
    async with running(tracing=tracing_to(spans)) as server:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            stream = command_service_pb2_grpc.CommandServiceStub(channel).Apply(metadata=TRACEPARENT)
            for batch in (1, 2):
                commands = [encode_any_command(c.SignIn(f"a{batch}")), encode_any_command(c.Enqueue("c", "loans"))]
                await stream.write(command_service_pb2.ApplyRequest(batch=batch, commands=commands))
                assert len((await stream.read()).results) == 2
            await stream.done_writing()
            assert await stream.read() is grpc.aio.EOF
        first, second = await finished(spans, 2)
        for span in (first, second):
            assert span.context is not None
            assert trace.format_trace_id(span.context.trace_id) == TRACE_ID
            assert attributes(span)["command"] == ("sign_in", "enqueue")
            assert attributes(span)["commands"] == 2
        assert attributes(second)["sequence"] == attributes(first)["sequence"] + 2
        assert attributes(second)["rejections"] == ("DUPLICATE_CALL",)


async def test_watches_and_health_checks_have_no_span(spans: InMemorySpanExporter) -> None:
    async with running(tracing=tracing_to(spans)) as server, client_of(server) as client:
        await client.wait_until_ready()
        watch = client.watch()
        await anext(watch)
        await client.apply(c.SignIn("ada"))
        found = await finished(spans, 2)
        assert [span.name for span in found] == ["/router.v1.AgentService/SignIn", "skill_router.commands"]


async def test_a_plan_and_a_refusal_end_their_spans(spans: InMemorySpanExporter) -> None:
    async with running(tracing=tracing_to(spans)) as server:

        def plan() -> Any:
            yield Submission(c.SignIn("ada"))
            yield Submission(c.SignOut("ada"))
            return "done"

        writer = server.shell.writer
        assert await writer.carry_out(plan()) == "done"
        (span,) = await finished(spans, 1)
        assert attributes(span)["command"] == ("sign_in", "sign_out")
        spans.clear()
        waiting = writer.take([Submission(c.SignIn("bob"))])
        writer._fail("ENGINE_FAILED", None)
        with pytest.raises(Refusal, match="ENGINE_FAILED"):
            await waiting
        (span,) = await finished(spans, 1)
        assert attributes(span) == {"refusal": "ENGINE_FAILED"}
        assert span.status.status_code is trace.StatusCode.ERROR


def test_the_environment_has_the_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "hotline")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    tracing = set_up_tracing()
    assert tracing._provider.resource.attributes["service.name"] == "hotline"
    assert tracing._provider.resource.attributes["service.version"]
    assert not tracing._tracer.start_span("x").is_recording()
    tracing.close()


def test_without_the_extra_it_is_said_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "opentelemetry.py").write_text('raise ModuleNotFoundError("none", name="opentelemetry")\n')
    config = tmp_path / "router.toml"
    config.write_text(CONFIG)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    result = subprocess.run(
        [sys.executable, "-m", "router.cli", "serve", "--config", str(config), "--tracing"],
        capture_output=True,
        text=True,
        timeout=30,
        env=environment,
    )
    assert result.returncode == 1
    assert "pip install 'skill-router[tracing]'" in result.stderr
    assert "Traceback" not in result.stderr


def test_without_tracing_nothing_of_it_is_imported() -> None:
    program = "import sys, router.cli.serve; print([name for name in sys.modules if 'opentelemetry' in name])"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert result.stdout == "[]\n"


async def test_a_collector_that_is_not_there_holds_nothing_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "router.toml"
    config.write_text(CONFIG)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    process = ServerProcess(config, "--tracing", "--log-format", "json", "--log-level", "debug")
    async with RouterClient(await asyncio.to_thread(process.await_listening)) as client:
        await client.apply(c.SignIn("ada"))
    started = time.monotonic()
    code, errors = await asyncio.to_thread(process.end)
    assert code == 0
    assert time.monotonic() - started < 10
    (line,) = [json.loads(line) for line in errors.splitlines() if "/SignIn OK" in line]
    assert len(line["trace_id"]) == 32
    assert len(line["span_id"]) == 16
