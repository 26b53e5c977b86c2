"""M/M/n in Ciw: a network of one node."""

from __future__ import annotations

import ciw

from bench.peers import Job, main


def simulate(job: Job) -> list[float]:
    """Return the wait of each customer."""
    ciw.seed(job.seed)
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(rate=job.arrivals)],
        service_distributions=[ciw.dists.Exponential(rate=job.service)],
        number_of_servers=[job.agents],
    )
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_customers(job.customers, method="Finish")
    return [record.waiting_time for record in simulation.get_all_records()]


if __name__ == "__main__":
    main(simulate)
