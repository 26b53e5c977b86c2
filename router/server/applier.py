"""The applier: one command, through the engine, to everybody who follows what it says.

Keeps one invariant: whatever the engine has numbered is in the group, with its entry for the journal, and the observers
know of it before the next command is applied.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from time import perf_counter_ns
from typing import Final, Protocol

from router.engine import Engine
from router.engine.commands import Advance, Command, Enqueue
from router.engine.errors import InvalidCommand, InvariantViolated, RequestIdReused, TimeWentBackwards
from router.engine.events import Event
from router.engine.views import Result
from router.journal import Entry
from router.server.clock import Clock
from router.server.errors import Refusal, refusal_of_malformed, refusal_of_rejection
from router.server.meters import Meters, NoMeters
from router.server.requests import Answer, Submission, about
from router.server.work import Happening, Observer, WorkGroup
from router.wait import WaitEstimate

logger = logging.getLogger(__name__)

_ADVANCE: Final = Submission(Advance(), actor="server")


class Estimator(Observer, Protocol):
    """What estimates waits: told of everything that happens, in order."""

    def at_once(self, of: str, now_us: int) -> WaitEstimate: ...


class Applier:
    """Apply submissions to the engine, at the clock's time. With `journalling`, groups get entries for the journal."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        estimator: Estimator,
        observers: Sequence[Observer],
        *,
        journalling: bool,
    ) -> None:
        self.engine = engine
        self.clock = clock
        self.estimator = estimator
        self.meters: Meters = NoMeters()
        self.before: Callable[[Command], None] | None = None
        """Shown each command of a client before the engine sees it; None where nobody looks."""
        self.engine_ns = 0
        """Real time spent inside the engine."""
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
        return Answer(result=result, wait_estimate=self._estimate(submission))

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
        self.tell(happening)

    def tell(self, happening: Happening) -> None:
        """Let the estimator and the observers learn of a command that the engine has just carried out."""
        try:
            self.estimator.observe(happening)
        except Exception:
            logger.exception("the wait estimator failed; routing goes on")
        for observer in self._observers:
            try:
                observer.observe(happening)
            except Exception:
                logger.exception("%s failed; routing goes on", type(observer).__name__)

    def _estimate(self, submission: Submission) -> WaitEstimate | None:
        command = submission.command
        if not submission.estimate or not isinstance(command, Enqueue):
            return None
        try:
            return self.estimator.at_once(command.call, self.engine.time_us)
        except Exception:
            # a repeated request may be about a call that is forgotten meanwhile
            logger.debug("no wait estimate for call %s", command.call, exc_info=True)
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
