"""Formats of call logs by name. A new format is a reader of its own, entered here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from router.simulation.recorded.recorded_day import Reader
from router.simulation.recorded.vanad import read_vanad

READERS: Final[Mapping[str, Reader]] = {"vanad": read_vanad}
