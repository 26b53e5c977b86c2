"""One queue, M/M/n, in four simulators: ours, SimPy, Ciw, and a C++ loop with heaps and random numbers and no router.

Each run says how many customers it served, what they waited, and how long that took without imports and start: in time
of the processor, which other work on the machine disturbs least, where one thread runs; by the clock where several do.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import msgspec

from bench.peers import Job, Outcome
from router.simulation import parse_scenario
from router.simulation.run import simulate
from router.simulation.scenario.model import Scenario

ROOT = Path(__file__).resolve().parents[1]
SECOND_US = 1_000_000

SCENARIO = """
[simulation]
length = "1h"
replications = {replications}
seed = {seed}

[router]
preset = "fcfs-longest-idle"

[router.queues.main]
automatic = true
max_overtake_wait = "never"

[callers.main]
rate = "{rate}/s"
handle_time = {{ family = "exponential", mean = "1s" }}

[agents.pool]
count = {agents}
"""


def scenario_of(job: Job, replications: int = 1) -> Scenario:
    """Return the job as a scenario: long enough for its customers, shared out over the replications."""
    assert job.service == 1, "the scenario's unit of time is a mean handle time"
    text = SCENARIO.format(replications=replications, seed=job.seed, rate=job.arrivals, agents=job.agents)
    length_us = round(job.customers / job.arrivals / replications * SECOND_US)
    return msgspec.structs.replace(parse_scenario(text, "bench"), length_us=length_us)


def run_ours(job: Job, threads: int = 1) -> Outcome:
    """Simulate natively, one replication a thread, with all that `simulate` counts."""
    scenario = scenario_of(job, replications=threads)
    clock = time.process_time if threads == 1 else time.perf_counter
    began_s = clock()
    runs = simulate(scenario, threads=threads)
    took_s = clock() - began_s
    customers = sum(each.calls.offered for each in runs)
    assert customers == sum(each.calls.answered for each in runs)
    waited_s = sum(each.calls.wait_all_sum_us for each in runs) / SECOND_US
    delayed = sum(each.calls.delayed for each in runs)
    return Outcome(customers, waited_s / customers, delayed / customers, took_s)


def run_peer(name: str, job: Job) -> Outcome:
    """Run a model of bench/peers in a process of its own."""
    command = [sys.executable, "-m", f"bench.peers.{name}", *job.words()]
    answer = subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return msgspec.json.decode(answer.stdout, type=Outcome)


def run_bare_loop(program: Path, job: Job) -> Outcome:
    """Run the bare loop."""
    answer = subprocess.run([str(program), *job.words()], check=True, capture_output=True)
    return msgspec.json.decode(answer.stdout, type=Outcome)
