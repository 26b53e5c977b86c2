"""The shell around the engine: what all services share, and the one way in which they change or read it.

Keeps one invariant: the engine is changed by the writer only; everything else reads.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Sequence
from typing import Any, Final

from google.protobuf.message import Message

from router.config.model import EstimateSettings, RouterConfig, ServerSettings
from router.engine import Engine
from router.engine.commands import Command
from router.journal import ConfigText, ServiceState
from router.server._native import Batch, Followers, History
from router.server.clock import Clock
from router.server.config_store import ConfigStore
from router.server.directory import AgentDirectory
from router.server.errors import invalid, refusal_of_malformed
from router.server.estimation import Estimation, WaitHub
from router.server.lane import LaneEntrance, LoneAsker
from router.server.memory import MemoryGuard
from router.server.sessions.session_keeper import SessionKeeper
from router.server.sessions.sessions import Sessions
from router.server.shadow import Shadow
from router.server.watch import WatchHub
from router.server.writing.journal_thread import JournalThread
from router.server.writing.requests import Answer, Submission, identity_of
from router.server.writing.work import Happening, Observer
from router.server.writing.writer import Writer
from router.v1 import commands_pb2, results_pb2
from router.wire.commands import decode_command, field_of
from router.wire.problems import Malformed
from router.wire.results import encode_header

logger = logging.getLogger(__name__)

_ESTIMATES: Final = EstimateSettings()


class Shell:
    """Engine, writer, watchers, clock and config of one server.

    `service` is what the server itself has to remember, as it was when the engine was as it is. Without `journal`
    everything is in memory only.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        server: ServerSettings,
        service: ServiceState,
        *,
        estimates: EstimateSettings = _ESTIMATES,
        journal: JournalThread | None = None,
    ) -> None:
        self.engine = engine
        self.clock = clock
        self.journal = journal
        self.agents = AgentDirectory(view.agent for view in engine.agents())
        self.shadow = Shadow(engine) if server.shadow else None
        """There if the server follows an outside ACD."""
        self.configs = ConfigStore(service.config, service.file_etag, engine.settings, shadow=self.shadow)
        self.estimation = Estimation(engine, clock, estimates, self.configs.limits_of, shadow=server.shadow)
        self.estimation.predicting.restore(service.wait)
        history = History(engine, server.watch_history_events)
        self.hub = WatchHub(
            history,
            history_id=uuid.uuid4().hex if journal is None else journal.journal.history_id,
            buffer_events=server.watch_buffer_events,
            watchers_max=server.watchers_max,
        )
        self.sessions = Sessions()
        self.sessions.restore(service.sessions, service.owned)
        self.observers: list[Observer] = [self.agents, self.configs, self.sessions]
        """Told of each command that is applied outside of the lane; append to it before the server starts."""
        self.durable_observers: list[Observer] = []
        """Told of each command once it is durable, after the watchers; append to it before the server starts."""
        self.followers = Followers(engine)
        """Told of every command as it is applied, before the observers, which do not hear of those in the lane."""
        # without it nobody could tell what watchers have missed
        self.followers.append(history, vital=True)
        for follower in (*self.sessions.followers, *self.estimation.followers):
            self.followers.append(follower)
        self.writer = Writer(
            engine,
            clock,
            self.estimation,
            self._publish,
            followers=self.followers,
            observers=self.observers,
            journal=journal,
            is_timed=self._is_timed,
            pending_max=server.commands_max,
        )
        self.configs.writer = self.estimation.overflow.writer = self.writer
        if self.shadow is not None:
            self.observers.append(self.shadow)
            self.writer.applier.before = self.shadow.before
        self.wait_hub = WaitHub(engine, clock, self.estimation, self.writer.durable, watchers_max=server.watchers_max)
        self.keeper = SessionKeeper(
            engine,
            clock,
            self.sessions,
            self.writer,
            lease_us=server.lease_us,
            retention_us=server.lost_session_retention_us,
        )
        self.observers.append(self.keeper)
        self.memory = MemoryGuard(server.memory_max)
        self.lane = LaneEntrance(self.writer, self.memory)
        # it wants to see each command before the engine does
        self.lane.is_open = self.shadow is None
        self.closing = asyncio.Event()
        """Set when streams must end."""

    def replay(self, happening: Happening) -> None:
        """Learn, before the server starts, of a journalled command that the engine has just carried out."""
        self.writer.applier.tell(happening)
        self.hub.history.publish(happening.sequence)

    def _publish(self, happenings: Sequence[Happening], sequence: int) -> None:
        """Tell watchers and observers of what is durable."""
        self.hub.publish(sequence)
        for observer in self.durable_observers:
            for happening in happenings:
                try:
                    observer.observe(happening)
                except Exception:
                    logger.exception("%s failed; routing goes on", type(observer).__name__)

    def _is_timed(self) -> bool:
        """Whether anything is measured in time that a downtime is no part of. O(queues)."""
        if self.sessions.lost_count:
            return True
        return any(queue.waiting or queue.offered or queue.assigned for queue in self.engine.queues())

    def service_state(self, *, with_owned: bool = True) -> ServiceState:
        """Return what the server itself has to remember, as of the last command applied, without what it has learnt.

        O(agents + calls), O(sessions) without what is owned.
        """
        sessions, owned = self.sessions.state() if with_owned else (self.sessions.sessions(), ())
        return ServiceState(
            config=self.configs.ruling, file_etag=self.configs.file_etag, sessions=sessions, owned=owned
        )

    def check(self, command: Command) -> None:
        """Refuse a command that this server cannot take now, whatever the engine would say. Raises `Refusal`."""
        self.memory.check(command)
        if self.shadow is not None:
            self.shadow.check(command)

    def header(self) -> results_pb2.Header:
        """Return the header for an answer to a query, which must not leave before that sequence is durable."""
        return encode_header(self.engine.sequence, self.engine.time_us)

    async def carry_out(
        self, client_id: str, request_id: str, part: Message, *, estimate: bool = False, actor: str = "local"
    ) -> Answer:
        """Carry out the command that `part`, a message such as `Enqueue`, stands for. Raises `Refusal`."""
        path = field_of(part)
        identity = identity_of(client_id, request_id, part)
        try:
            command = decode_command(part)
        except Malformed as error:
            raise refusal_of_malformed(error, path) from None
        self.check(command)
        message = None
        if self.journal is not None:
            whole: dict[str, Any] = {path: part}
            message = commands_pb2.Command(**whole)
        submission = Submission(command, identity, estimate, path, client_id=client_id, actor=actor, message=message)
        (answer,) = await self.writer.submit([submission])
        if answer.refusal is not None:
            raise answer.refusal
        return answer

    async def carry_out_alone(self, batch: Batch, field: str, *, estimate: bool = False, actor: str = "local") -> bytes:
        """Carry out the command of `lane.read_alone` and return the bytes of its response. Raises `Refusal`."""
        batch.wait_estimates = estimate
        asker = LoneAsker(batch, field, actor, self.estimation)
        await self.writer.take_batch(batch, asker, 1)
        return asker.response()

    def read_command(self, part: Message, parent: str) -> Command:
        """Return the command of a query that is about a hypothetical one. Raises `Refusal` (INVALID_QUERY)."""
        try:
            return decode_command(part)
        except Malformed as error:
            raise refusal_of_malformed(error, parent, "INVALID_QUERY") from None


def new_shell(config: RouterConfig, text: str, clock: Clock) -> Shell:
    """Return a shell with nothing in it yet, in memory only, under a config and its text."""
    engine = Engine(config.settings, time_us=clock.now_us())
    ruling = ConfigText(text, config.etag, from_file=True)
    service = ServiceState(config=ruling, file_etag=config.etag)
    shell = Shell(engine, clock, config.server, service, estimates=config.estimates)
    shell.configs.learn(config)
    return shell


def required(field: str, value: str) -> str:
    """Return a query's name if there is one. Raises `Refusal` (INVALID_QUERY)."""
    if not value:
        raise invalid("INVALID_QUERY", field, "missing", "a name of 1 to 255 bytes")
    return value


def bounded(field: str, value: int, most: int) -> int:
    """Return a query's number if it is in 0 to `most`. Raises `Refusal` (INVALID_QUERY)."""
    if not 0 <= value <= most:
        raise invalid("INVALID_QUERY", field, f"{value} is out of range", f"0 to {most:,}")
    return value
