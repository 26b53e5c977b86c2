"""The contact centre of the soak: callers come, wait and give up; agents answer, refuse, let ring and go for lunch.

Keeps one invariant: when something happens is drawn beforehand; the server's answers only say what it is about.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
from collections.abc import Callable

from bench.soak.lines import Intended, Lines, now_s, told
from router.client import RouterClient, RouterError
from router.engine import commands as c
from router.engine import events as e

QUEUES = ("loans", "cards", "complaints", "general")
SKILLS = ("loans", "cards", "complaints", "german")
TALK_S = 2.5
WRAP_UP_S = 0.5
RING_S = 0.4
PATIENCE_S = 20.0
COMMANDS_PER_CALL = 4.2
LOAD = 0.7
"""Share of the agents that is busy."""


def agents_for(rate: float) -> int:
    """Return how many agents a rate of commands keeps busy."""
    calls_per_s = rate / COMMANDS_PER_CALL
    return max(20, round(calls_per_s * (TALK_S + WRAP_UP_S + RING_S) / LOAD))


class Floor:
    """Draws what happens, and sends it at its time."""

    def __init__(self, lines: Lines, rate: float, seed: int) -> None:
        self.agents = agents_for(rate)
        self.lag_s = 0.0
        self._lines = lines
        self._calls_per_s = rate / COMMANDS_PER_CALL
        self._rng = random.Random(seed)
        self._later: list[tuple[float, int, c.Command]] = []
        self._order = itertools.count()
        self._calls = itertools.count(1)
        self._churned = itertools.count()

    def sign_ins(self) -> list[c.Command]:
        """Return the commands that bring everybody to work."""
        return [self._sign_in(number) for number in range(self.agents)]

    def _sign_in(self, number: int) -> c.SignIn:
        rng = random.Random(number)
        skills = {skill: rng.randint(1, 10) for skill in rng.sample(SKILLS, rng.randint(1, 4))}
        return c.SignIn(f"agent-{number}", skills)

    def _in(self, delay_s: float, command: c.Command) -> None:
        heapq.heappush(self._later, (now_s() + delay_s, next(self._order), command))

    async def run(self, stop: asyncio.Event) -> None:
        """Send everything at its time, until told to stop. How far it falls behind itself is `lag_s`."""
        next_call_s = next_churn_s = now_s()
        while not stop.is_set():
            at_s = now_s()
            while next_call_s <= at_s:
                self._call(next_call_s)
                next_call_s += self._rng.expovariate(self._calls_per_s)
            while next_churn_s <= at_s:
                self._churn()
                next_churn_s += self._rng.expovariate(self.agents / 120)
            while self._later and self._later[0][0] <= at_s:
                due_s, _, command = heapq.heappop(self._later)
                self._lines.send(Intended(due_s, command))
            self.lag_s = max(self.lag_s, now_s() - at_s)
            await asyncio.sleep(0.001)

    def _call(self, at_s: float) -> None:
        rng = self._rng
        call = f"call-{next(self._calls)}"
        command = c.Enqueue(
            call,
            rng.choice(QUEUES),
            priority=rng.choice((0, 0, 0, 5)),
            customer=f"customer-{rng.randrange(5_000)}",
            credited_wait_us=rng.choice((0, 0, 0, 10_000_000)),
        )
        self._lines.send(Intended(at_s, command))
        if rng.random() < 0.05:
            self._in(rng.expovariate(1 / PATIENCE_S), c.Cancel(call, "gave up"))

    def _churn(self) -> None:
        """Somebody goes for lunch, goes home or learns something; everybody is back after a while."""
        rng = self._rng
        number = rng.randrange(self.agents)
        agent = f"agent-{number}"
        kind = next(self._churned) % 3
        if kind == 0:
            self._in(0, c.SetAvailability(agent, False, "lunch", True))
            self._in(5 + rng.random() * 10, c.SetAvailability(agent, True))
        elif kind == 1:
            self._in(0, c.SignOut(agent))
            self._in(2 + rng.random() * 5, self._sign_in(number))
        else:
            self._in(0, c.UpdateAgent(agent, skills={skill: rng.randint(1, 10) for skill in rng.sample(SKILLS, 3)}))

    def observe(self, event: e.Event) -> None:
        """Answer what happens: ring, talk, wrap up."""
        rng = self._rng
        match event:
            case e.OfferMade():
                drawn = rng.random()
                if drawn < 0.9:
                    self._in(rng.expovariate(1 / RING_S), c.Accept(event.offer))
                elif drawn < 0.97:
                    self._in(rng.expovariate(1 / RING_S), c.Reject(event.offer, "busy"))
            case e.CallAssigned():
                drawn = rng.random()
                delay_s = rng.expovariate(1 / TALK_S)
                if drawn < 0.95:
                    self._in(delay_s, c.Complete(event.call))
                elif drawn < 0.98:
                    self._in(delay_s, c.Transfer(event.call, rng.choice(QUEUES)))
                else:
                    self._in(0.2, c.Requeue(event.call, True, "not connected"))
            case e.WrapUpStarted():
                self._in(rng.expovariate(1 / WRAP_UP_S), c.EndWrapUp(event.agent))
            case e.CallCompleted() if rng.random() < 0.2:
                self._in(1.0, c.RecordOutcome(event.call, rng.random() < 0.8, rng.randint(1, 5)))
            case e.AgentAvailabilityChanged() if event.reason in ("no_answer", "connection_lost"):
                self._in(1.0, c.SetAvailability(event.agent, True))
            case _:
                pass


async def follow(client: RouterClient, floor: Floor) -> None:
    """Let the floor see everything."""
    async for moment in client.watch():
        for event in moment.events:
            floor.observe(event)


async def change_config(
    client: RouterClient, configs: tuple[str, ...], stop: asyncio.Event, every_s: float, noted: Callable[[str], None]
) -> None:
    """Apply one config after the other."""
    for toml in itertools.cycle(configs):
        if await told(stop, every_s):
            return
        try:
            await client.apply_config(toml)
        except RouterError as error:
            noted(error.reason)
