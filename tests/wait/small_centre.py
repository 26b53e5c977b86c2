"""A small centre around an engine and its predictor, in virtual time: random callers, agents who talk at random."""

from __future__ import annotations

import random
from collections.abc import Callable
from heapq import heappop, heappush

from router.engine import (
    CallAssigned,
    Cancel,
    Command,
    Complete,
    Engine,
    Enqueue,
    Event,
    QueueSettings,
    Requirement,
    Settings,
    SignIn,
    SkillTerm,
    Step,
)
from router.wait import Predictor

SECOND = 1_000_000
START_US = 1_400_000_000 * SECOND


def skilled(skill: str) -> Requirement:
    return Requirement(steps=(Step(terms=(SkillTerm(skill),)),))


RULES = Settings(queues={name: QueueSettings(requirement=skilled(name), automatic=True) for name in ("q", "r")})


class SmallCentre:
    """Two queues; every agent serves q, every second one r too. Who waits gives up after ten minutes on average."""

    def __init__(
        self, *, agents: int = 6, talk_s: float = 180, gap_s: float = 33, seed: int = 1, answers_min: int = 500
    ):
        self.engine = Engine(RULES, time_us=START_US)
        self.predictor = Predictor(self.engine, answers_min=answers_min)
        self.waits: dict[str, int] = {}  # by answered call
        self._talk_s, self._gap_s = talk_s, gap_s
        self._random = random.Random(seed)
        self._planned: list[tuple[int, int, Command]] = []
        self._calls = 0
        self.now_us = START_US
        for number in range(agents):
            self.do(SignIn(f"agent-{number}", skills={"q": 5} if number % 2 else {"q": 5, "r": 3}))
        self._next_us = START_US

    def do(self, command: Command) -> list[Event]:
        events = self.engine.apply(command, self.now_us)
        self.predictor.observe()
        for event in events:
            if isinstance(event, CallAssigned):
                self.waits[event.call] = event.wait_us
                self._plan(self._talk_s, Complete(event.call))
        return events

    def _plan(self, mean_s: float, command: Command) -> None:
        due_us = self.now_us + round(self._random.expovariate(1 / mean_s) * SECOND)
        heappush(self._planned, (due_us, len(self.waits), command))

    def run(self, calls: int, arrived: Callable[[str], None] = lambda call: None) -> None:
        """Go on until so many more calls have come; `arrived` is told of each."""
        for _ in range(calls):
            self._next_us += round(self._random.expovariate(1 / self._gap_s) * SECOND)
            while self._planned and self._planned[0][0] <= self._next_us:
                self.now_us, _, command = heappop(self._planned)
                if not (isinstance(command, Cancel) and command.call in self.waits):
                    self.do(command)
            self.now_us = self._next_us
            call = f"call-{self._calls}"
            self._calls += 1
            self.do(Enqueue(call, "q" if self._random.random() < 0.7 else "r"))
            if call not in self.waits:
                self._plan(600, Cancel(call))
            arrived(call)

    def learn(self, calls: int) -> None:
        """The same, with an estimate by a few futures for each call that has to wait."""

        def arrived(call: str) -> None:
            if call not in self.waits:
                self.predictor.estimate(call, futures=12)

        self.run(calls, arrived)

    def waiting(self) -> list[str]:
        return [call for queue in ("q", "r") for call in self.engine.waiting(queue)]
