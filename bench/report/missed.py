"""The part of the report about goals that were missed: of what is written in advance, what the runs call for."""

from __future__ import annotations

from bench.report.runs import Goal, UnfitRun


def missed_text(sections: str, goals: list[Goal]) -> str:
    """Return those sections that list, as `- NAME`, a goal that was missed, and of each list only such.

    Raises `UnfitRun` if no section lists a missed goal: a report says why it was missed.
    """
    missed = {goal.name for goal in goals if goal.reached < len(goal.values)}
    shown = []
    explained: set[str] = set()
    for section in sections.strip().removeprefix("### ").split("\n### "):
        lines = section.strip().splitlines()
        listed = {line.removeprefix("- ") for line in lines if line.startswith("- ")}
        explained |= listed
        if listed & missed:
            shown.append("### " + "\n".join(line for line in lines if line.removeprefix("- ") not in listed - missed))
    if unexplained := sorted(missed - explained):
        raise UnfitRun(f"missed, and no section of bench/report/90-missed.md says why: {'; '.join(unexplained)}")
    return "\n\n".join(shown) if missed else "None."
