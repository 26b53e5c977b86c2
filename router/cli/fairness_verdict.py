"""The verdict of the fairness checker as commands print it: a line of text with the first violations, or JSON."""

from __future__ import annotations

from typing import Any, Final

from rich.console import Console

from router.fairness import Report

VIOLATIONS_SHOWN_MAX: Final = 10


def fairness_data(report: Report) -> dict[str, Any]:
    """Return the verdict as `--json` prints it."""
    return {
        "holds": report.ok,
        "commands": report.commands,
        "events": report.events,
        "violation_counts": {str(int(point)): count for point, count in report.violation_counts.items()},
        "violations": report.violations,
        "slips": report.slips,
        "skips": report.skips,
        "calls_overtaken": report.calls_overtaken,
    }


def print_fairness(report: Report, console: Console) -> None:
    """Print whether the contract held, and the first violations where it did not."""
    if report.ok:
        console.print(
            f"[green]Fairness contract: holds[/green] over {report.commands:,} commands "
            f"and {report.events:,} events; {report.slips:,} slips",
            highlight=False,
            soft_wrap=True,
        )
        return
    found = sum(report.violation_counts.values())
    console.print(f"[red]Fairness contract: broken[/red], {found:,} violations", highlight=False)
    for violation in report.violations[:VIOLATIONS_SHOWN_MAX]:
        console.print(
            f"  point {int(violation.point)}, command {violation.sequence}: {violation.sentence}",
            highlight=False,
            markup=False,
        )
