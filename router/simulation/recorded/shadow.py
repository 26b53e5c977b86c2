"""Shadow: an engine that follows a recorded centre, which makes its own decisions, and says what it would have done.

Queues are paused and calls assigned by force, as the log has it; who is signed in with which skills is inferred from
the answers so far. Every morning the centre is empty; what was learnt stays. Invariant: the engine at any moment
follows from what the log says up to that moment; nothing here draws from randomness.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec

from router.engine import Engine
from router.engine.commands import (
    Advance,
    Assign,
    Cancel,
    Command,
    Complete,
    Configure,
    Enqueue,
    PauseQueue,
    SignIn,
    SignOut,
    UpdateAgent,
)
from router.engine.events import CommandRejected, Event
from router.engine.settings import MINUTE_US, SECOND_US, ByUrgency, ChannelSettings, Settings
from router.simulation.recorded.centre import SKILL_LEVEL, queue_name
from router.simulation.recorded.log_days import EPOCH, LogDay, Step
from router.simulation.recorded.replay import replay_settings

SKILL_CALLS_MIN: Final = 20  # calls of a type that an agent must have answered to have its skill
SKILL_DAYS_MAX: Final = 21  # a skill that was not used for so long is gone
COMPARED_WAIT_US: Final = SECOND_US  # who was answered sooner met no choice
CHANNEL: Final = "voice"
ONE_CALL: Final = {CHANNEL: 1}


class ShadowError(RuntimeError):
    """The engine refused what the log says: a bug, not bad input."""


class Follower(Protocol):
    """Whoever looks at the engine after each command, such as a predictor."""

    def observe(self) -> None:
        """Take note of the last command."""


class Agreement(msgspec.Struct):
    """How often our engine would have given the agent the very call that the log gives, of those who had waited."""

    assigned: int = 0
    agreed: int = 0
    idle: int = 0  # the engine had no call for the agent: the skill is not known of him


class Shadow:
    """One engine that follows a log, day by day: `begin_day`, `follow` each step, `end_day`."""

    def __init__(self, new_follower: Callable[[Engine], Follower] | None = None) -> None:
        """Start with an engine that has seen nothing. `new_follower` makes whoever looks on."""
        self.engine = Engine()
        self.agreement = Agreement()
        self.commands = 0
        self._types: list[str] = []
        self._served = _ServedTypes()
        self._follower = None if new_follower is None else new_follower(self.engine)
        self._day: LogDay | None = None
        self._starts_us = 0
        self._open: dict[int, str] = {}  # row -> agent who has the call, "" while it waits
        self._holding: Counter[str] = Counter()  # signed-in agent -> calls in hand
        self._roomy: set[str] = set()  # agents whose capacity was raised

    def begin_day(self, day: LogDay) -> None:
        """Begin a later day than the last."""
        self._day, self._starts_us = day, day.starts_us
        self._served.begin_day((datetime.date.fromisoformat(day.day) - EPOCH).days)

    def call_name(self, row: int) -> str:
        """Return the engine's name of a call of the present day."""
        assert self._day is not None
        return f"{self._day.day}/{row + 1}"

    def advance(self, time_us: int) -> None:
        """Let time pass, to a moment of the present day."""
        self._apply(Advance(), time_us)

    def follow(self, time_us: int, step: Step, row: int) -> None:
        """Do what the log says. Time in microseconds since the day's midnight, never falling. Raises `ShadowError`."""
        assert self._day is not None
        if step is Step.ARRIVES:
            self._arrive(time_us, row)
        elif step is Step.ANSWERED:
            self._answer(time_us, row, self._day.agents[row])
        elif step is Step.RELEASED:
            self._release(time_us, row)
        else:
            self._apply(Cancel(self.call_name(row)), time_us)
            del self._open[row]

    def end_day(self) -> None:
        """End every call that is left and sign everybody out, at the time of the last step."""
        if not self.commands:
            return
        time_us = self.engine.time_us - self._starts_us
        for row, agent in sorted(self._open.items()):
            name = self.call_name(row)
            self._apply(Complete(name) if agent else Cancel(name), time_us)
        for agent in sorted(self._holding):
            self._apply(SignOut(agent), time_us)
        self._open.clear()
        self._holding.clear()
        self._roomy.clear()

    def _arrive(self, time_us: int, row: int) -> None:
        assert self._day is not None
        kind = self._day.types[row]
        if kind not in self._types:
            self._add_type(kind, time_us)
        self._apply(Enqueue(self.call_name(row), queue_name(kind)), time_us)
        self._open[row] = ""

    def _add_type(self, kind: str, time_us: int) -> None:
        """A type has its queue from its first call on: a log's later calls change nothing before them."""
        self._types.append(kind)
        self._apply(Configure(shadow_settings(self._types)), time_us)
        self._apply(PauseQueue(queue_name(kind)), time_us)

    def _answer(self, time_us: int, row: int, agent: str) -> None:
        assert self._day is not None
        kind = self._day.types[row]
        if agent not in self._holding:
            self._holding[agent] = 0
            self._apply(SignIn(agent, self._skills(agent), ONE_CALL), time_us)
        if time_us - self._day.arrived_us[row] > COMPARED_WAIT_US:
            self._compare(agent, self.call_name(row))
        self._holding[agent] += 1
        self._make_room(agent, time_us)
        self._apply(Assign(self.call_name(row), agent), time_us)
        self._open[row] = agent
        if self._served.count(agent, kind):
            self._apply(UpdateAgent(agent, skills=self._skills(agent)), time_us)

    def _compare(self, agent: str, call: str) -> None:
        ours = self.engine.would_take(agent)
        self.agreement.assigned += 1
        self.agreement.agreed += ours == call
        self.agreement.idle += ours is None

    def _release(self, time_us: int, row: int) -> None:
        self._apply(Complete(self.call_name(row)), time_us)
        agent = self._open.pop(row)
        self._holding[agent] -= 1
        self._make_room(agent, time_us)

    def _make_room(self, agent: str, time_us: int) -> None:
        """Let an agent have two calls at once where the log says so, and one otherwise."""
        holding = self._holding[agent]
        if holding > 1:
            self._roomy.add(agent)
        elif agent not in self._roomy:
            return
        else:
            self._roomy.discard(agent)
        self._apply(UpdateAgent(agent, capacity={CHANNEL: max(holding, 1)}), time_us)

    def _skills(self, agent: str) -> dict[str, int]:
        return {queue_name(kind): SKILL_LEVEL for kind in self._served.types(agent)}

    def _apply(self, command: Command, time_us: int) -> list[Event]:
        events = self.engine.apply(command, self._starts_us + time_us)
        for event in events:
            if type(event) is CommandRejected:
                raise ShadowError(f"{command} at {time_us} was rejected: {event.reason.name} ({event.subject})")
        self.commands += 1
        if self._follower is not None:
            self._follower.observe()
        return events


