"""The README's table: a few figures of the runs."""

from __future__ import annotations

from typing import Final, NamedTuple

from bench.report.runs import Runs
from bench.report.text import spread


class Pick(NamedTuple):
    """A row for the README: that row of a table whose name begins so, and columns, each with its words."""

    words: str
    table: str
    row: str
    columns: tuple[tuple[str, str], ...]


PICKS: Final = (
    Pick(
        "a decision through Python, 10,000 idle agents, 50 profiles and requirements",
        "decisions-agents",
        "10,000 agents, 50 profiles",
        (("p50, µs", "µs (median)"), ("p99, µs", "µs (p99)")),
    ),
    Pick(
        "the same with 100,000 agents, 500 profiles and requirements",
        "decisions-agents",
        "100,000 agents, 500 profiles",
        (("p50, µs", "µs (median)"), ("p99, µs", "µs (p99)")),
    ),
    Pick(
        "an agent becomes free, 100,000 calls wait, 500 profiles and requirements",
        "decisions-waiting",
        "100,000 waiting calls, 500 profiles",
        (("p50, µs", "µs (median)"), ("p99, µs", "µs (p99)")),
    ),
    Pick(
        "a call's whole life in the native engine, offer and wrap-up included",
        "decisions-native",
        "a call's life: 5 steps, 100 agents",
        (("ns", "ns"),),
    ),
    Pick(
        "durable commands over gRPC, one by one, 16 in flight",
        "wire-unary",
        "16 in flight",
        (("ours, commands/s", "commands/s"), ("ours ÷ echo", "of a bare echo server")),
    ),
    Pick(
        "durable commands over gRPC, stream, batches of 256",
        "wire-stream",
        "batches of 256, 16 under way",
        (("ours, commands/s", "commands/s"), ("ours ÷ echo", "of a bare echo server")),
    ),
    Pick(
        "from `Enqueue` to the offer seen on a watch stream, 1,000 calls/s",
        "wire-latency",
        "1,000 calls/s, ours",
        (("p50, ms", "ms (median)"), ("p99, ms", "ms (p99)")),
    ),
    Pick(
        "ready again after `kill -9` with 1,000,000 commands in the journal and a snapshot",
        "recovery",
        "1,000,000 commands, with a snapshot",
        (("ready after, s", "s"),),
    ),
    Pick(
        "simulated customers, M/M/100, one thread",
        "simulation-peers",
        "M/M/100",
        (("ours, customers/s", "customers/s"), ("ours ÷ SimPy", "times SimPy")),
    ),
)


def readme_table(runs: Runs) -> str:
    """Return the table."""
    times = "one run" if runs.count == 1 else f"{runs.count} runs"
    lines = [f"| {times} on {runs.machine['processor']} | |", "|---|---|"]
    for pick in PICKS:
        if pick.table not in runs.tables:
            continue  # what is compared with was not there
        columns = runs.tables[pick.table].row(pick.row)
        cells = ", ".join(f"{spread(columns[column])} {words}" for column, words in pick.columns)
        lines.append(f"| {pick.words} | {cells} |")
    return "\n".join(lines)
