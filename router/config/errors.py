"""What is wrong with a config file: every problem with its place, and the exception that carries them all."""

from __future__ import annotations

import msgspec


class ConfigProblem(msgspec.Struct, frozen=True, order=True):
    """One thing that is wrong: where, what, and what would be right.

    `line` counts from 1; it is 0 when the problem is not about a line (a missing file). `key` is the full name, such
    as `queues.loans.steps[2].after`; items of a list count from 1. It is empty when no key is concerned.
    """

    file: str
    line: int
    key: str
    problem: str
    wanted: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        key = f"{self.key}: " if self.key else ""
        return f"{place}: {key}{self.problem}; {self.wanted}"


class ConfigError(ValueError):
    """The config is not valid; nothing was changed. `problems` holds every problem found, in the order of lines."""

    def __init__(self, problems: tuple[ConfigProblem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems
