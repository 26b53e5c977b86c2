"""Does estimating slow routing down? Decisions with and without futures under way, in the same run.

Method: the centre of `busy_centre`, copied and worked on: a talk ends, its agent's wrap-up ends, and the time until the
engine has offered that agent the next call is taken. Rounds with a thread that runs sets of futures without a pause
and rounds without one, in turns, so that both meet the same machine; what the engine decides is the same in both.
Through a server: two processes, with estimates and without, take the same calls in turns.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import statistics
import threading
import time
import urllib.request
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pytest_benchmark.fixture import BenchmarkFixture

from bench.busy_centre import BusyCentre
from bench.figures import note, quantiles
from router.client import RouterClient
from router.engine import Engine
from router.engine.commands import Accept, Command, Complete, EndWrapUp, Enqueue, SignIn
from router.engine.events import CommandRejected, OfferMade
from router.engine.vocabulary import CallState
from router.wait import Predictor, Situation
from tests.recovery.real_server import RealServer

PATTERN = "27 queues, 60 profiles"
FUTURES = 200
DECISIONS = 200
ROUNDS = 20
LATENCY_RATIO_MAX = 1.5
LATENCY_FLOOR_US = 30.0
STEP_US = 100


class Floor:
    """A copy of a busy centre that is worked on: talks end, agents get the next call, new calls come."""

    def __init__(self, centre: BusyCentre) -> None:
        self.engine = Engine.restore(centre.engine.snapshot())
        self.predictor = Predictor(self.engine)
        self.predictor.restore(centre.predictor.save())
        self.now_us = centre.now_us
        self.made = self.sets = 0
        self.digest = hashlib.sha256()
        self.talking: list[tuple[str, str]] = []
        for view in self.engine.calls():
            if view.state is CallState.ASSIGNED and view.agent is not None:
                self.talking.append((view.call, view.agent))
            elif view.state is CallState.OFFERED and view.offer is not None:
                self.talking.append((view.call, view.agent or ""))
                self.apply(Accept(view.offer))

    def apply(self, command: Command) -> list[OfferMade]:
        """Apply a command a little later, let the predictor see it, and return the offers that were made."""
        self.now_us += STEP_US
        events = self.engine.apply(command, self.now_us)
        self.predictor.observe()
        assert not any(isinstance(event, CommandRejected) for event in events), events
        return [event for event in events if isinstance(event, OfferMade)]

    def accept(self, offers: list[OfferMade]) -> None:
        """Let agents accept what they are offered."""
        for offer in offers:
            self.digest.update(f"{offer.call} {offer.agent} ".encode())
            self.talking.append((offer.call, offer.agent))
            self.accept(self.apply(Accept(offer.offer)))

    def decide(self) -> float:
        """End a talk and its wrap-up; return the microseconds until the next call is offered to that agent."""
        call, agent = self.talking.pop(0)
        queue = self.engine.call(call).queue
        self.accept(self.apply(Complete(call)))
        began_ns = time.perf_counter_ns()
        offers = self.apply(EndWrapUp(agent))
        took_us = (time.perf_counter_ns() - began_ns) / 1000
        self.accept(offers)
        self.made += 1
        self.accept(self.apply(Enqueue(f"new-{self.made}", queue)))
        return took_us

    @contextmanager
    def estimating(self) -> Iterator[None]:
        """Run sets of futures in a thread without a pause, each from a situation that was taken in between."""
        over = threading.Event()

        def work() -> None:
            while not over.is_set():
                situation = self.latest
                found = situation.run(futures=FUTURES)
                assert found.futures == FUTURES
                self.sets += 1

        thread = threading.Thread(target=work)
        self.latest: Situation = self.predictor.situation()
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def test_decisions_do_not_wait_for_estimates(benchmark: BenchmarkFixture, quick: bool) -> None:
    centre = BusyCentre(PATTERN)
    without, beside = Floor(centre), Floor(centre)
    times: dict[str, list[float]] = {"without": [], "beside": []}

    def run() -> None:
        for number in range(2 if quick else ROUNDS):
            turns = [("without", without), ("beside", beside)]
            for name, floor in turns if number % 2 else reversed(turns):
                if name == "without":
                    times[name] += [floor.decide() for _ in range(DECISIONS)]
                    continue
                with floor.estimating():
                    for place in range(DECISIONS):
                        if place % 50 == 0:
                            floor.latest = floor.predictor.situation()
                        times[name].append(floor.decide())

    benchmark.pedantic(run, rounds=1)
    assert without.digest.hexdigest() == beside.digest.hexdigest()
    assert without.engine.state_hash() == beside.engine.state_hash()
    assert beside.sets >= 1
    for name, taken in times.items():
        p50, p90, p99 = quantiles(taken)
        figures = {"median, µs": p50, "p90, µs": p90, "p99, µs": p99, "worst, µs": max(taken)}
        sets = beside.sets if name == "beside" else 0
        note(benchmark, "estimates-decisions", f"{name} futures", figures | {f"sets of {FUTURES}": sets})
    if not quick:
        allowed = max(LATENCY_FLOOR_US, LATENCY_RATIO_MAX * statistics.median(times["without"]))
        assert statistics.median(times["beside"]) <= allowed


# ---- through a server ----

SERVER_AGENTS = 100
SERVER_CALLS = 200
SERVER_QUEUES = 10
SERVER_ROUNDS = 10
SERVER_DECISIONS = 50
SERVER_RATIO_MAX = 1.5
SERVER_FLOOR_MS = 5.0
CONFIG = "".join(
    f"""
