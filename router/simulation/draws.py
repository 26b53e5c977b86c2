"""Random draws without state: each is a hash of a seed, a purpose and what it is for.

Invariant: a draw depends on nothing else, least of all on how many were made before it. So two policies that
replay the same day meet the same callers (common random numbers).
"""

from __future__ import annotations

from hashlib import blake2b


def draw_bits(seed: int, purpose: str, *subject: str | int) -> int:
    """Return 53 random bits for (seed, purpose, subject)."""
    # the length in front of each part keeps ("a", "bc") and ("ab", "c") apart
    parts = (str(part) for part in (seed, purpose, *subject))
    content = "".join(f"{len(part)}:{part}" for part in parts)
    return int.from_bytes(blake2b(content.encode(), digest_size=8).digest(), "big") >> 11


def draw_unit(seed: int, purpose: str, *subject: str | int) -> float:
    """Return a number between 2^-53 and 1 - 2^-53."""
    return ((draw_bits(seed, purpose, *subject) >> 1) + 0.5) * 2.0**-52


def draw_below(bound: int, seed: int, purpose: str, *subject: str | int) -> int:
    """Return a whole number from 0 to `bound` - 1."""
    return draw_bits(seed, purpose, *subject) * bound >> 53
