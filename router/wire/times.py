"""Timestamps and durations: microseconds on our side, seconds and nanoseconds on the wire.

Keeps one invariant: exact in both directions; parts of a microsecond that a client sends are cut off.
"""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from router.wire.problems import Malformed

_MILLION = 1_000_000
# the ranges that protobuf gives: 10,000 years, and the years 1 to 9999
_DURATION_SECONDS_MAX = 315_576_000_000
_TIMESTAMP_SECONDS_MIN = -62_135_596_800
_TIMESTAMP_SECONDS_MAX = 253_402_300_799
_TIMESTAMP_US_MAX = _TIMESTAMP_SECONDS_MAX * _MILLION + 999_999
_NANOS_MAX = 999_999_999


def to_duration(duration_us: int) -> Duration:
    """Return a duration; of a negative one, both parts are negative, as protobuf demands."""
    seconds, part_us = divmod(abs(duration_us), _MILLION)
    if duration_us < 0:
        return Duration(seconds=-seconds, nanos=-part_us * 1000)
    return Duration(seconds=seconds, nanos=part_us * 1000)


def to_timestamp(time_us: int) -> Timestamp:
    """Return a timestamp. A time after the year 9999, which protobuf cannot say, becomes the end of that year."""
    seconds, part_us = divmod(min(time_us, _TIMESTAMP_US_MAX), _MILLION)
    return Timestamp(seconds=seconds, nanos=part_us * 1000)


def from_duration(duration: Duration) -> int:
    """Return microseconds. Raises `Malformed` for what protobuf does not allow in a Duration."""
    seconds, nanos = duration.seconds, duration.nanos
    if not -_DURATION_SECONDS_MAX <= seconds <= _DURATION_SECONDS_MAX:
        raise Malformed("seconds", f"{seconds} is out of range", f"at most {_DURATION_SECONDS_MAX} either way")
    if not -_NANOS_MAX <= nanos <= _NANOS_MAX:
        raise Malformed("nanos", f"{nanos} is out of range", f"at most {_NANOS_MAX} either way")
    if (seconds > 0 > nanos) or (seconds < 0 < nanos):
        raise Malformed("nanos", f"{nanos} has another sign than the seconds, {seconds}", "both with the same sign")
    return seconds * _MILLION + (nanos // 1000 if nanos >= 0 else -(-nanos // 1000))


def from_timestamp(timestamp: Timestamp) -> int:
    """Return microseconds since the epoch. Raises `Malformed` for what protobuf does not allow in a Timestamp."""
    seconds, nanos = timestamp.seconds, timestamp.nanos
    if not _TIMESTAMP_SECONDS_MIN <= seconds <= _TIMESTAMP_SECONDS_MAX:
        raise Malformed("seconds", f"{seconds} is out of range", "a time in the years 1 to 9999")
    if not 0 <= nanos <= _NANOS_MAX:
        raise Malformed("nanos", f"{nanos} is out of range", f"0 to {_NANOS_MAX}")
    return seconds * _MILLION + nanos // 1000
