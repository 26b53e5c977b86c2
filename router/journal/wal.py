"""What SQLite's write-ahead log holds, read without SQLite, so that a damaged one is noticed before it is cut.

Keeps one invariant: it only reads.

SQLite takes the frames of a log up to the last whole transaction before the first frame that is not whole, and forgets
the rest without a word. The rest is an unfinished write, if the process or the machine died in it; or damage, if there
are the ends of later transactions. (Format: https://www.sqlite.org/fileformat2.html#walformat)
"""

from __future__ import annotations

import struct
import sys
from array import array
from pathlib import Path
from typing import BinaryIO, NamedTuple

_HEADER = struct.Struct(">IIIIIIII")
_FRAME = struct.Struct(">IIIIII")
_MAGIC = 0x377F0682  # the lowest bit says that checksums are of big-endian words
_VERSION = 3_007_000
_MASK = 0xFFFFFFFF


class WalState(NamedTuple):
    """What a log holds; all 0 where there is none.

    `frames` of this log, `kept_frames` up to the last transaction that SQLite takes, `lost_commits` the ends of
    transactions after that, `odd_bytes` a part of a frame at the end.
    """

    frames: int = 0
    kept_frames: int = 0
    lost_commits: int = 0
    odd_bytes: int = 0
    header_damaged: bool = False

    @property
    def damaged(self) -> bool:
        """Whether durable transactions are lost for certain: one write at a time can be unfinished, not two."""
        return self.lost_commits > 1 or self.header_damaged

    @property
    def words(self) -> str:
        """Say what will be lost when SQLite opens the journal; empty if nothing."""
        if self.header_damaged:
            return "the header of the write-ahead log is damaged, so that none of it can be read"
        left = self.frames - self.kept_frames
        if self.lost_commits > 1:
            return (
                f"the write-ahead log is damaged at frame {self.kept_frames + 1:,} of {self.frames:,}: "
                f"{self.lost_commits:,} finished writes after it cannot be read"
            )
        if left or self.odd_bytes:
            size = f"{left:,} frame{'' if left == 1 else 's'}" if left else f"{self.odd_bytes:,} bytes"
            return f"the write-ahead log ends with an unfinished write ({size}), which is cut off"
        return ""


def inspect_wal(path: Path) -> WalState:
    """Read a log. O(its size). Raises `OSError`; a log that is not there is an empty one."""
    try:
        with path.open("rb") as file:
            return _inspect(file)
    except FileNotFoundError:
        return WalState()


def _inspect(file: BinaryIO) -> WalState:
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size or not any(header):
        return WalState(odd_bytes=len(header) if any(header) else 0)
    magic, version, page_bytes, _, salt_1, salt_2, *expected = _HEADER.unpack(header)
    big_endian = bool(magic & 1)
    checksum = _sum((0, 0), header[:24], big_endian)
    if magic & ~1 != _MAGIC or version != _VERSION or checksum != tuple(expected):
        return WalState(header_damaged=True)
    frames = kept = lost_commits = number = 0
    whole = True
    while len(frame := file.read(_FRAME.size + page_bytes)) == _FRAME.size + page_bytes:
        number += 1
        page, size_after_commit, *salts, sum_1, sum_2 = _FRAME.unpack_from(frame)
        ours = salts == [salt_1, salt_2]
        if whole and ours and page:
            checksum = _sum(_sum(checksum, frame[:8], big_endian), frame[_FRAME.size :], big_endian)
            whole = checksum == (sum_1, sum_2)
        else:
            whole = False
        if not ours:
            continue
        frames = number
        if size_after_commit and whole:
            kept = number
        elif size_after_commit:
            lost_commits += 1
    part = len(frame) >= 16 and frame[8:16] == header[16:24]
    return WalState(frames, kept, lost_commits, len(frame) if part else 0)


def _sum(start: tuple[int, int], content: bytes, big_endian: bool) -> tuple[int, int]:
    words = array("I", content)
    if big_endian != (sys.byteorder == "big"):
        words.byteswap()
    first, second = start
    numbers = iter(words)
    for even, odd in zip(numbers, numbers, strict=True):
        first = (first + even + second) & _MASK
        second = (second + odd + first) & _MASK
    return first, second
