"""What does the router cost beside a bare echo server, whose messages do nothing? Same client, same run, in turns.

Method: two server processes, the echo and ours with its journal (every answer durable), rounds of one and the other
interleaved, so that both meet the same machine. Messages and answers have the same sizes; they are made beforehand, and
the client speaks bare HTTP/2, so that the server is what is measured. Each command that was timed has succeeded, which
is looked at between rounds; at the end the journal has each of them and is whole.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import grpc
import pytest
import uvloop
from pytest_benchmark.fixture import BenchmarkFixture

from bench.figures import goal, note
from bench.wire.messages import accept, batch, complete, end_wrap_up, enqueue, enqueue_request, set_availability
from bench.wire.pouring import Poured, at_once_of, pour, pour_by_grpc, succeeded
from bench.wire.subjects import EchoServer, Router, processor_s
from router.engine.commands import SignIn
from router.v1 import call_service_pb2, command_service_pb2, commands_pb2
from router.wire.commands import encode_any_command
from tests.server.flood import Flood

CONFIG = """
[channels.voice]
exclusive = false

[queues.loans]
automatic = true
skills = { loans = 1 }
waiting_max = 1000000

[queues.cards]
automatic = true
skills = { cards = 1 }
waiting_max = 1000000
"""
STREAM_AGENTS = 200
UNARY_AGENTS = 200
UNARY_CAPACITY = 1_000
"""So many calls each, so that every one that comes gets an agent at once, and none has to end."""
ROUNDS, ROUND_S = 5, 0.5
QUICK_S = 0.12
IN_FLIGHT = (1, 16, 64)
BATCHES = (1, 16, 64, 256)
SIZE_OF_GOAL = 256
UNARY_RATIO_MIN, UNARY_REACH, STREAM_RATIO_MIN = 0.6, 0.8, 0.5
POOL_COMMANDS, POOL_BATCHES, QUICK_POOL_COMMANDS = 200_000, 10_000, 10_000
"""What is made beforehand for a round, at most; where it is used up sooner, the round is shorter."""
UNARY = "/router.v1.CallService/Enqueue"
STREAM = "/router.v1.CommandService/Apply"


class Round(NamedTuple):
    """What one server did in one round, and the processor's time that a command took there."""

    per_second: float
    processor_us: float


class Rounds(NamedTuple):
    """Rounds of both."""

    echo: list[Round]
    ours: list[Round]

    def figures(self) -> dict[str, float]:
        """Return the medians."""
        found = {}
        for name, rounds in (("echo", self.echo), ("ours", self.ours)):
            found[f"{name}, commands/s"] = statistics.median(each.per_second for each in rounds)
        found["ours ÷ echo"] = self.ratio
        for name, rounds in (("echo", self.echo), ("ours", self.ours)):
            found[f"{name}, server's processor, µs/command"] = statistics.median(each.processor_us for each in rounds)
        return found

    @property
    def ratio(self) -> float:
        """How much of the echo's rate ours has, by the medians."""
        echo, ours = (statistics.median(each.per_second for each in rounds) for rounds in (self.echo, self.ours))
        return ours / echo


@pytest.fixture(scope="module")
def echo() -> Iterator[EchoServer]:
    with EchoServer() as server:
        yield server


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    with Router(tmp_path_factory.mktemp("wire"), CONFIG) as server:
        server.begin()
        stream = [SignIn(f"agent-{number}", {"loans": 5}) for number in range(STREAM_AGENTS)]
        unary = [SignIn(f"desk-{number}", {"cards": 5}, {"voice": UNARY_CAPACITY}) for number in range(UNARY_AGENTS)]
        commands = [encode_any_command(command, "").SerializeToString() for command in (*stream, *unary)]
        server.sent += succeeded(pour(server.address, STREAM, [batch(1, "desk", commands)]).answers)
        assert server.sent == STREAM_AGENTS + UNARY_AGENTS
        yield server
        server.check()


# ---- unary ----


def unary_message(name: str) -> Callable[[int], bytes]:
    return lambda number: enqueue_request(name, f"{number}", f"{name}-{number:06}", "cards")


