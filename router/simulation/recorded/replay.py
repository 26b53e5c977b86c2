"""Replay: a planned day through the engine in virtual time.

Invariant: the same plan, settings and behaviour give the same commands and events, whatever the process, and
wherever the engine is put through a snapshot and back. Time only comes from deadlines and plans, never a clock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

import msgspec

from router.engine import Engine
from router.engine.commands import Advance, Command, Configure
from router.engine.events import CommandRejected, Event
from router.engine.requirements import Requirement, SkillTerm, Step
from router.engine.settings import AgentWeights, CallWeights, QueueSettings, Settings
from router.engine.views import Statistics
from router.engine.vocabulary import WrapUpMode
from router.simulation.recorded.behaviour import AgentBehaviour
from router.simulation.recorded.centre import Centre, queue_name
from router.simulation.recorded.day_plan import DayPlan
from router.simulation.results import Happening

# Names the encoding in the hash: change it when the encoding changes, so that old hashes are not mistaken for wrong.
EVENT_HASH_VERSION: Final = b"skill-router events 1\n"


class ReplayError(RuntimeError):
    """A replay came out of step with its engine: a bug, not bad input."""


class EventHash:
    """SHA-256 over all events in order, each in its canonical MessagePack form with its name and fields."""

    def __init__(self) -> None:
        self._encoder = msgspec.msgpack.Encoder()
        self._hash = hashlib.sha256(EVENT_HASH_VERSION)
        self.events = 0

    def update(self, events: Sequence[Event]) -> None:
        """Add events. Independent of how they are split into batches."""
        for event in events:
            self._hash.update(self._encoder.encode(event))
        self.events += len(events)

    def hexdigest(self) -> str:
        """Return the hash so far."""
        return self._hash.hexdigest()


def replay_settings(
    types: Iterable[str], agent_weights: AgentWeights | None = None, call_weights: CallWeights | None = None
) -> Settings:
    """Return settings with a queue `type-N` for each type, which demands the skill `type-N`."""
    queues = {}
    for kind in types:
        name = queue_name(kind)
        queues[name] = QueueSettings(
            requirement=Requirement(steps=(Step(terms=(SkillTerm(name),)),)),
            agent_weights=agent_weights or AgentWeights(),
            call_weights=call_weights or CallWeights(),
        )
    return Settings(queues=queues)


def missing_queues(plan: DayPlan, settings: Settings) -> list[str]:
    """Return the queues that the day's types need and the settings lack."""
    return [name for name in map(queue_name, plan.types) if name not in settings.queues]


class Replay:
    """One day, one engine. Iterate `run()` once; then `event_hash`, `statistics` and `engine` tell how it went."""

    def __init__(
        self,
        plan: DayPlan,
        settings: Settings,
        *,
        behaviour: AgentBehaviour | None = None,
        restore_at: Collection[int] = (),
    ) -> None:
        """Prepare a replay. After each command number in `restore_at` the engine goes through a snapshot and back.

        Raises `ValueError` if the settings lack a queue of the day.
        """
        missing = missing_queues(plan, settings)
        if missing:
            raise ValueError(f"the settings lack queues of the day: {', '.join(missing)}")
        self.plan = plan
        self.engine = Engine()
        self.event_hash = EventHash()
        self._settings = settings
        self._restore_at = frozenset(restore_at)
        self._work_before_restore = _NO_WORK
        manual = [name for name, queue in settings.queues.items() if queue.wrap_up.mode is WrapUpMode.MANUAL]
        self._centre = Centre(plan, behaviour, manual_wrap_up=manual)

    def run(self) -> Iterator[Happening]:
        """Run the day to its end, one command at a time. Raises `ReplayError` if the engine rejects one."""
        yield self._apply(Configure(self._settings), self._start_us())
        while (step := self._next_command()) is not None:
            yield self._apply(*step)

    def statistics(self) -> Statistics:
        """Return the engine's counters, restores included."""
        return _add(self._work_before_restore, self.engine.statistics())

    def _start_us(self) -> int:
        first_us = self._centre.next_time_us()
        return self.plan.starts_us if first_us is None else min(first_us, self.plan.starts_us)

    def _next_command(self) -> tuple[Command, int] | None:
        due_us = self._centre.next_time_us()
        deadline_us = self.engine.next_deadline()
        # A deadline at the same time goes first: it may change what callers and agents do.
        if deadline_us is not None and (due_us is None or deadline_us <= due_us):
            return Advance(), deadline_us
        command = self._centre.take()
        if command is None or due_us is None:
            return None
        return command, due_us

    def _apply(self, command: Command, time_us: int) -> Happening:
        events = self.engine.apply(command, time_us)
        for event in events:
            if type(event) is CommandRejected:
                raise ReplayError(f"{command} at {time_us} was rejected: {event.reason.name} ({event.subject})")
        self._centre.observe(events)
        self.event_hash.update(events)
        if self.engine.sequence in self._restore_at:
            self._work_before_restore = self.statistics()
            self.engine = Engine.restore(self.engine.snapshot())
        return Happening(time_us, command, events)


_NO_WORK: Final = Statistics(commands=0, decisions=0, candidates=0, classes=0, affinity_pairs=0, barred=0)


def _add(one: Statistics, other: Statistics) -> Statistics:
    return Statistics(**{field: getattr(one, field) + getattr(other, field) for field in Statistics.__struct_fields__})
