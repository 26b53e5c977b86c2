"""The part of the report about goals that were missed: of what is written in advance, what the runs call for."""

from __future__ import annotations

import sys

from bench.report.runs import Goal


def missed_text(text: str, goals: list[Goal]) -> str:
    """Return the text with those sections that list, as `- NAME`, a goal that was missed, and of each list only such.

    Goals that were missed and that no section lists are named on stderr.
    """
    missed = {goal.name for goal in goals if goal.reached < len(goal.values)}
    head, *sections = text.split("\n### ")
    shown = []
    explained: set[str] = set()
    for section in sections:
        lines = section.splitlines()
        listed = {line.removeprefix("- ") for line in lines if line.startswith("- ")}
        explained |= listed
        if listed & missed:
            shown.append("\n".join(line for line in lines if line.removeprefix("- ") not in listed - missed))
    for name in sorted(missed - explained):
        print(f"warning: no section of bench/report/90-missed.md lists the missed goal {name!r}", file=sys.stderr)
    return "\n### ".join([head, *shown]) if missed else "## Goals missed\n\nNone."
