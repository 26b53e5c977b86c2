"""The shell around the engine: what all services share, and the one way in which they change or read it.

Keeps one invariant: the engine is changed by the writer only; everything else reads.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Sequence

from google.protobuf.message import Message

from router.config import RouterConfig
from router.engine import Engine
from router.engine.commands import Command
from router.server.clock import Clock
from router.server.config_store import ConfigStore
from router.server.directory import AgentDirectory
from router.server.errors import invalid, refusal_of_malformed
from router.server.history import History
from router.server.requests import Answer, Submission, identity_of
from router.server.watch import WatchHub
from router.server.writer import Happening, Writer
from router.v1 import results_pb2
from router.wait import WaitEstimator
from router.wire.commands import decode_command, field_of
from router.wire.problems import Malformed
from router.wire.results import encode_header


class Shell:
    """Engine, writer, watchers, clock and config of one server."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        config: RouterConfig,
        text: str,
        *,
        on_failure: Callable[[], None] = lambda: None,
        pending_max: int,
    ) -> None:
        self.engine = engine
        self.clock = clock
        self.agents = AgentDirectory(view.agent for view in engine.agents())
        self.estimator = WaitEstimator(engine)
        self.hub = WatchHub(
            History(config.server.watch_history_events, sequence=engine.sequence, time_us=engine.time_us),
            history_id=uuid.uuid4().hex,
            buffer_events=config.server.watch_buffer_events,
        )
        self.writer = Writer(
            engine, clock, self.estimator, self._publish, on_failure=on_failure, pending_max=pending_max
        )
        self.configs = ConfigStore(config, text, self.writer)
        self.stopping = asyncio.Event()

    def _publish(self, happenings: Sequence[Happening]) -> None:
        for happening in happenings:
            self.agents.note(happening.events)
        self.hub.publish(happenings)

    def header(self) -> results_pb2.Header:
        """Return the header for an answer to a query."""
        return encode_header(self.engine.sequence, self.engine.time_us)

    async def carry_out(self, client_id: str, request_id: str, part: Message, *, estimate: bool = False) -> Answer:
        """Carry out the command that `part`, a message such as `Enqueue`, stands for. Raises `Refusal`."""
        path = field_of(part)
        identity = identity_of(client_id, request_id, part)
        try:
            command = decode_command(part)
        except Malformed as error:
            raise refusal_of_malformed(error, path) from None
        (answer,) = await self.writer.submit([Submission(command, identity, estimate, path)])
        if answer.refusal is not None:
            raise answer.refusal
        return answer

    def read_command(self, part: Message, parent: str) -> Command:
        """Return the command of a query that is about a hypothetical one. Raises `Refusal` (INVALID_QUERY)."""
        try:
            return decode_command(part)
        except Malformed as error:
            raise refusal_of_malformed(error, parent, "INVALID_QUERY") from None


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
