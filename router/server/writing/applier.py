"""The applier: one command, through the engine, to everybody who follows what it says.

Keeps one invariant: whatever the engine has numbered is in the group, with its entry for the journal, and the observers
know of it before the next command is applied.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from time import perf_counter_ns
from typing import Any, Final, Protocol, get_args

from router.engine import Engine
from router.engine.commands import Advance, Command, Enqueue
from router.engine.errors import InvalidCommand, InvariantViolated, RequestIdReused, TimeWentBackwards
from router.engine.events import Event
from router.engine.views import Result
from router.journal import EncodedEntries, Entry
from router.server._native import Batch, Followers, Lane
from router.server.clock import Clock
from router.server.errors import Refusal, refusal_of_malformed, refusal_of_rejection, wordings
from router.server.meters import Meters, NoMeters
from router.server.writing.requests import Answer, Submission, about
from router.server.writing.work import Happening, Observer, WorkGroup
from router.wait import WaitEstimate

logger = logging.getLogger(__name__)

_ADVANCE: Final = Submission(Advance(), actor="server")

COMMAND_NUMBERS: Final[dict[type[Any], int]] = {kind: number for number, kind in enumerate(get_args(Command))}
"""The number of each kind of command, as the followers know it."""


class Estimator(Protocol):
    """What estimates waits: told of everything that happens, in order."""

    @property
    def learn(self) -> Callable[[], object]:
        """To be called after each command that the engine has carried out, before the next one."""

    def not_learnt(self) -> None:
        """Learn, where an error is handled, that `learn` raised it."""

    def caught_up(self) -> None:
        """Learn that nothing more happens before other tasks have their turn."""

    def at_once(self, of: str, now_us: int) -> WaitEstimate: ...


class Applier:
    """Apply submissions to the engine, at the clock's time. With `journalling`, groups get entries for the journal.

    Of each command `followers` are told first, whose fault may be one of the whole server, then the estimator and the
    observers, of which `observers` are told only of what does not go through the lane.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        estimator: Estimator,
        observers: Sequence[Observer],
        *,
        followers: Followers,
        journalling: bool,
    ) -> None:
        self.engine = engine
        self.clock = clock
        self.estimator = estimator
        self.meters: Meters = NoMeters()
        self.before: Callable[[Command], None] | None = None
        """Shown each command of a client before the engine sees it; None where nobody looks."""
        self.engine_ns = 0
        """Real time spent inside the engine for what did not go through the lane."""
        self.followers = followers
        self._learn = estimator.learn
        self.lane = Lane(
            engine,
            self.followers,
            self._learn,
            estimator.not_learnt,
            wordings=wordings(),
            journalling=journalling,
        )
        self._observers = observers
        self._journalling = journalling

    def advance(self, time_us: int, group: WorkGroup) -> None:
        """Fire the deadlines up to a time. Raises what means that the engine must not go on."""
        started_ns = perf_counter_ns()
        events = self.engine.advance(time_us)
        self._count(started_ns)
        self._note(_ADVANCE, self.engine.sequence, self.engine.time_us, events, group)

    def apply(self, submission: Submission, group: WorkGroup) -> Answer:
        """Apply one command. Raises only what means that the engine must not go on."""
        sequence = self.engine.sequence
        try:
            result = self._apply(submission, group)
        except InvalidCommand as error:
            return Answer(refusal=refusal_of_malformed(error, submission.path))
        except RequestIdReused:
            assert submission.identity is not None
            return Answer(refusal=Refusal("REQUEST_ID_REUSED", submission.identity.request_id))
        except TimeWentBackwards:
            logger.error(
                "the clock stands behind the engine's time; the command was not applied", extra=about(submission)
            )
            return Answer(refusal=Refusal("TIME_WENT_BACKWARDS"))
        except InvariantViolated:
            raise
        except Exception:
            if self.engine.sequence != sequence:
                raise
            logger.exception("a command could not be applied; the engine did not see it", extra=about(submission))
            return Answer(refusal=Refusal("INTERNAL_ERROR"))
        if result.rejection is not None:
            return Answer(refusal=refusal_of_rejection(result))
        command = submission.command
        if not submission.estimate or not isinstance(command, Enqueue):
            return Answer(result=result)
        return Answer(result=result, wait_estimate=self.estimate(command.call))

    def run(self, batch: Batch, actor: bytes, group: WorkGroup) -> int:
        """Carry out commands of a batch through the lane, from the one at hand on; say as `Lane.run` why it stopped.

        Raises only what means that the engine must not go on.
        """
        lane = self.lane
        numbered = lane.numbered
        turn = lane.run(batch, self.clock.now_us(), actor)
        numbered = lane.numbered - numbered
        if numbered:
            if self._journalling:
                group.entries.append(EncodedEntries(*lane.take_entries()))
            group.count(numbered, self.engine.sequence)
        return turn

    def _apply(self, submission: Submission, group: WorkGroup) -> Result:
        if self.before is not None:
            self.before(submission.command)
        now_us = self.clock.now_us()
        identity = submission.identity
        started_ns = perf_counter_ns()
        if identity is None:
            events = self.engine.apply(submission.command, now_us)
            last = self.engine.last_result
            assert last is not None
            result = last
        else:
            result, events = self.engine.apply_request(
                submission.command,
                now_us,
                client=identity.client,
                request_id=identity.request_id,
                content=identity.content,
            )
        if result.repeated:
            self.engine_ns += perf_counter_ns() - started_ns
            self.meters.repeated(submission.command)
        else:
            self._count(started_ns)
            self._note(submission, result.sequence, result.time_us, events, group)
        return result

    def _count(self, started_ns: int) -> None:
        duration_ns = perf_counter_ns() - started_ns
        self.engine_ns += duration_ns
        self.meters.decided(duration_ns)

    def _note(
        self, submission: Submission, sequence: int, time_us: int, events: Sequence[Event], group: WorkGroup
    ) -> None:
        """Put what was numbered into the group, and tell everybody who follows."""
        identity = submission.identity
        client_id = submission.client_id if identity is None else identity.client
        if self._journalling:
            group.entries.append(_entry(submission, client_id, time_us))
        happening = Happening(
            sequence, time_us, events, client_id, submission.note, submission.command, submission.actor
        )
        group.happenings.append(happening)
        group.count(1, sequence)
        self.tell(happening)

    def tell(self, happening: Happening) -> None:
        """Let everybody learn of the engine's last command. Raises what a vital follower raises."""
        self.followers.observe(happening.client_id, COMMAND_NUMBERS[type(happening.command)])
        try:
            self._learn()
        except Exception:
            self.estimator.not_learnt()
        for observer in self._observers:
            try:
                observer.observe(happening)
            except Exception:
                logger.exception("%s failed; routing goes on", type(observer).__name__)

    def caught_up(self) -> None:
        """Let those follow up who do so once for all that was applied together."""
        try:
            self.estimator.caught_up()
        except Exception:
            logger.exception("the wait estimator failed; routing goes on")

    def estimate(self, call: str) -> WaitEstimate | None:
        """Estimate the wait of a call that was just enqueued; None if that cannot be."""
        try:
            return self.estimator.at_once(call, self.engine.time_us)
        except Exception:
            # a repeated request may be about a call that is forgotten meanwhile
            logger.debug("no wait estimate for call %s", call, exc_info=True)
            return None


def _entry(submission: Submission, client_id: str, time_us: int) -> Entry:
    identity = submission.identity
    return Entry(
        time_us=time_us,
        command=submission.command,
        client_id=client_id,
        request_id="" if identity is None else identity.request_id,
        content=b"" if identity is None else identity.content,
        actor=submission.actor,
        note=submission.note,
        message=submission.message,
    )
