"""Callers at a rate, whatever the server does, and how long each waits for its offer: an open loop.

`python -m bench.wire.caller ADDRESS --rate 1000 --seconds 5 [--echo]` prints one JSON object. Calls come at random
times (Poisson). What is due is sent once every millisecond, in one batch. A call's latency counts from when it was due,
not from when it was sent, so that a server that stands still is charged for all who would have called meanwhile. Each
call has its whole life: its offer, seen on a watch stream, is accepted; talk and wrap-up end after a while. An echo
server is sent the same bytes at the same times, and gives answers, and news to its watcher, of the same sizes.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol

from bench.wire import messages
from bench.wire.echo import LOUD
from bench.wire.http2 import Connection
from router.v1 import command_service_pb2, events_pb2, watch_service_pb2

TICK_S: Final = 0.001
TALK_S: Final = 0.05
WRAP_UP_S: Final = 0.05
DRAIN_S: Final = 15.0
"""So long after the last call was due it is given up."""
QUEUES: Final = 10
BATCH_MAX: Final = 800
"""Commands in a batch, of which each kind gets its share; what is too much goes with the next."""
_COMMAND_BYTES, _OFFER_BYTES, _HEAD_BYTES = 41, 72, 20
"""What an answer has for a command, and news for an offer, besides their heads."""


class Offer(NamedTuple):
    """A call's place in the order of calls, and whom it was offered to."""

    call: int
    number: int
    agent: str


class Side(Protocol):
    """How one of the two servers is spoken to."""

    apply: str
    watch: str
    request: bytes

    def packed(self, number: int, commands: Sequence[bytes], calls: range) -> bytes:
        """Return the message for a batch, in which these calls come."""

    def offers(self, message: bytes) -> Sequence[Offer]:
        """Return what the watcher was told."""

    def failed(self, answers: Sequence[bytes], commands: int) -> list[str]:
        """Return what went wrong with so many commands."""


class RouterSide:
    """A real server."""

    apply = "/router.v1.CommandService/Apply"
    watch = "/router.v1.WatchService/Watch"
    request = watch_service_pb2.WatchRequest(kinds=[events_pb2.EVENT_KIND_OFFER_MADE]).SerializeToString()

    def __init__(self, client_id: str) -> None:
        self._client_id = client_id

    def packed(self, number: int, commands: Sequence[bytes], calls: range) -> bytes:
        return messages.batch(number, self._client_id, commands)

    def offers(self, message: bytes) -> Sequence[Offer]:
        events = watch_service_pb2.WatchResponse.FromString(message).events
        made = [event.offer_made for event in events]
        return [Offer(int(offer.call.rpartition("-")[2]), offer.offer, offer.agent) for offer in made]

    def failed(self, answers: Sequence[bytes], commands: int) -> list[str]:
        results = [r for a in answers for r in command_service_pb2.ApplyResponse.FromString(a).results]
        errors = [result.error.message for result in results if result.HasField("error")]
        return errors if len(results) == commands else [*errors, f"{len(results)} results of {commands}"]


class EchoSide:
    """An echo: its watcher is told the number of the batch, which says what calls were in it."""

    apply = "/bench.Echo/Apply"
    watch = "/bench.Echo/Watch"
    request = RouterSide.request

    def __init__(self, client_id: str) -> None:
        self._client_id = client_id
        self._calls: dict[int, range] = {}

    def packed(self, number: int, commands: Sequence[bytes], calls: range) -> bytes:
        told = _HEAD_BYTES + _OFFER_BYTES * len(calls) if calls else 0
        if calls:
            self._calls[number] = calls
        head = LOUD.pack(number, _HEAD_BYTES + _COMMAND_BYTES * len(commands), told)
        return head + messages.batch(number, self._client_id, commands)

    def offers(self, message: bytes) -> Sequence[Offer]:
        if not message:
            return ()
        calls = self._calls.pop(int.from_bytes(message[:4], "little"))
        return [Offer(call, call + 1, f"agent-{call % 1_000}") for call in calls]

    def failed(self, answers: Sequence[bytes], commands: int) -> list[str]:
        told = sum(len(answer) - 4 - _HEAD_BYTES for answer in answers)
        return [] if told == _COMMAND_BYTES * commands else [f"{told} bytes for {commands} commands"]