def unary(
    address: str, method: str, message: Callable[[int], bytes], in_flight: int, seconds: float
) -> tuple[int, float]:
    """Keep so many calls under way; return how many ended, each of which succeeded, and the time it took."""
    with Flood(address, method, message) as flood:
        began_s = time.perf_counter()
        flood.hold(in_flight, seconds)
        ended = flood.take()
        took_s = ended[-1].ended_s - began_s
    assert {rpc.code for rpc in ended} == {"OK"}
    return len(ended), took_s


def unary_answer_bytes(router: Router, name: str) -> int:
    """Let one call in, and return the size of its answer."""
    with grpc.insecure_channel(router.address) as channel:
        answer: bytes = channel.unary_unary(UNARY, None, None)(unary_message(name)(0))
    router.sent += 1
    result = call_service_pb2.EnqueueResponse.FromString(answer).result
    assert result.agent
    assert not result.repeated
    return len(answer)


@pytest.mark.parametrize("in_flight", IN_FLIGHT)
def test_unary(benchmark: BenchmarkFixture, echo: EchoServer, router: Router, in_flight: int, quick: bool) -> None:
    answer_bytes = unary_answer_bytes(router, f"unary-{in_flight}-first")
    echo_method = f"/bench.Echo/Unary-{answer_bytes}"
    rounds = Rounds([], [])

    def turn(name: str, seconds: float) -> None:
        message = unary_message(f"unary-{in_flight}-{name}")
        for server, method, done in ((echo, echo_method, rounds.echo), (router, UNARY, rounds.ours)):
            began_s = processor_s(server.process)
            commands, took_s = unary(server.address, method, message, in_flight, seconds)
            spent_s = processor_s(server.process) - began_s
            done.append(Round(commands / took_s, spent_s * 1e6 / commands))
            if server is router:
                router.sent += commands

    in_turns(benchmark, rounds, turn, quick)
    note(benchmark, "wire-unary", f"{in_flight} in flight", rounds.figures())
    if in_flight == 16:
        goal(benchmark, "Unary beside the echo, 16 in flight", rounds.ratio, at_least=UNARY_RATIO_MIN)
        goal(benchmark, "Unary beside the echo, 16 in flight (reach)", rounds.ratio, at_least=UNARY_REACH)


def in_turns(benchmark: BenchmarkFixture, rounds: Rounds, turn: Callable[[str, float], None], quick: bool) -> None:
    """Let both have their rounds, after one that does not count."""
    turn("warm-up", 0.1)
    rounds.echo.clear()
    rounds.ours.clear()
    names = itertools.count()
    seconds = QUICK_S if quick else ROUND_S
    benchmark.pedantic(lambda: turn(f"{next(names)}", seconds), rounds=1 if quick else ROUNDS)
    assert len(rounds.ours) == len(rounds.echo) == (1 if quick else ROUNDS)


# ---- stream ----


