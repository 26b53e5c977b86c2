"""The bridge watches for the kinds of events that its core does something about, and for no others."""

from __future__ import annotations

import ast
from pathlib import Path

import router.bridge.asterisk as core
from router.bridge.asterisk.floor import HEEDED
from router.wire.events import EVENT_TYPES

_KINDS = {kind.__name__ for kind in EVENT_TYPES}


def _named(source: str) -> set[str]:
    """Return the kinds of events that a source matches or looks for, as `events.OfferMade`."""
    attributes = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute))
    return {
        node.attr
        for node in attributes
        if isinstance(node.value, ast.Name) and node.value.id == "events" and node.attr in _KINDS
    }


def test_what_is_heeded_is_what_the_core_speaks_of() -> None:
    (folder,) = core.__path__
    found = set[str]().union(*(_named(path.read_text()) for path in Path(folder).glob("*.py")))
    assert {kind.__name__ for kind in HEEDED} == found
