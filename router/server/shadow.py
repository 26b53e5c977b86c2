"""Shadow mode: an outside ACD decides and tells us by forced assignments; we follow, and say what we would have done.

Keeps one invariant: no queue is served: each is paused in the very turn in which it comes to be, and stays so.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Mapping
from typing import Final

from router.engine import Engine
from router.engine.commands import Assign, Command, PauseQueue, Requeue, ResumeQueue
from router.engine.events import CallAssigned
from router.engine.vocabulary import CallState, EngagementState
from router.server.errors import Refusal, invalid
from router.server.writing.requests import Answer, Submission
from router.server.writing.work import Happening

logger = logging.getLogger(__name__)

_ACTOR: Final = "server"


class Shadow:
    """Keep all queues paused, and hold each forced assignment against the engine's own choice. An `Observer`.

    `agreed` counts assignments that waiting calls got, by whether the engine would have given that call to that agent.
    """

    def __init__(self, engine: Engine) -> None:
        self.agreed = {True: 0, False: 0}
        self._engine = engine
        self._assign: Assign | None = None
        self._choice: str | None = None

    def check(self, command: Command) -> None:
        """Refuse what would have the engine decide. Raises `Refusal` (SHADOW_MODE)."""
        if isinstance(command, ResumeQueue):
            raise Refusal("SHADOW_MODE", f"queue {command.queue} stays paused")

    def check_moves(self, moves: Mapping[str, str]) -> None:
        """Refuse to move calls into a queue that is not there yet, and so not paused. Raises `Refusal`."""
        for queue, target in moves.items():
            if target not in self._engine.settings.queues:
                raise invalid(
                    "INVALID_COMMAND",
                    f'moves["{queue}"]',
                    f"in shadow mode calls cannot be moved into the new queue {target}",
                    "a queue that is there already",
                )

    def pausing(self) -> Generator[Submission, Answer, None]:
        """Pause every queue that is not, and take back what was on offer."""
        for queue in self._engine.queues():
            if not queue.paused:
                yield Submission(PauseQueue(queue.queue), actor=_ACTOR)
        for agent in self._engine.agents():
            for engagement in agent.engagements:
                if engagement.state is EngagementState.OFFERED:
                    yield Submission(Requeue(engagement.call, reason="shadow mode"), actor=_ACTOR)

    def configuring(self, configure: Submission) -> Generator[Submission, Answer, Answer]:
        """Carry out a `Configure`, and pause the queues that are new."""
        answer = yield configure
        yield from self.pausing()
        return answer

    def before(self, command: Command) -> None:
        """Ask the engine for its own choice before it sees a forced assignment."""
        self._assign = None
        if type(command) is not Assign:
            return
        try:
            if self._engine.call(command.call).state is CallState.WAITING:
                self._choice = self._engine.would_take(command.agent)
                self._assign = command
        except Exception as error:
            # unknown names are for the engine to refuse
            logger.debug("no choice of our own for %s: %s", command.call, error)

    def observe(self, happening: Happening) -> None:
        """Compare, once the assignment is made."""
        assign, self._assign = self._assign, None
        if assign is None or happening.command is not assign:
            return
        if not any(type(event) is CallAssigned and event.call == assign.call for event in happening.events):
            return
        agreed = self._choice == assign.call
        self.agreed[agreed] += 1
        if not agreed:
            logger.debug(
                "%s was given %s; we would have given %s",
                assign.agent,
                assign.call,
                "nothing" if self._choice is None else self._choice,
                extra={"agent": assign.agent, "call": assign.call},
            )
