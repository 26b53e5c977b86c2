"""M/M/n in SimPy: a process for each customer, a resource for the agents."""

from __future__ import annotations

import random
from collections.abc import Generator

import simpy

from bench.peers import Job, main


def simulate(job: Job) -> list[float]:
    """Return the wait of each customer, in order of their service."""
    environment = simpy.Environment()
    agents = simpy.Resource(environment, capacity=job.agents)
    waits: list[float] = []

    def customer() -> Generator[simpy.Event]:
        arrival = environment.now
        with agents.request() as request:
            yield request
            waits.append(environment.now - arrival)
            yield environment.timeout(random.expovariate(job.service))

    def source() -> Generator[simpy.Event]:
        for _ in range(job.customers):
            yield environment.timeout(random.expovariate(job.arrivals))
            environment.process(customer())

    environment.process(source())
    environment.run()
    return waits


if __name__ == "__main__":
    main(simulate)
