"""The demo's hour as it happens: callers and agents who act over gRPC at the pace of the server's compressed clock.

The driver knows the future of its own callers and agents, and nothing of the router but what the watch stream says.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from router.cli.demo_figures import Scoreboard
from router.cli.demo_workload import Plan, PlannedAgent, PlannedCall
from router.client import RouterClient, RouterError
from router.engine.commands import (
    Accept,
    Cancel,
    Command,
    Complete,
    EndWrapUp,
    RecordOutcome,
    Reject,
    SetAvailability,
)
from router.engine.events import (
    AgentAvailabilityChanged,
    CallAbandoned,
    CallAssigned,
    CallCompleted,
    CallRefused,
    Event,
    OfferMade,
    WrapUpStarted,
)
from router.engine.settings import SECOND_US
from router.engine.views import Result
from router.engine.vocabulary import Availability, RejectReason

BACK_AFTER_US: Final = 45 * SECOND_US
"""How long an agent who let an offer ring out stays away."""

DRAIN_US: Final = 15 * 60 * SECOND_US
"""How long after the hour the last callers are followed."""

LOST_RACES: Final = frozenset(
    {
        RejectReason.OFFER_ENDED.name,
        RejectReason.CALL_ASSIGNED.name,
        RejectReason.CALL_FINISHED.name,
        RejectReason.CALL_NOT_ASSIGNED.name,
        RejectReason.NOT_IN_WRAP_UP.name,
    }
)
"""What a caller or agent may meet who acts at the very moment when something else happens."""


class Pace:
    """Turns engine time into real time, counting from now."""

    def __init__(self, speed: float) -> None:
        self.speed = speed
        self._loop = asyncio.get_running_loop()
        self._started = self._loop.time()

    def offset_us(self) -> int:
        """Return how far the hour is on."""
        return int((self._loop.time() - self._started) * self.speed * SECOND_US)

    async def sleep_until(self, offset_us: int) -> None:
        due = self._started + offset_us / SECOND_US / self.speed
        await asyncio.sleep(max(0.0, due - self._loop.time()))

    async def sleep(self, duration_us: int) -> None:
        await asyncio.sleep(duration_us / SECOND_US / self.speed)


class Hotline:
    """Plays a plan against a server and keeps the score."""

    def __init__(self, plan: Plan, client: RouterClient, pace: Pace, board: Scoreboard) -> None:
        self.plan = plan
        self.board = board
        self.pace = pace
        self.lost_races = 0
        self.commands: list[tuple[Result, Command]] = []
        self.events: list[Event] = []
        self.round_trips_s: list[float] = []
        self._client = client
        self._calls = {call.enqueue.call: call for call in plan.calls}
        self._agents = {agent.sign_in.agent: agent for agent in plan.agents}
        self._offers_of: Counter[str] = Counter()
        self._leaving: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._exchanges: set[asyncio.Task[None]] = set()
        self._seen = 0
        self._watcher: asyncio.Task[None] | None = None
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def play(self, after_sequence: int) -> None:
        """Play the hour to its end, and on until nobody waits. `after_sequence` is where the server stands now.

        Raises what a caller's or agent's part raised.
        """
        self._watcher = self._start(self._follow_events(after_sequence))
        for agent in self.plan.agents:
            self._start(self._work(agent))
        self._start(self._let_callers_in())
        ending = asyncio.ensure_future(self._until_nobody_waits())
        try:
            await asyncio.wait({ending, self._failure}, return_when=asyncio.FIRST_COMPLETED)
            if self._failure.done():
                self._failure.result()
            await self._come_to_rest()
        finally:
            everything = [ending, *self._tasks, *self._exchanges]
            for task in everything:
                task.cancel()
            await asyncio.gather(*everything, return_exceptions=True)

    async def _come_to_rest(self) -> None:
        """Send nothing more, take the answers that are still on their way and the events that belong to them."""
        for task in self._tasks - {self._watcher}:
            task.cancel()
        while self._exchanges:
            await asyncio.wait(self._exchanges)
        last = max((result.sequence for result, _ in self.commands), default=0)
        for _ in range(250):
            if self._seen >= last:
                break
            await asyncio.sleep(0.02)

    def _start(self, part: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(part)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not self._failure.done():
            self._failure.set_exception(error)

    async def _send(self, command: Command) -> None:
        """Send a command. Once sent it is seen through, even if whoever sent it is stopped meanwhile."""
        exchange = asyncio.get_running_loop().create_task(self._exchange(command))
        self._exchanges.add(exchange)
        exchange.add_done_callback(self._exchanges.discard)
        await asyncio.shield(exchange)

    async def _exchange(self, command: Command) -> None:
        loop = asyncio.get_running_loop()
        sent = loop.time()
        try:
            reply = await self._client.apply(command)
        except RouterError as refused:
            if refused.reason not in LOST_RACES:
                raise
            self.lost_races += 1
        else:
            self.round_trips_s.append(loop.time() - sent)
            self.commands.append((reply.result, command))

    async def _later(self, after_us: int, command: Command) -> None:
        await self.pace.sleep(after_us)
        await self._send(command)

    async def _until_nobody_waits(self) -> None:
        last_us = self.plan.duration_us + DRAIN_US
        await self.pace.sleep_until(self.plan.duration_us)
        while self.board.waiting and self.pace.offset_us() < last_us:
            await asyncio.sleep(0.02)

    async def _let_callers_in(self) -> None:
        for call in self.plan.calls:
            await self.pace.sleep_until(call.at_us)
            self._leaving[call.enqueue.call] = self._start(self._wait_in_line(call))

    async def _wait_in_line(self, call: PlannedCall) -> None:
        """Call and wait; hang up when patience is over. Stopped when an agent answers."""
        await self._send(call.enqueue)
        await self.pace.sleep_until(call.at_us + call.patience_us)
        await self._send(Cancel(call.enqueue.call, reason="hung up"))

    async def _work(self, agent: PlannedAgent) -> None:
        name = agent.sign_in.agent
        await self.pace.sleep_until(agent.arrives_us)
        await self._send(agent.sign_in)
        for start_us, end_us in agent.breaks:
            await self.pace.sleep_until(start_us)
            await self._send(SetAvailability(name, ready=False, reason="break", after_call=True))
            await self.pace.sleep_until(end_us)
            await self._send(SetAvailability(name, ready=True))

    async def _follow_events(self, after_sequence: int) -> None:
        async for moment in self._client.watch(after_sequence=after_sequence):
            for event in moment.events:
                self.events.append(event)
                self.board.observe(event)
                if (react := _REACTIONS.get(type(event))) is not None:
                    react(self, event)
            self._seen = moment.sequence

    def _on_offer(self, event: OfferMade) -> None:
        answers = self._calls[event.call].answers
        answer = answers[self._offers_of[event.call] % len(answers)]
        self._offers_of[event.call] += 1
        if answer.action == "accept":
            self._start(self._later(answer.after_us, Accept(event.offer)))
        elif answer.action == "reject":
            self._start(self._later(answer.after_us, Reject(event.offer, reason="busy with paperwork")))

    def _on_assigned(self, event: CallAssigned) -> None:
        if (leaving := self._leaving.pop(event.call, None)) is not None:
            leaving.cancel()
        handle_us = int(self._calls[event.call].handle_us * self._agents[event.agent].pace)
        self._start(self._later(handle_us, Complete(event.call)))

    def _on_gone(self, event: CallAbandoned | CallRefused) -> None:
        if (leaving := self._leaving.pop(event.call, None)) is not None and isinstance(event, CallRefused):
            leaving.cancel()

    def _on_completed(self, event: CallCompleted) -> None:
        call = self._calls[event.call]
        if call.resolved is not None or call.satisfaction is not None:
            self._start(self._later(0, RecordOutcome(event.call, call.resolved, call.satisfaction)))

    def _on_wrap_up(self, event: WrapUpStarted) -> None:
        call = self._calls[event.call]
        if event.until_us - event.time_us > call.wrap_up_us:
            self._start(self._later(call.wrap_up_us, EndWrapUp(event.agent, event.call)))

    def _on_availability(self, event: AgentAvailabilityChanged) -> None:
        if event.reason == "no_answer" and event.availability is Availability.NOT_READY:
            self._start(self._later(BACK_AFTER_US, SetAvailability(event.agent, ready=True)))


_REACTIONS: Final[Mapping[type, Callable[[Hotline, Any], None]]] = {
    OfferMade: Hotline._on_offer,
    CallAssigned: Hotline._on_assigned,
    CallAbandoned: Hotline._on_gone,
    CallRefused: Hotline._on_gone,
    CallCompleted: Hotline._on_completed,
    WrapUpStarted: Hotline._on_wrap_up,
    AgentAvailabilityChanged: Hotline._on_availability,
}
