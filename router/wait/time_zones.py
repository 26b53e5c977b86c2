"""Local time for the learner, which knows no calendar: by how much it differs from UTC, from which moment on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime(2100, 1, 1, tzinfo=UTC)
_STEP = timedelta(days=7)  # no zone changes its clocks twice in a week and back
_SECOND = timedelta(seconds=1)


@lru_cache(maxsize=16)
def utc_offsets(time_zone: str) -> tuple[tuple[int, int], ...]:
    """Return the moments (microseconds since the epoch) when local time less UTC changes, and to how many seconds.

    `time_zone` is a name of the IANA data base, such as "Europe/Prague". From 1970 to 2100; after that the last
    one goes on. Raises `ValueError` for a zone that is not known.
    """
    if time_zone == "UTC":  # needs no data base
        return ((0, 0),)
    try:
        zone = ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError, TypeError) as error:
        raise ValueError(
            f"time_zone: {time_zone!r} is not known: a name such as 'UTC' or 'Europe/Prague' is wanted"
        ) from error

    def offset_at(moment: datetime) -> int:
        offset = moment.astimezone(zone).utcoffset()
        return 0 if offset is None else round(offset.total_seconds())

    changes = [(0, offset_at(_FIRST))]
    before = _FIRST
    while before < _LAST:
        after = before + _STEP
        if offset_at(after) != changes[-1][1]:
            low, high = before, after  # the change lies after low, at high at the latest
            while high - low > _SECOND:
                middle = low + (high - low) // 2
                low, high = (middle, high) if offset_at(middle) == changes[-1][1] else (low, middle)
            moment = high.replace(microsecond=0)
            changes.append((round((moment - _FIRST).total_seconds()) * 1_000_000, offset_at(high)))
        before = after
    return tuple(changes)