[queues.queue-{number}]
skills = {{ skill-{number} = 1 }}
wrap_up = {{ mode = "manual", duration = "10m" }}
"""
    for number in range(SERVER_QUEUES)
)


class Served:
    """A server with a hundred agents, all at work, and a hundred calls that wait."""

    def __init__(self, server: RealServer) -> None:
        self.client = RouterClient(server.address, client_id="pbx")
        self.talking: deque[tuple[str, str]] = deque()
        self.made = 0

    async def start(self) -> None:
        for _ in range(SERVER_CALLS):
            await self.enqueue()
        for number in range(SERVER_AGENTS):
            skills = {f"skill-{(number + more) % SERVER_QUEUES}": 5 for more in range(2)}
            await self.client.apply(SignIn(f"agent-{number}", skills))
            await self.answer(f"agent-{number}")
        for _ in range(SERVER_AGENTS):  # so that talks of every queue have been seen
            await self.decide()

    async def enqueue(self) -> None:
        self.made += 1
        await self.client.apply(Enqueue(f"call-{self.made}", f"queue-{self.made % SERVER_QUEUES}"))

    async def answer(self, agent: str) -> None:
        """Let an agent accept what it was offered: somebody waits for every agent."""
        (offered,) = (await self.client.agent(agent)).engagements
        await self.client.apply(Accept(offered.offer))
        self.talking.append((offered.call, agent))

    async def decide(self) -> float:
        """End a talk and its wrap-up; return the milliseconds of the command that has the next call offered."""
        call, agent = self.talking.popleft()
        await self.client.apply(Complete(call))
        began_s = time.perf_counter()
        await self.client.apply(EndWrapUp(agent))
        took_ms = (time.perf_counter() - began_s) * 1000
        await self.answer(agent)
        await self.enqueue()
        return took_ms


async def decisions_in_turns(servers: dict[str, RealServer], rounds: int) -> dict[str, list[float]]:
    """Let both servers decide, a round each, and return the milliseconds."""
    served = {name: Served(server) for name, server in servers.items()}
    for one in served.values():
        await one.start()
    times: dict[str, list[float]] = {name: [] for name in served}
    for number in range(rounds):
        for name in sorted(served, reverse=number % 2 == 1):
            times[name] += [await served[name].decide() for _ in range(SERVER_DECISIONS)]
    for one in served.values():
        await one.client.close()
    return times


def futures_of(server: RealServer) -> float:
    """Return how many futures a server says that it has run."""
    (url,) = re.findall(r"^metrics on (http\S+)$", server.log, re.MULTILINE)
    text = urllib.request.urlopen(url, timeout=10).read().decode()
    found = re.findall(r"^skill_router_futures_total (\S+)$", text, re.MULTILINE)
    return float(found[0]) if found else 0.0


def test_a_server_decides_as_fast_with_estimates(benchmark: BenchmarkFixture, tmp_path: Path, quick: bool) -> None:
    times: dict[str, list[float]] = {}
    with ExitStack() as stack:
        servers = {}
        for name, enabled in (("with", "true"), ("without", "false")):
            (tmp_path / name).mkdir()
            config = f"[estimates]\nenabled = {enabled}\n{CONFIG}"
            metrics = ("--metrics-listen", "127.0.0.1:0")
            server = RealServer(tmp_path / name, config, arguments=metrics, in_memory=True)
            servers[name] = stack.enter_context(server)
            server.start()
        rounds = 1 if quick else SERVER_ROUNDS
        benchmark.pedantic(lambda: times.update(asyncio.run(decisions_in_turns(servers, rounds))), rounds=1)
        run = {name: futures_of(server) for name, server in servers.items()}
        for server in servers.values():
            assert server.end() == 0
    for name, taken in sorted(times.items(), reverse=True):
        assert len(taken) == rounds * SERVER_DECISIONS
        p50, p90, p99 = quantiles(taken)
        figures = {"median, ms": p50, "p90, ms": p90, "p99, ms": p99, "worst, ms": max(taken)}
        note(benchmark, "estimates-server", f"{name} estimates", figures | {"futures run": run[name]})
    assert run["with"] >= FUTURES
    assert run["without"] == 0
    if not quick:
        allowed = max(SERVER_FLOOR_MS, SERVER_RATIO_MAX * statistics.median(times["without"]))
        assert statistics.median(times["with"]) <= allowed
