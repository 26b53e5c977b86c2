"""Figures as text: numbers with three digits, ranges where there are several runs, Markdown tables."""

from __future__ import annotations

import textwrap
from typing import Any

from bench.report.runs import Goal, Runs, Table


def number(value: float) -> str:
    """Return a number with three digits that mean something."""
    size = abs(value)
    if float(value).is_integer() and size < 1e6:
        return f"{value:,.0f}"
    if size >= 1e6:
        return f"{value / 1e6:,.1f} M" if size < 1e8 else f"{value / 1e6:,.0f} M"
    if size >= 1000:
        return f"{round(value, 3 - len(str(int(size)))):,.0f}"
    if size >= 100:
        return f"{value:.0f}"
    if size >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if size >= 0.1 else f"{value:.2g}"


def spread(values: list[Any]) -> str:
    """Return the value, or the least and the greatest of all runs."""
    if any(isinstance(value, str) for value in values):
        return ", ".join(dict.fromkeys(str(value) for value in values))
    low, high = number(min(values)), number(max(values))
    return low if low == high else f"{low} – {high}"


def tests_of(table: Table) -> str:
    """Return the tests that measure a table anew, as pytest is told them."""
    files: dict[str, list[str]] = {}
    for test in table.tests:
        file, _, name = test.partition("::")
        files.setdefault(file, []).append(name)
    if len(table.tests) == 1:
        return next(iter(table.tests))
    (names,) = files.values() if len(files) == 1 else ([],)
    chosen = f" -k '{' or '.join(names)}'" if names else ""
    return f"{' '.join(files)}{chosen}"


def table_text(table: Table) -> str:
    """Return a table; in its corner stand the tests that measured it."""
    columns = table.columns
    lines = [f"| `{tests_of(table)}` | " + " | ".join(columns) + " |", "|---|" + "---:|" * len(columns)]
    for name, row in table.rows.items():
        cells = [spread(row[column]) if column in row else "" for column in columns]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def goals_text(goals: list[Goal]) -> str:
    """Return all goals, and how they stand."""
    lines = ["| goal | wanted | measured | |", "|---|---|---:|---|"]
    for goal in goals:
        wanted = f"{'≤' if goal.at_most else '≥'} {number(goal.limit)} {goal.unit}".rstrip()
        runs = len(goal.values)
        state = "reached" if goal.reached == runs else "**missed**"
        if 0 < goal.reached < runs:
            state = f"**missed** in {runs - goal.reached} of {runs} runs"
        lines.append(f"| {goal.name} | {wanted} | {f'{spread(goal.values)} {goal.unit}'.rstrip()} | {state} |")
    return "\n".join(lines)


def machine_text(runs: Runs) -> str:
    """Return what ran where and when."""
    machine = runs.machine
    days = sorted(set(runs.dates))
    times = "one full run" if runs.count == 1 else f"{runs.count} full runs, least and greatest given"
    when = f"{times}, on {days[0] if len(days) == 1 else f'{days[0]} to {days[-1]}'}; router {machine['version']}"
    parts = [when, *(f"{name}: {machine[key]}" for key, name in MACHINE.items() if machine.get(key))]
    return textwrap.fill("; ".join(parts) + ".", 120, break_long_words=False, break_on_hyphens=False)


MACHINE = {
    "processor": "processor",
    "memory": "memory",
    "kernel": "kernel",
    "python": "Python",
    "compiler": "compiler",
    "libc": "C library",
    "packages": "packages",
}
