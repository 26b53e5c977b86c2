"""What do agents and waiting calls take: memory, room in a snapshot, and the time the engine stands still for one?

Method: the memory that a process has for itself, before and after 100,000 agents sign in (three skills of fifty
profiles), and before and after 100,000 calls begin to wait; once in a bare engine, once in a server with its journal,
whose history of events was filled before with what leaves nothing else behind. Pauses: 10,000 agents, 10,000 waiting
calls, and commands that flow, ten in a batch, one batch under way; rounds in which a snapshot is taken twice a second,
and rounds without any, in turns. The longest time between two answers is what a client sees of it; what the server says
of itself stands beside it.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import psutil
from pytest_benchmark.fixture import BenchmarkFixture

from bench.figures import goal, note
from bench.load import standing
from bench.load.memory import own_bytes
from bench.load.standing import APPLY, CONFIG
from bench.wire.pouring import pour, succeeded
from bench.wire.subjects import Router

COUNT, QUICK_COUNT = 100_000, 2_000
HISTORY_EVENTS = 100_000
"""As many as the server remembers by default."""
STANDING, QUICK_STANDING = 10_000, 500
FLOW = 10
ROUNDS, ROUND_S = 4, 3.0
PAUSE_MS_MAX = 50.0
OFTEN: Final = "[server]\nsnapshot_commands = 100\n"
RARELY: Final = '[server]\nsnapshot_commands = 1000000000\nsnapshot_interval = "1d"\n'


def test_memory(benchmark: BenchmarkFixture, tmp_path: Path, quick: bool) -> None:
    count = QUICK_COUNT if quick else COUNT

    def run() -> None:
        command = [sys.executable, "-m", "bench.load.memory", str(count)]
        root = Path(__file__).parents[1]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=root, timeout=300)
        engine = json.loads(done.stdout)
        server = _served(tmp_path, count)
        for what in ("agent", "call"):
            assert engine[f"saved {what}"] > 0
            figures = {
                "engine, bytes": engine[what],
                "server, bytes": server[what],
                "in a snapshot, bytes": engine[f"saved {what}"],
            }
            note(benchmark, "memory", "agent" if what == "agent" else "waiting call", figures)

    benchmark.pedantic(run, rounds=1)


def _served(folder: Path, count: int) -> dict[str, float]:
    """Return what an agent and a waiting call take in a server."""
    with Router(folder, RARELY + CONFIG) as server:
        server.begin()
        process = psutil.Process(server.process.pid)
        flips = standing.flips(standing.BATCH)
        filling = [next(flips) for _ in range(HISTORY_EVENTS // standing.BATCH + 2)] if count == COUNT else []
        server.sent += succeeded(pour(server.address, APPLY, [standing.flipper(), *filling]).answers)
        sizes = [own_bytes(process)]
        for batches in (standing.agents, standing.calls):
            server.sent += succeeded(pour(server.address, APPLY, batches(count)).answers)
            sizes.append(own_bytes(process))
        server.check()
    return {"agent": (sizes[1] - sizes[0]) / count, "call": (sizes[2] - sizes[1]) / count}


class Standing:
    """A server with its agents and waiting calls, and the longest times between two answers, round by round."""

    def __init__(self, server: Router, count: int) -> None:
        self.server = server
        self.gaps_ms: list[float] = []
        self.commands = 0
        server.begin()
        first = [standing.flipper(), *standing.agents(count), *standing.calls(count)]
        server.sent += succeeded(pour(server.address, APPLY, first).answers)
        assert server.sent == 2 * count + 1

    def round(self, seconds: float) -> None:
        """Let commands flow for a time."""
        poured = pour(self.server.address, APPLY, standing.flips(FLOW), seconds, at_once=1)
        commands = succeeded(poured.answers)
        self.server.sent += commands
        self.commands += commands
        self.gaps_ms.append(1000 * poured.gap_s)


def test_snapshots(benchmark: BenchmarkFixture, tmp_path: Path, quick: bool) -> None:
    count = QUICK_STANDING if quick else STANDING
    with ExitStack() as stack:
        often = Standing(stack.enter_context(Router(tmp_path / "often", OFTEN + CONFIG)), count)
        rarely = Standing(stack.enter_context(Router(tmp_path / "rarely", RARELY + CONFIG)), count)
        pauses_ms: list[float] = []

        def turn() -> None:
            for one in (often, rarely):
                one.round(1.2 if quick else ROUND_S)
            pauses_ms.append(1000 * often.server.metric("snapshot_pause_seconds"))

        benchmark.pedantic(turn, rounds=1 if quick else ROUNDS)
        taken, none = (one.server.metric('snapshots_total{outcome="saved"}') for one in (often, rarely))
        assert taken >= (1 if quick else ROUNDS)
        assert none == 0
        size_bytes, save_s = (often.server.metric(f"snapshot_{name}") for name in ("bytes", "save_seconds"))
        for one in (often, rarely):
            one.server.check()
    figures = {
        "snapshot, bytes": size_bytes,
        "longest gap with snapshots, ms": max(often.gaps_ms),
        "longest gap without, ms": max(rarely.gaps_ms),
        "median of the rounds' longest gaps with, ms": statistics.median(often.gaps_ms),
        "without, ms": statistics.median(rarely.gaps_ms),
        "pause by the server itself, worst, ms": max(pauses_ms),
        "saved in, ms": 1000 * save_s,
        "snapshots": taken,
    }
    note(benchmark, "snapshots", f"{count:,} agents, {count:,} waiting calls", figures)
    if not quick:
        name = "A snapshot's pause by the server itself, 10,000 agents and calls"
        goal(benchmark, name, max(pauses_ms), at_most=PAUSE_MS_MAX, unit="ms")
        name = "The longest gap between answers with snapshots, 10,000 agents and calls"
        goal(benchmark, name, max(often.gaps_ms), at_most=PAUSE_MS_MAX, unit="ms")
