"""Write the reference part of docs/scenarios.md: `python -m router.simulation.scenario.reference [FILE]`.

Without a file it prints the reference. With one it replaces what follows the marker line in it.
"""

from __future__ import annotations

import sys
from typing import Final

from router.config.reference import replace_after, section_text, write
from router.simulation.scenario.schema import SECTIONS

MARKER: Final = (
    "<!-- Everything below is written by `python -m router.simulation.scenario.reference docs/scenarios.md`. -->\n"
)


def reference() -> str:
    """Return the reference of every key as Markdown."""
    return "\n".join(["## Reference\n", *(section_text(section) for section in SECTIONS)])


def update(document: str) -> str:
    """Return a Markdown text with the part after the marker written anew. Raises `ValueError` without a marker."""
    return replace_after(document, MARKER, reference())


def main(arguments: list[str]) -> None:
    """Print the reference, or update the file named."""
    write(arguments, MARKER, reference())


if __name__ == "__main__":
    main(sys.argv[1:])
