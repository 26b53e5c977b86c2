"""What a benchmark hands on to the report: rows of tables, goals, and series for plots, kept in the run's JSON.

pytest-benchmark writes its JSON from `benchmark.extra_info`; `bench.render` reads it from there. Notes are facts of one
run: what is the same in every run (the workload in words, what is included and left out) is written once, in
`bench/report/*.md`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_benchmark.fixture import BenchmarkFixture

Figure = float | int | str


def note(benchmark: BenchmarkFixture, table: str, row: str, figures: Mapping[str, Figure]) -> None:
    """Add a row to a table. Columns are named with their unit, as in "ours, commands/s"."""
    assert figures, "a row without figures"
    tables = benchmark.extra_info.setdefault("tables", {})
    tables.setdefault(table, []).append({"row": row, "figures": dict(figures)})


def goal(
    benchmark: BenchmarkFixture,
    name: str,
    value: float,
    *,
    at_most: float | None = None,
    at_least: float | None = None,
    unit: str = "",
) -> bool:
    """Note how a figure stands to its goal, and say whether it is reached."""
    limit = at_most if at_least is None else at_least
    assert limit is not None
    assert at_most is None or at_least is None
    goals = benchmark.extra_info.setdefault("goals", [])
    goals.append({"name": name, "value": value, "limit": limit, "at_most": at_least is None, "unit": unit})
    return value <= limit if at_least is None else value >= limit


def series(benchmark: BenchmarkFixture, plot: str, name: str, x: Sequence[float], y: Sequence[float]) -> None:
    """Add a line to a plot of `bench.report.plots`; a line that is noted twice is continued."""
    assert len(x) == len(y)
    lines = benchmark.extra_info.setdefault("series", {}).setdefault(plot, {})
    line = lines.setdefault(name, {"x": [], "y": []})
    line["x"] += [float(value) for value in x]
    line["y"] += [float(value) for value in y]


def quantiles(values: Sequence[float], shares: Sequence[float] = (0.5, 0.9, 0.99)) -> list[float]:
    """Return the values that these shares of all do not exceed (the nearest one that was measured, from above)."""
    ordered = sorted(values)
    last = len(ordered) - 1
    return [ordered[min(last, int(share * len(ordered)))] for share in shares]
