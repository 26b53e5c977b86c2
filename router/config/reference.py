"""Write the reference part of docs/configuration.md from the schema: `python -m router.config.reference [FILE]`.

Without a file it prints the reference. With one it replaces what follows the marker line in it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from router.config.kinds import Key, Table
from router.config.presets import PRESETS
from router.config.schema import AGENT_WEIGHTS, CALL_WEIGHTS, SECTIONS, Section

MARKER: Final = "<!-- Everything below is written by `python -m router.config.reference docs/configuration.md`. -->\n"


def reference() -> str:
    """Return the reference of every key and preset as Markdown."""
    parts = ["## Reference\n", *(section_text(section) for section in SECTIONS), _presets()]
    return "\n".join(parts)


def update(document: str) -> str:
    """Return a Markdown text with the part after the marker written anew. Raises `ValueError` without a marker."""
    return replace_after(document, MARKER, reference())


def replace_after(document: str, marker: str, text: str) -> str:
    """Return a Markdown text with what follows a marker line replaced. Raises `ValueError` without the marker."""
    before, found, _ = document.partition(marker)
    if not found:
        raise ValueError(f"the marker line is missing: {marker.strip()}")
    return f"{before}{marker}\n{text}"


def section_text(section: Section) -> str:
    """Return one table of keys as Markdown."""
    rows = "".join(_row(key) for key in section.table.keys.values())
    return (
        f"### `{section.header.replace(' and ', '` and `')}`\n\n{section.doc}\n\n"
        f"| key | value | default | range | meaning |\n|---|---|---|---|---|\n{rows}"
    )


def _row(key: Key) -> str:
    cells = (f"`{key.name}`", key.kind.type, _default(key), key.kind.range, key.doc)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def _default(key: Key) -> str:
    if key.required:
        return "required"
    if not key.has_default or key.name == "overflow":
        return "" if isinstance(key.kind, Table) else "none"
    return f"`{key.kind.show(key.default)}`"


def _presets() -> str:
    parts = ["### Presets\n\nA preset is a set of weights and nothing else.\n\n"]
    parts += [f"- `{name}`: {preset.doc}\n" for name, preset in PRESETS.items()]
    for title, table, field in (
        ("agent_weights", AGENT_WEIGHTS, "agent_weights"),
        ("call_weights", CALL_WEIGHTS, "call_weights"),
    ):
        parts.append(f"\n| {title} | {' | '.join(table.keys)} |\n|{'---|' * (len(table.keys) + 1)}\n")
        for name, preset in PRESETS.items():
            weights = getattr(preset, field)
            shown = (key.kind.show(getattr(weights, key.field)) for key in table.keys.values())
            parts.append(f"| `{name}` | {' | '.join(shown)} |\n")
    return "".join(parts)


def main(arguments: list[str]) -> None:
    """Print the reference, or update the file named."""
    write(arguments, MARKER, reference())


def write(arguments: list[str], marker: str, text: str) -> None:
    """Print a text, or put it behind the marker of the file named."""
    if not arguments:
        sys.stdout.write(text)
        return
    path = Path(arguments[0])
    path.write_text(replace_after(path.read_text(encoding="utf-8"), marker, text), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
