"""Write the metrics part of docs/operations.md from the catalogue: `python -m router.server.metrics.reference [FILE]`.

Without a file it prints the reference. With one it replaces what follows the marker line in it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from router.server.metrics.catalogue import CATALOGUE, SECTIONS, Metric

MARKER: Final = (
    "<!-- Everything below is written by `python -m router.server.metrics.reference docs/operations.md`. -->\n"
)


def reference() -> str:
    """Return the reference of every metric as Markdown."""
    parts = ["## Every metric\n"]
    starts = {first.name: title for title, first in SECTIONS}
    for metric in CATALOGUE:
        if metric.name in starts:
            parts.append(f"\n### {starts[metric.name]}\n\n| metric | kind | labels | meaning |\n|---|---|---|---|\n")
        parts.append(_row(metric))
    return "".join(parts)


def update(document: str) -> str:
    """Return a Markdown text with the part after the marker written anew. Raises `ValueError` without a marker."""
    before, marker, _ = document.partition(MARKER)
    if not marker:
        raise ValueError(f"the marker line is missing: {MARKER.strip()}")
    return f"{before}{MARKER}\n{reference()}"


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{metric.name}` | {metric.kind} | {labels} | {metric.meaning} |\n"


def main(arguments: list[str]) -> None:
    """Print the reference, or update the file named."""
    if not arguments:
        sys.stdout.write(reference())
        return
    path = Path(arguments[0])
    path.write_text(update(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
