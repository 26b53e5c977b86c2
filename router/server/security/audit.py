"""The audit trail in the log: who changed what, in a line for each command that people answer for.

Keeps one invariant: nothing is said of a command that is not durable; the journal has the same, and never less.
"""

from __future__ import annotations

import logging

from router.engine.commands import Assign, Command, Configure, PauseQueue, ResumeQueue
from router.engine.events import CommandRejected
from router.journal import Change, ConfigText, Note, SessionChange
from router.server.writing.work import Happening

logger = logging.getLogger(__name__)

_SESSION_ENDS = {
    Change.LOST: "lost",
    Change.RECONCILED: "taken up again",
    Change.ENDED: "ended",
    Change.GIVEN_UP: "given up",
}


class Audit:
    """Write the lines. Follows what is durable, from now on: what is replayed was written when it happened."""

    def observe(self, happening: Happening) -> None:
        """Write a line if the command is of a kind that people answer for."""
        what = _what(happening.command, happening.note)
        if what is None:
            return
        words, fields = what
        rejected = next((event for event in happening.events if type(event) is CommandRejected), None)
        outcome = "done" if rejected is None else f"rejected: {rejected.reason.name}"
        logger.info(
            "%s by %s (%s)",
            words,
            happening.actor or "unknown",
            outcome,
            extra={
                "event": "audit",
                "actor": happening.actor,
                "client_id": happening.client_id or None,
                "sequence": happening.sequence,
                "outcome": outcome,
                **fields,
            },
        )


def _what(command: Command | None, note: Note | None) -> tuple[str, dict[str, str]] | None:
    """Return in words what was done, and the fields for machines; None for what nobody has to answer for."""
    if isinstance(note, SessionChange) and note.change in _SESSION_ENDS:
        change = _SESSION_ENDS[note.change]
        return f"the session of {note.client_id} {change}", {"change": "session", "session": note.client_id}
    match command:
        case Configure():
            etag = note.etag if isinstance(note, ConfigText) else ""
            return f"config {etag} applied", {"change": "config", "etag": etag}
        case Assign():
            fields = {"change": "assign", "call": command.call, "agent": command.agent}
            return f"call {command.call} assigned to {command.agent}", fields
        case PauseQueue():
            return f"queue {command.queue} paused", {"change": "pause", "queue": command.queue}
        case ResumeQueue():
            return f"queue {command.queue} resumed", {"change": "resume", "queue": command.queue}
    return None
