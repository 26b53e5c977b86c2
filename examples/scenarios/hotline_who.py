"""Who serves whom, before and after: which agents take which callers, and how often those who know the customer.

Steps through a few runs of hotline_before.toml and hotline_after.toml and reads every event. Prints Markdown, for
docs/hotline.md. `python examples/scenarios/hotline_who.py --replications 10`.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from router.engine.commands import Enqueue
from router.engine.events import CallAssigned
from router.simulation import Scenario, load_scenario
from router.simulation.run import Simulation

HERE = Path(__file__).parent


class Served:
    """Counts of answered calls of the measured time: by queue and group, and those of customers served before."""

    def __init__(self) -> None:
        self.by_group: dict[str, Counter[str]] = {}
        self.again: Counter[str] = Counter()  # by queue: the customer was served before …
        self.by_same: Counter[str] = Counter()  # … and this time by the very same agent

    def watch(self, scenario: Scenario, replication: int) -> None:
        """Add a run."""
        groups = {agent: group.name for group in scenario.agents for agent in group.agent_names()}
        measured: set[str] = set()
        customers: dict[str, str] = {}
        last_agent: dict[str, str] = {}
        for time_us, command, assigned in _assignments(Simulation(scenario, replication)):
            if isinstance(command, Enqueue):
                customers[command.call] = command.customer
                if time_us >= scenario.warm_up_us:
                    measured.add(command.call)
            for event in assigned:
                customer = customers[event.call]
                if event.call in measured:
                    self._count(event, groups[event.agent], last_agent.get(customer))
                if customer:
                    last_agent[customer] = event.agent

    def _count(self, event: CallAssigned, group: str, last: str | None) -> None:
        self.by_group.setdefault(event.queue, Counter())[group] += 1
        if last is not None:
            self.again[event.queue] += 1
            self.by_same[event.queue] += last == event.agent


def _assignments(simulation: Simulation) -> Iterator[tuple[int, object, list[CallAssigned]]]:
    """Yield each step: its time from the start of the run, its command, the calls that agents took."""
    start_us: int | None = None
    for happening in simulation.happenings():
        start_us = happening.time_us if start_us is None else start_us
        assigned = [event for event in happening.events if isinstance(event, CallAssigned)]
        yield happening.time_us - start_us, happening.command, assigned


def _row(name: str, queue: str, served: Served, groups: list[str]) -> str:
    total = served.by_group[queue].total()
    shares = [f"{100 * served.by_group[queue][group] / total:.0f} %" for group in groups]
    again = served.again[queue]
    known = f"{100 * served.by_same[queue] / again:.0f} % of {again}" if again else "–"
    return f"| {queue}, {name} | {total} | {' | '.join(shares)} | {known} |"


def main() -> None:
    """Print who served whom."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--replications", type=int, default=10, help="how many runs are watched (default 10)")
    replications = parser.parse_args().replications
    found = {}
    groups: list[str] = []
    for name in ("before", "after"):
        scenario = load_scenario(HERE / f"hotline_{name}.toml")
        groups = [group.name for group in scenario.agents]
        found[name] = Served()
        for replication in range(replications):
            found[name].watch(scenario, replication)
    print(f"| queue | answered | {' | '.join(groups)} | by whom they know |")
    print("|---" * (len(groups) + 3) + "|")
    for queue in sorted(found["before"].by_group):
        for name, served in found.items():
            print(_row(name, queue, served, groups))


if __name__ == "__main__":
    main()
