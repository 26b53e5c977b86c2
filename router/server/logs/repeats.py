"""A line that comes again and again is written a few times, and then counted.

Keeps one invariant: memory is bounded by the number of places in the code that write lines.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

LINES_MAX: Final = 20
WINDOW_S: Final = 10.0


@dataclass(slots=True)
class _Place:
    began_s: float
    lines: int = 0
    left_out: int = 0


class Repeats(logging.Filter):
    """Let at most `LINES_MAX` lines from one place of the code pass in `WINDOW_S`; the next one tells how many did not.

    What is for debugging, critical, for the record (the field `event` is "audit"), or tells of one call's life ("call")
    always passes.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now_s = now_s
        self._places: dict[tuple[str, int], _Place] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to write a line."""
        if record.levelno <= logging.DEBUG or record.levelno >= logging.CRITICAL:
            return True
        if getattr(record, "event", "") in ("audit", "call"):
            return True
        now_s = self._now_s()
        key = (record.pathname, record.lineno)
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = _Place(now_s)
        elif now_s - place.began_s >= WINDOW_S:
            if place.left_out:
                record.__dict__["left_out"] = place.left_out
            place.began_s, place.lines, place.left_out = now_s, 0, 0
        place.lines += 1
        if place.lines > LINES_MAX:
            place.left_out += 1
            return False
        if place.lines == LINES_MAX:
            record.__dict__["more_follow"] = f"not written for {WINDOW_S:g} s"
        return True
