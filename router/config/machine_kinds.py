"""Kinds of config values about the machine that the server runs on: addresses, files, sizes of memory, time zones."""

from __future__ import annotations

import ipaddress
import re
from contextlib import suppress
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from router.config.kinds import Kind
from router.config.report import Place, nearest, shown_text, shown_value

_HOST_AND_PORT: Final = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253}):([0-9]{1,5})")
_SIZE: Final = re.compile(r"([0-9]{1,15})(|KiB|MiB|GiB|TiB)")
_UNITS: Final = {"TiB": 1 << 40, "GiB": 1 << 30, "MiB": 1 << 20, "KiB": 1 << 10}
_PATH_BYTES_MAX: Final = 4_096


class Address(Kind):
    """A host and port to listen on; `off` allows to have none, as an empty text."""

    type = "host:port"

    def __init__(self, *, off: bool = False) -> None:
        self._off = off
        self.range = "port 0 to 65535; 0 takes any free one"
        if off:
            self.range += '; "" for none'

    def read(self, value: object, place: Place) -> str:
        if value == "" and self._off:
            return ""
        wanted = 'host:port in quotes, such as "127.0.0.1:50051", "0.0.0.0:50051" for every address, or "[::1]:50051"'
        if self._off:
            wanted += '; "" for none'
        match = _HOST_AND_PORT.fullmatch(value) if isinstance(value, str) else None
        if match is None or int(match[2]) > 65_535:
            place.refuse(f"{shown_value(value)} is not an address with a port", wanted)
        if match[1].startswith("["):
            with suppress(ValueError):
                ipaddress.IPv6Address(match[1][1:-1])
                return match[0]
            place.refuse(f"{shown_text(match[1])} is not an IPv6 address", wanted)
        return match[0]


class File(Kind):
    """The path of a file, as written; empty for none. Whether it is there is found out by whoever reads it."""

    type = "path"
    range = 'relative to the config file; "" for none'

    def read(self, value: object, place: Place) -> str:
        wanted = 'the path of a file in quotes, such as "server.pem"; "" for none'
        if not isinstance(value, str):
            place.refuse(f"{shown_value(value)} is not a path", wanted)
        if not value.isprintable():
            place.refuse(f"the path {shown_text(value)} has a control character", wanted)
        if len(value.encode()) > _PATH_BYTES_MAX:
            place.refuse(f"the path is longer than {_PATH_BYTES_MAX:,} bytes", wanted)
        if value.endswith("/"):
            place.refuse(f"{shown_text(value)} is a directory", wanted)
        return value


class Memory(Kind):
    """A size of memory in bytes, as a number or with a binary unit; "auto" is 0."""

    type = "size"

    def __init__(self, minimum: int, maximum: int) -> None:
        self._minimum = minimum
        self._maximum = maximum
        self.range = f'{format_size(minimum)} to {format_size(maximum)}, or "auto"'

    def read(self, value: object, place: Place) -> int:
        wanted = f'a number of bytes or a size such as "512MiB" or "4GiB", from {self.range}'
        if value == "auto":
            return 0
        match = _SIZE.fullmatch(value) if isinstance(value, str) else None
        if match is not None:
            size = int(match[1]) * _UNITS.get(match[2], 1)
        elif type(value) is int:
            size = value
        else:
            place.refuse(f"{shown_value(value)} is not a size", wanted)
        if not self._minimum <= size <= self._maximum:
            place.refuse(f"{shown_value(value)} is out of range", wanted)
        return size

    def show(self, value: Any) -> str:
        return f'"{format_size(value) if value else "auto"}"'


class TimeZone(Kind):
    """The name of a time zone."""

    type = "time zone"
    range = 'a name of the IANA data base, such as "Europe/Berlin"'

    def read(self, value: object, place: Place) -> str:
        wanted = f'{self.range}, or "UTC"'
        if not isinstance(value, str):
            place.refuse(f"{shown_value(value)} is not a time zone", wanted)
        if value == "UTC":
            return value
        try:
            ZoneInfo(value)
        except (OSError, ValueError):  # ZoneInfoNotFoundError is a KeyError
            pass
        except KeyError:
            if not available_timezones():
                place.refuse(
                    f"{shown_text(value)} cannot be looked up: this machine has no data base of time zones",
                    'the system\'s package tzdata, or "UTC"',
                )
        else:
            return value
        near = _nearest_zone(value)
        place.refuse(f"{shown_text(value)} is no time zone", f'did you mean "{near}"?' if near else wanted)


def _nearest_zone(value: str) -> str | None:
    """Return the zone that was most likely meant: of the same area, or with the same city."""
    zones = available_timezones()
    area = value.partition("/")[0]
    near = nearest(value, [zone for zone in zones if zone.startswith(f"{area}/")]) if area != value else None
    return near or next((zone for zone in sorted(zones) if zone.rpartition("/")[2].lower() == value.lower()), None)


def format_size(size: int) -> str:
    """Return the shortest text that reads back as a size in bytes."""
    for unit, factor in _UNITS.items():
        if size and size % factor == 0:
            return f"{size // factor}{unit}"
    return str(size)
