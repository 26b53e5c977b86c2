"""The metrics of real processes: journal, restart and sessions; and that reading them never looks at all calls."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from router.client import RouterClient
from router.engine import commands as c
from router.server.clock import Clock
from router.server.metrics.metrics import Metrics
from router.server.shell import new_shell
from tests.server.metrics.scrape import Samples, get, observed, scrape
from tests.server.support import CONFIG, ServerProcess, client_of, parse_config

SMALL = CONFIG.replace("[engine]", "snapshot_commands = 100\n[engine]")


async def started(config: Path, data_dir: Path) -> tuple[ServerProcess, int]:
    """Start a server with a journal, and return it with the port of its metrics."""
    process = ServerProcess(config, "--data-dir", str(data_dir), "--metrics-listen", "127.0.0.1:0")
    await asyncio.to_thread(process.await_listening)
    assert process.process.stdout is not None
    line = await asyncio.to_thread(process.process.stdout.readline)
    assert line.startswith("metrics on http://127.0.0.1:")
    return process, int(line.rpartition(":")[2].removesuffix("/metrics\n"))


async def until(port: int, condition: Callable[[Samples], bool]) -> Samples:
    async with asyncio.timeout(20):
        while not condition(samples := await scrape(port)):
            await asyncio.sleep(0.05)
    return samples


async def test_journal_snapshots_and_a_restart_are_seen(tmp_path: Path) -> None:
    config, data_dir = tmp_path / "router.toml", tmp_path / "data"
    config.write_text(SMALL)
    process, port = await started(config, data_dir)
    fresh = await scrape(port)
    assert fresh("recovery_commands") == fresh("downtime_seconds") == 0
    async with RouterClient(process.address) as client, client.stream() as stream:
        await stream.apply([c.Enqueue(f"c{number}", "loans") for number in range(150)])
    samples = await until(port, lambda found: found("snapshots_total", outcome="saved") >= 1)
    assert samples("snapshot_bytes") > 0
    assert samples("snapshot_save_seconds") > 0
    assert samples("durable_sequence") == samples("last_sequence") >= 151
    assert samples("commit_group_commands_sum") == samples("last_sequence") - fresh("last_sequence")
    assert samples("commit_seconds_count") == samples("commit_group_commands_count") > 0
    assert samples("commit_stuck_seconds") == 0
    on_disk = sum(path.stat().st_size for path in data_dir.iterdir())
    assert 0.5 * on_disk <= samples("journal_bytes") <= 2 * on_disk
    await asyncio.to_thread(process.end, signal.SIGKILL)

    process, port = await started(config, data_dir)
    after = await scrape(port)
    assert await get(port, "/readyz") == (200, "ok\n")
    assert after("recovery_commands") >= 151
    assert after("recovery_seconds") > 0
    assert after("downtime_seconds") > 0
    # what is replayed is state, not news
    assert after("calls", queue="loans", state="waiting") == 150
    assert after("calls_enqueued_total", queue="loans") == 0
    assert after("commands_total", command="enqueue", outcome="done") == 0
    await asyncio.to_thread(process.end)


async def test_sessions_are_counted() -> None:
    async with observed() as (server, port), client_of(server, client_id="pbx") as client:
        await client.heartbeat()
        samples = await scrape(port)
        assert [samples("sessions", state=state) for state in ("held", "lost")] == [1, 0]
        assert samples("session_changes_total", change="began") == 1
        await client.end_session()
        samples = await scrape(port)
        assert samples("sessions", state="held") == 0
        assert samples("session_changes_total", change="ended") == 1


class WithoutLists:
    """An engine that must not be asked for everything."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        if name in ("calls", "agents", "customers", "snapshot", "state_hash", "audit"):
            pytest.fail(f"reading the metrics asks for all {name}")
        return getattr(self._engine, name)


async def test_reading_never_looks_at_all_calls_or_agents() -> None:
    shell = new_shell(parse_config(CONFIG, "x"), CONFIG, Clock())
    metrics = Metrics(shell)
    shell.engine = WithoutLists(shell.engine)  # type: ignore[assignment]
    assert await metrics.gather()
