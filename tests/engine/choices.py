"""Where random choices come from: a seeded generator, or Hypothesis. What is generated knows only `Choices`."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")


class Choices(Protocol):
    """A source of choices. The simplest choice is the lowest integer, the first option, no."""

    def integer(self, low: int, high: int) -> int:
        """Return an integer from `low` to `high`, both included."""

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options; repeat an option to make it likelier."""

    def chance(self, percent: int) -> bool:
        """Return True in about `percent` of 100 cases."""


class SeededChoices:
    """Choices from a seed."""

    def __init__(self, seed: int | str) -> None:
        self._random = random.Random(seed)

    def integer(self, low: int, high: int) -> int:
        return self._random.randint(low, high)

    def pick(self, options: Sequence[T]) -> T:
        return options[self._random.randrange(len(options))]

    def chance(self, percent: int) -> bool:
        return self._random.randrange(100) < percent


class DrawnChoices:
    """Choices that Hypothesis makes, and shrinks towards the simplest."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self._draw = draw

    def integer(self, low: int, high: int) -> int:
        return int(self._draw(st.integers(low, high)))

    def pick(self, options: Sequence[T]) -> T:
        return options[self.integer(0, len(options) - 1)]

    def chance(self, percent: int) -> bool:
        return self.integer(0, 99) >= 100 - percent


def some(choices: Choices, options: Sequence[T], most: int) -> list[T]:
    """Return up to `most` different options."""
    count = choices.integer(0, min(most, len(options)))
    left = list(options)
    return [left.pop(choices.integer(0, len(left) - 1)) for _ in range(count)]
