"""Random draws without state: each is a hash of a seed, a purpose and what it is for.

Invariant: a draw depends on nothing else, least of all on how many were made before it. So two policies that
replay the same day meet the same callers (common random numbers).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b

import numpy as np
import numpy.typing as npt


def _encode(*parts: str | int) -> bytes:
    # the length in front of each part keeps ("a", "bc") and ("ab", "c") apart
    return "".join(f"{len(part)}:{part}" for part in map(str, parts)).encode()


def draw_bits(seed: int, purpose: str, *subject: str | int) -> int:
    """Return 53 random bits for (seed, purpose, subject)."""
    content = _encode(seed, purpose, *subject)
    return int.from_bytes(blake2b(content, digest_size=8).digest(), "big") >> 11


def _as_bytes(numbers: Iterable[int]) -> Iterator[bytes]:
    return (b"%d" % number for number in numbers)


def draw_many_bits(numbers: Iterable[int], seed: int, purpose: str, *subject: str | int) -> npt.NDArray[np.uint64]:
    """Return `draw_bits(seed, purpose, *subject, number)` of each number."""
    shared = _encode(seed, purpose, *subject)
    digests = [blake2b(b"%b%d:%b" % (shared, len(text), text), digest_size=8).digest() for text in _as_bytes(numbers)]
    return np.frombuffer(b"".join(digests), dtype=">u8").astype(np.uint64) >> np.uint64(11)


def draw_many_units(numbers: Iterable[int], seed: int, purpose: str, *subject: str | int) -> npt.NDArray[np.float64]:
    """Return `draw_unit(seed, purpose, *subject, number)` of each number."""
    bits = draw_many_bits(numbers, seed, purpose, *subject)
    return ((bits >> np.uint64(1)).astype(np.float64) + 0.5) * 2.0**-52


def draw_unit(seed: int, purpose: str, *subject: str | int) -> float:
    """Return a number between 2^-53 and 1 - 2^-53."""
    return ((draw_bits(seed, purpose, *subject) >> 1) + 0.5) * 2.0**-52


def draw_below(bound: int, seed: int, purpose: str, *subject: str | int) -> int:
    """Return a whole number from 0 to `bound` - 1."""
    return below(bound, draw_bits(seed, purpose, *subject))


def below(bound: int, bits: int) -> int:
    """Return the whole number from 0 to `bound` - 1 that 53 random bits mean."""
    return bits * bound >> 53
