"""Recorded days: what a call log says happened, read from a file and checked row by row.

Invariant: whatever leaves this module is whole and in order of arrival; a file that is not gets one error that
says where, what is wrong and what would be right.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Final, cast

import msgspec

LINE_BYTES_MAX: Final = 65_536
GZIP_MAGIC: Final = b"\x1f\x8b"


class RecordingError(ValueError):
    """A call log is malformed. `line` counts from 1; 0 means the file as a whole."""

    def __init__(self, source: str, line: int, problem: str, wanted: str) -> None:
        place = f"{source}:{line}" if line else source
        super().__init__(f"{place}: {problem}; {wanted}")
        self.source = source
        self.line = line
        self.problem = problem
        self.wanted = wanted


class UnknownDay(ValueError):
    """The day asked for is not in the log, or none was asked for and the log has several."""


class RecordedCall(msgspec.Struct, frozen=True, gc=False):
    """One call of a log. Times are microseconds since midnight of `day`.

    `agent` is "" and `answered_us`, `released_us` are None when nobody answered; then `ended_us` is when the
    caller gave up. The agent is free again at `released_us`. `line` is where the log says so.
    """

    day: str
    line: int
    type: str
    arrived_us: int
    agent: str = ""
    answered_us: int | None = None
    released_us: int | None = None
    ended_us: int | None = None

    @property
    def waited_us(self) -> int:
        """Return how long the caller waited, until the answer or until giving up."""
        until = self.answered_us if self.answered_us is not None else self.ended_us
        return (until or 0) - self.arrived_us

    @property
    def handled_us(self) -> int | None:
        """Return how long an agent was busy with the call, None if nobody answered."""
        if self.answered_us is None or self.released_us is None:
            return None
        return self.released_us - self.answered_us


class RecordedDay(msgspec.Struct, frozen=True):
    """The calls of one day, by arrival (equal times as in the file)."""

    day: str
    calls: tuple[RecordedCall, ...]


class Log(msgspec.Struct, frozen=True):
    """A whole call log: its days in order, at least one, none empty."""

    source: str
    days: tuple[RecordedDay, ...]

    def day(self, day: str | None = None) -> RecordedDay:
        """Return one day, or the only one if `day` is None. Raises `UnknownDay`, naming the days there are."""
        if day is None and len(self.days) == 1:
            return self.days[0]
        for candidate in self.days:
            if candidate.day == day:
                return candidate
        what = "has several days" if day is None else f"has no day {day}"
        raise UnknownDay(f"{self.source} {what}; choose one of {self._name_days()}")

    def calls(self) -> Iterator[RecordedCall]:
        """Iterate over the calls of all days."""
        for day in self.days:
            yield from day.calls

    def _name_days(self) -> str:
        names = [day.day for day in self.days]
        if len(names) > 12:
            names = [*names[:6], "…", *names[-5:]]
        return ", ".join(names)


# A reader turns numbered lines of text (without their ends) into calls. It raises RecordingError with the
# given source. Order of arrival and of days is checked here, for all readers alike.
Reader = Callable[[Iterable[tuple[int, str]], str], Iterator[RecordedCall]]


def read_log(path: Path | str, reader: Reader) -> Log:
    """Read and check a whole log, plain or gzip (told by its content). Raises `RecordingError`."""
    source = str(path)
    days: list[RecordedDay] = []
    calls: list[RecordedCall] = []
    for call in reader(read_lines(Path(path)), source):
        if calls and call.day != calls[-1].day:
            days.append(_close_day(days, calls, call, source))
            calls = []
        if calls and call.arrived_us < calls[-1].arrived_us:
            raise RecordingError(
                source,
                call.line,
                f"the call arrived before the one of line {calls[-1].line}",
                "rows must be in order of arrival: sort the file by day and time of arrival",
            )
        calls.append(call)
    if not calls:
        raise RecordingError(source, 0, "there are no calls in it", "a header and at least one row are needed")
    days.append(RecordedDay(day=calls[0].day, calls=tuple(calls)))
    return Log(source=source, days=tuple(days))


def _close_day(days: list[RecordedDay], calls: list[RecordedCall], following: RecordedCall, source: str) -> RecordedDay:
    if following.day < calls[-1].day:
        raise RecordingError(
            source,
            following.line,
            f"day {following.day} comes after day {calls[-1].day}",
            "rows must be in order of arrival: sort the file by day and time of arrival",
        )
    return RecordedDay(day=calls[0].day, calls=tuple(calls))


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Iterate over (line number, text) of a plain or gzip file, decoding line by line. Raises `RecordingError`."""
    source = str(path)
    number = 0
    try:
        with _open(path) as stream:
            while line := stream.readline(LINE_BYTES_MAX + 1):
                number += 1
                yield number, _decode(line, number, source)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise RecordingError(
            source, number + 1, f"the gzip data is torn ({error})", "copy or compress the file again"
        ) from error
    except OSError as error:
        raise RecordingError(
            source, 0, f"it cannot be read ({error.strerror or error})", "name a readable file"
        ) from error


def _open(path: Path) -> IO[bytes]:
    with path.open("rb") as raw:
        packed = raw.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    if path.suffix == ".gz" and not packed:
        raise RecordingError(str(path), 0, "it is named .gz but is not gzip", "compress it, or drop the .gz")
    return cast(IO[bytes], gzip.open(path)) if packed else path.open("rb")


def _decode(line: bytes, number: int, source: str) -> str:
    if len(line) > LINE_BYTES_MAX:
        raise RecordingError(
            source, number, f"the line is over {LINE_BYTES_MAX} bytes", "one short row per line is right"
        )
    if b"\0" in line:
        raise RecordingError(source, number, "there is a zero byte in the line", "the file must be text in UTF-8")
    try:
        # a byte order mark, as spreadsheets write it, is no part of the first column's name
        text = line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise RecordingError(
            source, number, f"byte {error.start + 1} of the line is not UTF-8", "the file must be text in UTF-8"
        ) from error
    return text.rstrip("\r\n")
