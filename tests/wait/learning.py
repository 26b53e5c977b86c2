"""A small centre with a learner that follows it, and random streams of commands for one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from router.engine import Engine
from router.engine import commands as c
from router.engine.events import Event
from router.engine.settings import QueueSettings, Settings
from router.wait._native import Learner
from tests.engine.centre import Centre
from tests.engine.choices import SeededChoices
from tests.engine.drive import world_of
from tests.engine.generate import settings
from tests.engine.generate_commands import CommandSource, mix_of, next_time, restart_time
from tests.oracle import Oracle


class LearningCentre(Centre):
    """A centre whose learner sees every command; times are seconds from the centre's start."""

    def __init__(self, queue: QueueSettings | None = None, **fields: Any) -> None:
        how = {name: fields.pop(name) for name in ("shadow", "utc_offsets_s") if name in fields}
        self.learner: Learner | None = None
        super().__init__(Engine, queue, **fields)
        self.learner = Learner(self.machine, **how)
        self.learner.observe()

    def do(self, command: c.Command, at: float | None = None) -> list[Event]:
        events = super().do(command, at)
        if self.learner is not None:
            self.learner.observe()
        return events

    @property
    def known(self) -> Learner:
        assert self.learner is not None
        return self.learner

    def learned(self, queue: str = "q") -> dict[str, Any]:
        found: dict[str, Any] = self.known.learned()["queues"][queue]
        return found

    def model(self) -> dict[str, Any]:
        found: dict[str, Any] = self.known.model()
        return found

    def talk(self, call: str, seconds: float, at: float, **fields: Any) -> None:
        """Have a call come, be answered at once and end."""
        self.enqueue(call, at, **fields)
        if self.call(call).agent is not None and self.call(call).assigned_us is None:
            self.accept(call)
        self.do(c.Complete(call), at + seconds)


def random_stream(seed: str, length: int) -> tuple[Settings, list[tuple[int, c.Command]]]:
    """Return settings and commands with their times, which never fall, out of the engine's own generators."""
    choices = SeededChoices(seed)
    world = world_of(choices)
    first = settings(choices, world)
    mix = mix_of(choices)
    oracle = Oracle(first, time_us=1_700_006_390_000_000)  # ten seconds before midnight
    done: list[tuple[int, c.Command]] = []
    while len(done) < length:
        if choices.chance(2):
            time_us, command = restart_time(choices, oracle, 1), c.Restart()
        else:
            time_us = next_time(choices, oracle, 1)
            command = CommandSource(choices, world, oracle, mix).command()
        if oracle.next_deadline() is None and choices.chance(20):  # else offers go round and round meanwhile
            time_us += choices.integer(1, 40) * 3_600_000_000
        oracle.apply(command, time_us)
        done.append((time_us, command))
    return first, done


def follow(engine: Engine, learner: Learner, stream: list[tuple[int, c.Command]]) -> Iterator[None]:
    """Apply the commands one by one, the learner looking on."""
    for time_us, command in stream:
        engine.apply(command, time_us)
        learner.observe()
        yield
