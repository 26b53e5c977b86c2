"""The same queue, M/M/n first come first served, in other simulators, each as its own documentation would write it.

Run as `python -m bench.peers.NAME AGENTS ARRIVALS SERVICE CUSTOMERS SEED`, a process of its own, it prints an `Outcome`
as JSON. The seconds are the processor's, for the simulation alone: imports and start are not in them.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable

import msgspec


class Job(msgspec.Struct, frozen=True):
    """What to simulate; rates per unit of time."""

    agents: int
    arrivals: float
    service: float
    customers: int
    seed: int

    def words(self) -> list[str]:
        """Return it as words of a command line."""
        return [str(value) for value in msgspec.structs.astuple(self)]


class Outcome(msgspec.Struct, frozen=True):
    """What came out. `delayed` is the share of customers that waited."""

    customers: int
    wait_mean: float
    delayed: float
    seconds: float


def main(simulate: Callable[[Job], list[float]]) -> None:
    """Carry out the job of the command line with `simulate`, which returns everybody's wait."""
    job = msgspec.convert(dict(zip(Job.__struct_fields__, sys.argv[1:], strict=True)), Job, strict=False)
    random.seed(job.seed)
    began_s = time.process_time()
    waits = simulate(job)
    seconds = time.process_time() - began_s
    count = len(waits)
    outcome = Outcome(count, sum(waits) / count, sum(wait > 0 for wait in waits) / count, seconds)
    print(msgspec.json.encode(outcome).decode())
