"""What the key tables of scenarios share: their bounds, and how keys without a default are made."""

from __future__ import annotations

from enum import Enum
from typing import Final

from router.config.kinds import Choice, Key, Kind
from router.simulation.recorded.readers import READERS
from router.simulation.scenario.kinds import ClockTime, Day, InputFile

REPLICATIONS_MAX: Final = 10_000
SEED_MAX: Final = (1 << 63) - 1
AGENTS_MAX: Final = 1_000_000
CHANCE_MAX: Final = 0.999  # where 1 would mean that a run never ends
CAPACITY_MAX: Final = 1_000
CALLERS_MAX: Final = 1_000
GROUPS_MAX: Final = 1_000


def optional(name: str, kind: Kind, doc: str, *, field: str = "", required: bool = False) -> Key:
    """Return a key without a default."""
    return Key(name=name, kind=kind, doc=doc, field=field or name, has_default=False, required=required)


def words(enum: type[Enum]) -> Choice:
    return Choice({member.value: member for member in enum})


RECORDED_LOG: Final = (
    optional("file", InputFile("a call log"), "The log; it may be compressed with gzip.", required=True),
    optional("day", Day(), "The day to take; needed where the log has several."),
    Key(
        name="format",
        kind=Choice({name: name for name in READERS}),
        doc="Its format, see [replay.md](replay.md).",
        field="format",
        default=next(iter(READERS)),
    ),
    optional(
        "from",
        ClockTime(),
        "Time of day at which the run begins; without it, the last full hour before the first call.",
        field="from_us",
    ),
)
