"""Other routers at their own job, beside this one's figures of the runs, on the same axes.

"Published": by others, on other hardware, as limits or advice in source, documentation or papers. "Measured earlier":
by us, with those programs on 2 cores, in one run each, not in the runs of the report.
"""

from __future__ import annotations

import statistics
from typing import Final

from bench.report.runs import Line, Runs

PUBLISHED = "published"
EARLIER = "measured earlier"

RATES: Final = {
    f"FreeSWITCH mod_callcenter, calls, overload ({PUBLISHED})": 20,
    f"FreeSWITCH mod_callcenter 1.10.12, calls ({EARLIER})": 80,
    f"Azure Job Router, requests ({PUBLISHED})": 100,
    f"Asterisk app_queue 22.10.1, calls ({EARLIER})": 200,
}
"""The highest rate that went well, or the limit that is given."""

AGENTS: Final = {
    f"VICIdial, one telephony server, inbound ({PUBLISHED})": 50,
    f"Twilio TaskRouter, workers of a workspace ({PUBLISHED})": 7_500,
    f"Cisco, largest reference design ({PUBLISHED})": 48_000,
}

OFFERS_MS: Final = {
    f"Asterisk app_queue ({EARLIER}), p50": ((100, 0.6), (200, 0.9)),
    f"Asterisk app_queue ({EARLIER}), p99": ((100, 2.7), (200, 18.0), (250, 17_000.0)),
    f"FreeSWITCH mod_callcenter ({EARLIER}), p50": ((5, 69.0), (80, 74.0), (120, 179.0), (160, 1_900.0)),
    f"FreeSWITCH mod_callcenter ({EARLIER}), p99": ((5, 100.0), (80, 143.0), (120, 1_224.0), (160, 9_400.0)),
}
"""Calls per second, and milliseconds from joining the queue to the offer."""

OURS_RATES: Final = (
    ("wire-unary", "16 in flight", "ours, commands/s", "this router, requests, durable, 16 in flight"),
    ("wire-latency", "5,000 calls/s, ours", "offers/s", "this router, calls, durable, of 5,000 a second sent"),
)


def peer_lines(runs: Runs) -> dict[str, dict[str, Line]]:
    """Return the plots with peers, as far as the runs measured this router's part."""
    plots: dict[str, dict[str, Line]] = {}
    if {table for table, *_ in OURS_RATES} <= runs.tables.keys():
        plots["peers-rates"] = _dots(RATES) | _our_rates(runs)
    if "decisions-agents" in runs.plots:
        plots["peers-agents"] = _dots(AGENTS) | _our_agents(runs)
    if "wire-latency" in runs.tables:
        plots["peers-offers"] = _our_offers(runs) | {name: _line(points) for name, points in OFFERS_MS.items()}
    return plots


def _dots(values: dict[str, int]) -> dict[str, Line]:
    return {name: _line(((0, value),)) for name, value in values.items()}


def _line(points: tuple[tuple[float, float], ...]) -> Line:
    ys = [y for _, y in points]
    return Line([x for x, _ in points], ys, ys, ys)


def _our_rates(runs: Runs) -> dict[str, Line]:
    rates = {name: runs.tables[table].row(row)[column] for table, row, column, name in OURS_RATES}
    return {name: _range([0.0], [values]) for name, values in rates.items()}


def _our_agents(runs: Runs) -> dict[str, Line]:
    most = max(x for line in runs.plots["decisions-agents"].values() for x in line.x)
    return {"this router, one process (decided about in these runs)": _line(((0, most),))}


def _our_offers(runs: Runs) -> dict[str, Line]:
    found = {}
    rows = {row: columns for row, columns in runs.tables["wire-latency"].rows.items() if row.endswith(", ours")}
    for share in ("p50", "p99"):
        rates = [float(row.partition(" ")[0].replace(",", "")) for row in rows]
        values = [columns[f"{share}, ms"] for columns in rows.values()]
        found[f"this router, durable, over gRPC, {share}"] = _range(rates, values)
    return found


def _range(xs: list[float], values: list[list[float]]) -> Line:
    return Line(xs, [statistics.median(each) for each in values], [*map(min, values)], [*map(max, values)])