class _ServedTypes:
    """What agents have answered to date."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._last_day: dict[tuple[str, str], int] = {}
        self._types: dict[str, list[str]] = {}
        self._today = 0

    def begin_day(self, day: int) -> None:
        self._today = day

    def count(self, agent: str, kind: str) -> bool:
        """Count an answer; return whether the agent is known to serve the type from now on."""
        pair = (agent, kind)
        if pair not in self._last_day:
            self._types.setdefault(agent, []).append(kind)
        known = self._known(pair)
        self._counts[pair] += 1
        self._last_day[pair] = self._today
        return not known and self._known(pair)

    def types(self, agent: str) -> list[str]:
        return [kind for kind in self._types.get(agent, ()) if self._known((agent, kind))]

    def _known(self, pair: tuple[str, str]) -> bool:
        return self._counts[pair] >= SKILL_CALLS_MIN and self._today - self._last_day[pair] <= SKILL_DAYS_MAX


def shadow_settings(types: list[str]) -> Settings:
    """Return the settings that an engine follows a log with: first come, first served over all types."""
    never = ByUrgency(None, None, None)
    settings = replay_settings(types)
    queues: dict[str, Any] = {
        name: msgspec.structs.replace(queue, max_overtake_wait_us=never) for name, queue in settings.queues.items()
    }
    return msgspec.structs.replace(
        settings,
        queues=queues,
        channels={CHANNEL: ChannelSettings(exclusive=False)},  # a log may have an agent in two calls for a moment
        finished_retention_us=MINUTE_US,
        customer_retention_us=0,
        customers_max=0,
    )