def batches(name: str, size: int, commands: int) -> list[bytes]:
    """Return batches: calls come, get an agent at once, and end."""
    made: list[bytes] = []
    for number in range(commands // 2):
        call = f"{name}-{number:06}"
        made += (enqueue(call, "loans", f"{number}e"), complete(call, f"{number}c"))
    return [batch(place + 1, name, made[place : place + size]) for place in range(0, commands - size + 1, size)]


Client = Callable[[str, str, Iterable[bytes], float, int], Poured]
CLIENTS: dict[str, Client] = {
    "": pour,
    ", grpc.aio's own client": lambda *chosen: uvloop.run(pour_by_grpc(*chosen)),
}
"""How the stream is filled, by what is said of it: the cheap client, and one that a program in Python would use."""
STREAMS = [*((size, "") for size in BATCHES), (BATCHES[-1], ", grpc.aio's own client")]


@pytest.mark.parametrize(("size", "client"), STREAMS)
def test_stream(
    benchmark: BenchmarkFixture, echo: EchoServer, router: Router, size: int, client: str, quick: bool
) -> None:
    filled = CLIENTS[client]
    calls = f"stream-{size}-{len(client)}"
    first = pour(router.address, STREAM, batches(f"{calls}-first", size, max(2, size))[:2])
    router.sent += succeeded(first.answers)
    echo_method = f"/bench.Echo/Stream-{len(first.answers[0])}"
    rounds = Rounds([], [])

    def turn(name: str, seconds: float) -> None:
        most = QUICK_POOL_COMMANDS if quick else min(POOL_COMMANDS, size * POOL_BATCHES)
        pool = batches(f"{calls}-{name}", size, most)
        for server, method, done in ((echo, echo_method, rounds.echo), (router, STREAM, rounds.ours)):
            # the echo does not look at them, so they may come again
            source = itertools.cycle(pool) if server is echo else pool
            began_s = processor_s(server.process)
            poured = filled(server.address, method, source, seconds, at_once_of(size))
            spent_s = processor_s(server.process) - began_s
            commands = size * len(poured.answers)
            done.append(Round(commands / poured.seconds, spent_s * 1e6 / commands))
            if server is router:
                assert succeeded(poured.answers) == commands
                router.sent += commands

    in_turns(benchmark, rounds, turn, quick)
    note(benchmark, "wire-stream", f"batches of {size}, {at_once_of(size)} under way{client}", rounds.figures())
    if size == SIZE_OF_GOAL:
        name = f"Stream beside the echo, batches of {size}{client}"
        goal(benchmark, name, rounds.ratio, at_least=STREAM_RATIO_MIN)


# ---- the echo itself, and the messages ----


def test_the_echo_on_other_loops(benchmark: BenchmarkFixture, quick: bool) -> None:
    """What uvloop gives, once: the echo without it."""
    rates: defaultdict[str, defaultdict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    pool = batches("echo", 256, 5_120)
    seconds = QUICK_S if quick else ROUND_S
    with EchoServer("asyncio") as plain, EchoServer() as fast:

        def turn() -> None:
            for name, server in (("asyncio", plain), ("uvloop", fast)):
                commands, took_s = unary(server.address, "/bench.Echo/Unary-40", unary_message("echo"), 16, seconds)
                rates[name]["unary"].append(commands / took_s)
                poured = pour(server.address, "/bench.Echo/Stream-10240", itertools.cycle(pool), seconds)
                assert {len(answer) for answer in poured.answers} == {10_240}
                rates[name]["stream"].append(256 * len(poured.answers) / poured.seconds)

        benchmark.pedantic(turn, rounds=1 if quick else 3)
    for name, found in rates.items():
        figures = {
            "unary, 16 in flight, /s": statistics.median(found["unary"]),
            "stream, batches of 256, commands/s": statistics.median(found["stream"]),
        }
        note(benchmark, "wire-echo-loops", f"echo on {name}", figures)


def test_the_messages_are_what_protobuf_makes() -> None:
    whole = [
        commands_pb2.Command(request_id="0", enqueue=commands_pb2.Enqueue(call="call-1", queue="loans")),
        commands_pb2.Command(accept=commands_pb2.Accept(offer=12_345)),
        commands_pb2.Command(request_id="1", complete=commands_pb2.Complete(call="call-1")),
        commands_pb2.Command(request_id="2", end_wrap_up=commands_pb2.EndWrapUp(agent="agent-1")),
        commands_pb2.Command(set_availability=commands_pb2.SetAvailability(agent="agent-1", ready=True)),
        commands_pb2.Command(set_availability=commands_pb2.SetAvailability(agent="agent-1", reason="lunch")),
    ]
    made = [
        enqueue("call-1", "loans", "0"),
        accept(12_345),
        complete("call-1", "1"),
        end_wrap_up("agent-1", "2"),
        set_availability("agent-1", "", ""),
        set_availability("agent-1", "lunch", ""),
    ]
    request = command_service_pb2.ApplyRequest(batch=300, client_id="pbx", commands=whole)
    assert batch(300, "pbx", made) == request.SerializeToString()
    one = call_service_pb2.EnqueueRequest(client_id="pbx", request_id="7", enqueue=whole[0].enqueue)
    assert enqueue_request("pbx", "7", "call-1", "loans") == one.SerializeToString()