class Callers:
    """Everything that is due, in order, and what became of it."""

    def __init__(self, side: Side, rate: float, seconds: float, name: str) -> None:
        self._side = side
        draw = random.Random(1)
        self.due_s: list[float] = []
        at_s = draw.expovariate(rate)
        while at_s < seconds:
            self.due_s.append(at_s)
            at_s += draw.expovariate(rate)
        self.calls = [f"{name}-{number:07}" for number in range(len(self.due_s))]
        self._enqueues = [
            messages.enqueue(call, f"queue-{number % QUEUES}", f"{number}e") for number, call in enumerate(self.calls)
        ]
        self._accepts: deque[bytes] = deque()
        self._talks: deque[tuple[float, int, str]] = deque()
        self._wrap_ups: deque[tuple[float, int, str]] = deque()
        self.latency_s = [0.0] * len(self.due_s)
        self.lateness_s: list[float] = []
        self.come = self.offered = self.ended = self.commands = self.batches = 0
        self.last_offer_s = 0.0

    def message(self, now_s: float) -> bytes | None:
        """Return a batch of what is due, if anything is."""
        commands = [self._accepts.popleft() for _ in range(min(len(self._accepts), BATCH_MAX // 4))]
        while len(commands) < BATCH_MAX // 2 and self._talks and self._talks[0][0] <= now_s:
            _, call, agent = self._talks.popleft()
            commands.append(messages.complete(self.calls[call], f"{call}c"))
            self._wrap_ups.append((now_s + WRAP_UP_S, call, agent))
        while len(commands) < BATCH_MAX * 3 // 4 and self._wrap_ups and self._wrap_ups[0][0] <= now_s:
            _, call, agent = self._wrap_ups.popleft()
            commands.append(messages.end_wrap_up(agent, f"{call}w"))
            self.ended += 1
        first = self.come
        while len(commands) < BATCH_MAX and self.come < len(self.due_s) and self.due_s[self.come] <= now_s:
            commands.append(self._enqueues[self.come])
            self.lateness_s.append(now_s - self.due_s[self.come])
            self.come += 1
        if not commands:
            return None
        self.batches += 1
        self.commands += len(commands)
        return self._side.packed(self.batches, commands, range(first, self.come))

    def learn(self, message: bytes, now_s: float) -> None:
        """Take what the watcher is told."""
        for offer in self._side.offers(message):
            self.latency_s[offer.call] = now_s - self.due_s[offer.call]
            self.offered += 1
            self.last_offer_s = now_s
            self._accepts.append(messages.accept(offer.number, f"{offer.call}a"))
            self._talks.append((now_s + TALK_S, offer.call, offer.agent))

    @property
    def is_over(self) -> bool:
        """Whether every call has had its life, as far as this side knows."""
        return self.ended == len(self.due_s)


def call(address: str, side: Side, rate: float, seconds: float, name: str) -> dict[str, Any]:
    """Let them call, and return what became of it."""
    callers = Callers(side, rate, seconds, name)
    answers: list[bytes] = []
    with Connection(address) as line:
        watch = line.open(side.watch)
        line.send(watch, side.request)
        line.half_close(watch)
        while not line.exchange(1.0):
            pass  # the watch begins with a message
        apply = line.open(side.apply)
        line.exchange(0.05)
        spent_s, began_s = _processor_s(), time.perf_counter()
        tick_s = now_s = 0.0
        while now_s < seconds + DRAIN_S and not (callers.is_over and len(answers) == callers.batches):
            if now_s >= tick_s:
                tick_s = (now_s // TICK_S + 1) * TICK_S
                if (message := callers.message(now_s)) is not None:
                    line.send(apply, message)
            came = line.exchange(max(0.0, tick_s - now_s))
            now_s = time.perf_counter() - began_s
            for stream, message in came:
                if stream == watch:
                    callers.learn(message, now_s)
                else:
                    answers.append(message)
        spent_s = _processor_s() - spent_s
    return {
        "calls": len(callers.due_s),
        "offered": callers.offered,
        "commands": callers.commands,
        "batches": callers.batches,
        "over": callers.is_over and len(answers) == callers.batches,
        "failed": side.failed(answers, callers.commands)[:3],
        "latency_s": callers.latency_s,
        "lateness_s": callers.lateness_s,
        "offers_per_s": callers.offered / max(callers.last_offer_s, 1e-9),
        "elapsed_s": now_s,
        "client_s": spent_s,
    }


def _processor_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Call as the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("address")
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--name", default="call")
    parser.add_argument("--echo", action="store_true")
    chosen = parser.parse_args()
    side: Side = EchoSide(chosen.name) if chosen.echo else RouterSide(chosen.name)
    json.dump(call(chosen.address, side, chosen.rate, chosen.seconds, chosen.name), sys.stdout)


if __name__ == "__main__":
    main()
