"""A seeded driver of engine against oracle, for volume: `python -m tests.engine.drive --seconds N --seed S`.

Each run has its own seed, printed with the shortest list of operations found when the two differ.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence

from router.engine import commands as c
from router.engine.settings import SECOND_US, Settings
from tests.engine.choices import Choices, SeededChoices
from tests.engine.generate import World, settings
from tests.engine.generate_commands import CommandSource, Mix, mix_of, next_time, restart_time
from tests.engine.lockstep import (
    Apply,
    ApplyRequest,
    Lockstep,
    Operation,
    Restore,
    difference_of,
    shrink,
)
from tests.engine.source import source
from tests.oracle import Oracle

SIZES = ((2, 3), (3, 6), (5, 9), (5, 9), (8, 16), (12, 30), (30, 90))
STARTS_US = (0, 0, 1_700_000_000_000_000)
OPERATIONS_PER_RUN = 150


def draw_operation(
    choices: Choices, world: World, oracle: Oracle, mix: Mix | None = None, grid_us: int = 1
) -> Operation:
    """Return the next operation, to fit the oracle's present state."""
    if choices.chance(3):
        return Restore()
    if choices.chance(4):
        return Apply(restart_time(choices, oracle, grid_us), c.Restart(), traced=choices.chance(30))
    time_us = next_time(choices, oracle, grid_us)
    if choices.chance(1) and time_us > 0:
        time_us = choices.integer(0, time_us - 1)
    command = CommandSource(choices, world, oracle, mix).command()
    if not choices.chance(12):
        return Apply(time_us, command, traced=choices.chance(30))
    return draw_request(choices, Apply(time_us, command))


def draw_request(choices: Choices, operation: Apply) -> ApplyRequest:
    return ApplyRequest(
        operation.time_us,
        operation.command,
        client=choices.pick(("pbx", "web")),
        request_id=f"r{choices.integer(0, 4)}",
        content=choices.pick((b"same-content", b"same-content", b"other-content")),
    )


def world_of(choices: Choices) -> World:
    return World.of_size(*choices.pick(SIZES))


class Run:
    """One run from one seed: its settings, and its operations as they are drawn."""

    def __init__(self, seed: str) -> None:
        self.choices = SeededChoices(seed)
        self.world = world_of(self.choices)
        self.settings = settings(self.choices, self.world)
        self.mix = mix_of(self.choices) if self.choices.chance(70) else None
        self.grid_us = self.choices.pick((1, SECOND_US))
        self.start_us = self.choices.pick(STARTS_US)
        self.done: list[Operation] = []

    def go(self) -> str | None:
        """Do all operations; return the first difference."""
        lockstep = Lockstep(self.settings, self.start_us)
        for _ in range(OPERATIONS_PER_RUN):
            operation = draw_operation(self.choices, self.world, lockstep.oracle, self.mix, self.grid_us)
            self.done.append(operation)
            try:
                lockstep.run(operation)
            except Exception as error:
                return f"{type(error).__name__}: {error}"
        return None


def drive(seconds: float, seed: int) -> Iterator[Run | str]:
    """Yield each run that is without a difference; end with the report of the first one that is not."""
    end = time.monotonic() + seconds
    number = 0
    while time.monotonic() < end:
        run = Run(f"{seed}/{number}")
        difference = run.go()
        if difference is not None:
            yield report(f"{seed}/{number}", run, difference)
            return
        yield run
        number += 1


def report(seed: str, run: Run, difference: str) -> str:
    """Shrink what failed, and write it down so that it can be run again."""
    shortest = shrink(run.done, lambda operations: difference_of(run.settings, operations, run.start_us) is not None)
    return "\n".join(
        (
            f"seed {seed}: {difference}",
            f"shrunk to {len(shortest)} operations: {difference_of(run.settings, shortest, run.start_us)}",
            script(run.settings, shortest, run.start_us),
        )
    )


def script(settings: Settings, operations: Sequence[Operation], start_us: int = 0) -> str:
    """Return a program that shows the difference again."""
    lines = [
        "from router.engine import *",
        "from tests.engine.lockstep import Apply, ApplyRequest, Lockstep, Restore",
        f"lockstep = Lockstep({source(settings)}, {start_us})",
        *(f"lockstep.run({source(operation)})" for operation in operations),
    ]
    return "\n".join(lines)


def main() -> int:
    """Drive for a while. Return 1 when a difference was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="run just this one, as printed: SEED/NUMBER")
    arguments = parser.parse_args()
    if arguments.only is not None:
        run = Run(arguments.only)
        difference = run.go()
        print("no difference" if difference is None else report(arguments.only, run, difference))
        return int(difference is not None)
    runs = operations = 0
    for outcome in drive(arguments.seconds, arguments.seed):
        if isinstance(outcome, str):
            print(outcome)
            return 1
        runs += 1
        operations += len(outcome.done)
    print(f"{runs} runs, {operations} operations, no difference")
    return 0


if __name__ == "__main__":
    sys.exit(main())
