"""What one or more runs found, as pytest-benchmark wrote it to JSON: tables, goals, lines of plots, the machine."""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

Values = list[float] | list[str]


class Goal(NamedTuple):
    """A goal, and what each run reached."""

    name: str
    values: list[float]
    limit: float
    at_most: bool
    unit: str

    @property
    def reached(self) -> int:
        """In how many runs it was reached."""
        return sum(value <= self.limit if self.at_most else value >= self.limit for value in self.values)


class Line(NamedTuple):
    """A line of a plot: the median of the runs, and their range."""

    x: list[float]
    y: list[float]
    low: list[float]
    high: list[float]


class UnfitRun(Exception):
    """A run that must not be shown: a quick one, one of another machine than the others, one that lacks something."""


@dataclass
class Table:
    """Rows by name, each with the values of all runs by column, and the tests that measured them."""

    rows: dict[str, dict[str, list[Any]]] = field(default_factory=dict)
    tests: dict[str, None] = field(default_factory=dict)

    def row(self, start: str) -> dict[str, list[Any]]:
        """Return the row of that name, or the only one whose name begins so."""
        if start in self.rows:
            return self.rows[start]
        found = [columns for name, columns in self.rows.items() if name.startswith(start)]
        if len(found) != 1:
            raise UnfitRun(f"{len(found)} rows begin with {start!r}, one is wanted")
        return found[0]

    @property
    def columns(self) -> list[str]:
        return [*dict.fromkeys(column for row in self.rows.values() for column in row)]


@dataclass
class Runs:
    """All that the runs noted."""

    count: int
    machine: dict[str, Any]
    dates: list[str]
    tables: dict[str, Table]
    goals: list[Goal]
    plots: dict[str, dict[str, Line]]


def read_runs(paths: list[Path]) -> Runs:
    """Read the runs. Raises `UnfitRun`."""
    files = [json.loads(path.read_text()) for path in paths]
    machine = _machine_of(paths, files)
    full = [file for file in files if any(_is_of_full_run(benchmark) for benchmark in file["benchmarks"])]
    if not full:
        raise UnfitRun(f"{', '.join(map(str, paths))}: none is a full run")
    tables: dict[str, Table] = {}
    goals: dict[str, Goal] = {}
    for benchmark in (benchmark for file in files for benchmark in file["benchmarks"]):
        extra = benchmark["extra_info"]
        test = benchmark["fullname"].partition("[")[0]
        for name, rows in extra.get("tables", {}).items():
            _add_rows(tables.setdefault(name, Table()), rows, test)
        for one in extra.get("goals", []):
            goal = goals.setdefault(one["name"], Goal(one["name"], [], one["limit"], one["at_most"], one["unit"]))
            goal.values.append(one["value"])
    dates = sorted(file["datetime"][:10] for file in files)
    return Runs(len(full), machine, dates, tables, list(goals.values()), _plots_of(files))


def _machine_of(paths: list[Path], files: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the machine of all runs. Raises `UnfitRun` if they differ, or one was quick."""
    machines = [file["machine_info"].get("bench") for file in files]
    for path, machine in zip(paths, machines, strict=True):
        if machine is None or machine["quick"]:
            raise UnfitRun(f"{path}: a quick run, or none of `make bench`: it has no times worth showing")
        if machine != machines[0]:
            differing = sorted(key for key in machine if machine[key] != machines[0].get(key))
            raise UnfitRun(f"{path}: not of the same machine and versions as {paths[0]}: {', '.join(differing)} differ")
    found: dict[str, Any] = machines[0]
    return found


def _is_of_full_run(benchmark: dict[str, Any]) -> bool:
    """Say whether `make bench` alone measures this; what needs an Asterisk may have runs of its own."""
    return not benchmark["fullname"].startswith("bench/asterisk/")


def _add_rows(table: Table, rows: list[dict[str, Any]], test: str) -> None:
    table.tests[test] = None
    for row in rows:
        columns = table.rows.setdefault(row["row"], {})
        for column, value in row["figures"].items():
            columns.setdefault(column, []).append(value)


def _plots_of(files: list[dict[str, Any]]) -> dict[str, dict[str, Line]]:
    """Return the lines of all plots, each put together from all runs."""
    lines: dict[str, dict[str, list[dict[str, list[float]]]]] = {}
    for file in files:
        for plot, found in _lines_of(file).items():
            for name, line in found.items():
                lines.setdefault(plot, {}).setdefault(name, []).append(line)
    return {plot: {name: _merged(each) for name, each in found.items()} for plot, found in lines.items()}


def _lines_of(file: dict[str, Any]) -> dict[str, dict[str, dict[str, list[float]]]]:
    """Return one run's lines, put together from all benchmarks that noted a part of them."""
    found: dict[str, dict[str, dict[str, list[float]]]] = {}
    for benchmark in file["benchmarks"]:
        for plot, lines in benchmark["extra_info"].get("series", {}).items():
            for name, line in lines.items():
                whole = found.setdefault(plot, {}).setdefault(name, {"x": [], "y": []})
                whole["x"] += line["x"]
                whole["y"] += line["y"]
    return found


def _merged(runs: list[dict[str, list[float]]]) -> Line:
    """Put the same line of several runs together: the median of each point's x and y, and the range of its y."""
    length = min(len(run["x"]) for run in runs)
    xs = [statistics.median(run["x"][place] for run in runs) for place in range(length)]
    ys = [[run["y"][place] for run in runs] for place in range(length)]
    return Line(xs, [statistics.median(each) for each in ys], [min(each) for each in ys], [max(each) for each in ys])
