"""Goal: local time follows the time zone's own rules, to the second, wherever the clocks are changed."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from router.wait.time_zones import utc_offsets

ZONES = ("Europe/Prague", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kolkata")


def offset_at(offsets: tuple[tuple[int, int], ...], moment: datetime) -> int:
    time_us = round(moment.timestamp() * 1_000_000)
    return offsets[bisect_right(offsets, time_us, key=lambda change: change[0]) - 1][1]


@pytest.mark.parametrize("zone", ZONES)
def test_every_change_of_the_clocks_is_there_to_the_second(zone: str) -> None:
    offsets = utc_offsets(zone)
    assert [time_us for time_us, _ in offsets] == sorted({time_us for time_us, _ in offsets})
    moment = datetime(2001, 1, 1, 0, 30, tzinfo=UTC)
    while moment.year < 2035:
        local = moment.astimezone(ZoneInfo(zone)).utcoffset()
        assert local == timedelta(seconds=offset_at(offsets, moment))
        moment += timedelta(hours=41)
    for time_us, after_s in offsets[1:40]:
        moment = datetime.fromtimestamp(time_us / 1_000_000, UTC)
        for near, seconds in ((moment, after_s), (moment - timedelta(seconds=1), None)):
            offset = near.astimezone(ZoneInfo(zone)).utcoffset()
            assert offset is not None
            assert (offset.total_seconds() == after_s) == (seconds is not None)


def test_utc_never_changes() -> None:
    assert utc_offsets("UTC") == ((0, 0),)


@pytest.mark.parametrize("wrong", ["", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "europe"])
def test_an_unknown_zone_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="a name such as"):
        utc_offsets(wrong)
