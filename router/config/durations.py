"""Durations as people write them ("20s", "1m30s", "500ms") and as the engine counts them, in microseconds."""

from __future__ import annotations

import re
from typing import Final

from router.engine.settings import DAY_US, HOUR_US, MINUTE_US, SECOND_US

DURATION_US_MAX: Final = 366 * DAY_US
UNITS_US: Final = {"d": DAY_US, "h": HOUR_US, "m": MINUTE_US, "s": SECOND_US, "ms": 1_000, "us": 1}
_PATTERN: Final = re.compile("".join(f"(?:([0-9]{{1,18}}){unit})?" for unit in UNITS_US))


def parse_duration(text: str) -> int | None:
    """Return the microseconds of "1h30m" and the like, None if `text` is not a duration.

    Units are d, h, m, s, ms and us, the greater first, each at most once, whole numbers only.
    """
    match = _PATTERN.fullmatch(text)
    if match is None or not text:
        return None
    amounts = zip(match.groups(), UNITS_US.values(), strict=True)
    return sum(int(digits) * unit_us for digits, unit_us in amounts if digits is not None)


def format_duration(duration_us: int) -> str:
    """Return the shortest text that `parse_duration` reads back as `duration_us` (0 or more)."""
    parts = []
    rest_us = duration_us
    for unit, unit_us in UNITS_US.items():
        amount, rest_us = divmod(rest_us, unit_us)
        if amount:
            parts.append(f"{amount}{unit}")
    return "".join(parts) or "0s"
