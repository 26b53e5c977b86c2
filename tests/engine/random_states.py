"""Random states of engine and oracle, and commands by which an engine and its fork can both go on."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from router.engine import Engine
from router.engine import commands as c
from router.engine.settings import Settings
from router.engine.vocabulary import CallState
from tests.engine.drive import Run, draw_operation
from tests.engine.generate import changed_settings
from tests.engine.lockstep import Apply, Operation, Restore, outcome
from tests.oracle import Oracle

LIVE = (CallState.WAITING, CallState.OFFERED, CallState.ASSIGNED)
Steps = Sequence[tuple[int, c.Command]]


class RandomState:
    """Engine and oracle after so many random operations, with room for all requirements: a fork keeps fewer."""

    def __init__(self, seed: str, operations: int = 80) -> None:
        self._run = Run(seed)
        settings = _roomy(self._run.settings)
        self.engine = Engine(settings, time_us=self._run.start_us)
        self.oracle = Oracle(settings, time_us=self._run.start_us)
        for _ in range(operations):
            self._do(self._draw())

    def _draw(self) -> Operation:
        run = self._run
        drawn = draw_operation(run.choices, run.world, self.oracle, run.mix, run.grid_us)
        if isinstance(drawn, Apply) and isinstance(drawn.command, c.Configure):
            settings = _roomy(drawn.command.settings)
            return Apply(drawn.time_us, msgspec.structs.replace(drawn.command, settings=settings))
        return drawn

    def _do(self, operation: Operation) -> None:
        if isinstance(operation, Restore):
            self.engine = Engine.restore(self.engine.snapshot())
            return
        for machine in (self.engine, self.oracle):
            outcome(machine, operation)

    def apply(self, command: c.Command, time_us: int) -> None:
        """Let both go on by a command."""
        self.engine.apply(command, time_us)
        self.oracle.apply(command, time_us)

    def continuation(self, steps: int, unnamed: Collection[str] = ()) -> list[tuple[int, c.Command]]:
        """Draw commands that a fork can follow, about none of the unnamed calls; go on by them."""
        drawn: list[tuple[int, c.Command]] = []
        while len(drawn) < steps:
            operation = self._draw()
            if not isinstance(operation, Apply) or operation.time_us < self.engine.time_us:
                continue
            command = self._followed(operation.command, unnamed)
            if command is None:
                continue
            drawn.append((operation.time_us, command))
            self.apply(command, operation.time_us)
        return drawn

    def other_settings(self) -> Settings:
        """Return other settings, which may suit what is there or not."""
        return changed_settings(self._run.choices, self.engine.settings, self._run.world)

    def _followed(self, command: c.Command, unnamed: Collection[str]) -> c.Command | None:
        """Return the command without what a fork has forgotten; None where nothing is left of it."""
        if isinstance(command, c.Configure | c.RecordOutcome):
            return None
        calls = {one.call: one.state for one in self.oracle.calls()}
        if isinstance(command, c.Enqueue):
            taken = command.call in calls or command.call in unnamed
            return None if taken else msgspec.structs.replace(command, customer="")
        call = getattr(command, "call", "")
        return command if calls.get(call, CallState.WAITING) in LIVE and call not in unnamed else None


def _roomy(settings: Settings) -> Settings:
    return msgspec.structs.replace(settings, requirements_max=1000)
