"""The names that a watch is narrowed down to."""

from __future__ import annotations

from collections.abc import Collection


def names_of(field: str, names: Collection[str]) -> Collection[str]:
    """Return the names. Raises `TypeError` for a single text, which would be taken letter by letter."""
    if isinstance(names, str):
        raise TypeError(f"{field}: {names!r} is a single text; a list of names, such as [{names!r}], is wanted")
    return names
