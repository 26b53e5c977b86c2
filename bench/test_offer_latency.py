"""How long does a call wait for its offer, at a rate, beside an echo that carries the same messages both ways?

Method: an open loop in a process of its own (`bench.wire.caller`): 100, 1,000 and 5,000 calls per second come at random
times over the command stream, with their accept, complete and end of wrap-up in the load, journal on; the offer is seen
on a watch stream. A call's latency counts from when it was due. The echo is sent the same bytes at the same times and
gives answers and news of the same sizes. Rounds of both are interleaved. All calls must have had their lives without an
error, the journal has every command, and is whole. 5,000 calls/s are reported as they are, sustained or not.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.figures import goal, note, quantiles, series
from bench.wire.caller import QUEUES, RouterSide
from bench.wire.messages import batch
from bench.wire.pouring import pour, succeeded
from bench.wire.subjects import EchoServer, Router, processor_s
from router.engine.commands import SignIn
from router.wire.commands import encode_any_command

CONFIG = "".join(
    f"""
[queues.queue-{number}]
skills = {{ skill-{number} = 1 }}
wrap_up = {{ mode = "manual", duration = "10m" }}
waiting_max = 1000000
"""
    for number in range(QUEUES)
)
RATES = (100, 1_000, 5_000)
RATE_OF_GOAL = 1_000
LATENCY_RATIO_MAX = 3.0
ROUNDS, ROUND_S = 3, 5.0
QUICK_RATE, QUICK_S = 200, 0.6
AGENTS_MIN, AGENTS_PER_RATE = 300, 1.0
"""As many as are never all at work, unless the server stands still for most of a second."""
SHARES: Final = [*(place / 100 for place in range(1, 100)), *(0.99 + place / 1_000 for place in range(1, 10)), 0.9999]


@pytest.fixture(scope="module")
def echo() -> Iterator[EchoServer]:
    with EchoServer() as server:
        yield server


def sign_in(server: Router, agents: int) -> None:
    """Bring agents to work, of two neighbouring skills each."""
    commands = [
        SignIn(f"agent-{number}", {f"skill-{(number + more) % QUEUES}": 5 for more in range(2)})
        for number in range(agents)
    ]
    made = [encode_any_command(command, "").SerializeToString() for command in commands]
    parts = [batch(1, "desk", made[start : start + 500]) for start in range(0, agents, 500)]
    assert succeeded(pour(server.address, RouterSide.apply, parts).answers) == agents
    server.sent += agents


def called(address: str, rate: float, seconds: float, name: str, *, is_echo: bool) -> dict[str, Any]:
    """Let a process call, and return what became of it."""
    command = [sys.executable, "-m", "bench.wire.caller", address, "--name", name]
    command += ["--rate", str(rate), "--seconds", str(seconds), *(["--echo"] if is_echo else [])]
    root = Path(__file__).parents[1]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=root, timeout=seconds + 60)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def figures(rounds: Sequence[dict[str, Any]], busy_s: float) -> dict[str, float]:
    """Return what rounds of one server, which was busy for so long, amount to."""
    elapsed_s = sum(one["elapsed_s"] for one in rounds)
    latency_ms = [1000 * latency for one in rounds for latency in one["latency_s"]]
    p50, p90, p99, p999 = quantiles(latency_ms, (0.5, 0.9, 0.99, 0.999))
    return {
        "offers/s": sum(one["offers_per_s"] for one in rounds) / len(rounds),
        "p50, ms": p50,
        "p90, ms": p90,
        "p99, ms": p99,
        "p99.9, ms": p999,
        "worst, ms": max(latency_ms),
        "server's processors": busy_s / elapsed_s,
        "client's": sum(one["client_s"] for one in rounds) / elapsed_s,
        "sent late p99, ms": quantiles([1000 * late for one in rounds for late in one["lateness_s"]], (0.99,))[0],
    }


def flushed(server: Router) -> tuple[float, float]:
    """Return how many flushes there were, and how long they took together, by the server itself."""
    return server.metric("commit_group_commands_count"), server.metric("commit_seconds_sum")


class Turns:
    """Rounds of both servers at one rate."""

    def __init__(self, echo: EchoServer, router: Router, rate: int, seconds: float) -> None:
        self._servers: dict[str, EchoServer | Router] = {"echo": echo, "ours": router}
        self._rate, self._seconds = rate, seconds
        self.found: dict[str, list[dict[str, Any]]] = {name: [] for name in self._servers}
        self.busy_s = dict.fromkeys(self._servers, 0.0)

    def turn(self) -> None:
        """Let both have a round."""
        for name, server in self._servers.items():
            spent_s = processor_s(server.process)
            calls = f"{self._rate}-{len(self.found[name])}"
            one = called(server.address, self._rate, self._seconds, calls, is_echo=name == "echo")
            self.found[name].append(one)
            self.busy_s[name] += processor_s(server.process) - spent_s


def check(rounds: Sequence[dict[str, Any]]) -> None:
    """Every call was offered and had its life, without an error."""
    for one in rounds:
        assert one["failed"] == []
        assert one["over"], f"{one['offered']} of {one['calls']} calls were offered in time"
        assert one["offered"] == one["calls"]
        assert one["commands"] == 4 * one["calls"]


@pytest.mark.parametrize("rate", RATES)
def test_offer_latency(benchmark: BenchmarkFixture, echo: EchoServer, tmp_path: Path, rate: int, quick: bool) -> None:
    if quick:
        if rate != RATES[0]:
            pytest.skip("one rate is enough to see that it works")
        rate = QUICK_RATE
    seconds, count = (QUICK_S, 1) if quick else (ROUND_S, ROUNDS)
    with Router(tmp_path, CONFIG) as router:
        router.begin()
        sign_in(router, max(AGENTS_MIN, round(rate * AGENTS_PER_RATE)))
        flushes, flushing_s = flushed(router)
        turns = Turns(echo, router, rate, seconds)
        benchmark.pedantic(turns.turn, rounds=count)
        flushes, flushing_s = (now - before for now, before in zip(flushed(router), (flushes, flushing_s), strict=True))
        router.sent += sum(one["commands"] for one in turns.found["ours"])
        router.check()
    for rounds in turns.found.values():
        check(rounds)
    told = {name: figures(rounds, turns.busy_s[name]) for name, rounds in turns.found.items()}
    for name, rounds in turns.found.items():
        note(benchmark, "wire-latency", f"{rate:,} calls/s, {name}", told[name])
        latency_ms = [1000 * latency for one in rounds for latency in one["latency_s"]]
        series(benchmark, "wire-latency-cdf", f"{name}, {rate:,} calls/s", quantiles(latency_ms, SHARES), SHARES)
    commands = sum(one["commands"] for one in turns.found["ours"])
    assert flushes > 0
    figures_of_disk = {"mean, ms": 1000 * flushing_s / flushes, "commands in one": commands / flushes}
    note(benchmark, "wire-flush", f"{rate:,} calls/s", figures_of_disk)
    if rate == RATE_OF_GOAL:
        ratio = told["ours"]["p99, ms"] / told["echo"]["p99, ms"]
        name = "Offer latency p99 beside the echo's, 1,000 calls/s"
        goal(benchmark, name, ratio, at_most=LATENCY_RATIO_MAX, unit="×")
