"""What a client asked to be done, on its way to the writer and back.

Keeps one invariant: an `Answer` holds either a result or a refusal, never both, never neither.
"""

from __future__ import annotations

import msgspec
from google.protobuf.message import Message

from router.engine.commands import Command
from router.engine.limits import NAME_BYTES_MAX
from router.engine.views import Result
from router.journal import Note
from router.server.errors import Refusal, invalid
from router.v1 import commands_pb2
from router.wait import WaitEstimate
from router.wire.commands import digest


class Identity(msgspec.Struct, frozen=True):
    """Who asked, under which id, and a digest of what was asked: makes a command idempotent."""

    client: str
    request_id: str
    content: bytes


class Submission(msgspec.Struct, frozen=True):
    """One command to carry out. `estimate` asks for a wait estimate too, if it is an `Enqueue`.

    `path` is where the command stood in the client's message, for error messages. `client_id` is the client that sent
    it, with a request id or without; `actor` is who did it: a principal, "local", "server" or "file". `note` goes into
    the journal with it, and to the observers. `message` is the command as it came, if it came as a message.
    """

    command: Command
    identity: Identity | None = None
    estimate: bool = False
    path: str = ""
    client_id: str = ""
    actor: str = ""
    note: Note | None = None
    message: commands_pb2.Command | None = None


def about(submission: Submission) -> dict[str, object]:
    """Return what a line of the log says of a command: who sent it, under which id, and what it is about."""
    command, identity = submission.command, submission.identity
    fields: dict[str, object] = {
        "command": type(command).__name__,
        "client_id": submission.client_id,
        "request_id": "" if identity is None else identity.request_id,
        "principal": submission.actor,
        **{name: getattr(command, name, "") for name in ("call", "agent", "offer", "queue")},
    }
    return {name: value for name, value in fields.items() if value}


class Answer(msgspec.Struct, frozen=True):
    """What a submission led to. A rejected command is a refusal with a sequence."""

    result: Result | None = None
    refusal: Refusal | None = None
    wait_estimate: WaitEstimate | None = None


def check_id(name: str, value: str) -> None:
    """Refuse an id that is not 1 to 255 bytes without control characters. Raises `Refusal`."""
    if len(value.encode("utf-8", "replace")) > NAME_BYTES_MAX:
        raise invalid("INVALID_COMMAND", name, "too long", f"at most {NAME_BYTES_MAX} bytes of UTF-8")
    if any(ord(character) < 32 or 127 <= ord(character) < 160 for character in value):
        raise invalid("INVALID_COMMAND", name, "a control character", "text without control characters")


def identity_of(client_id: str, request_id: str, message: Message) -> Identity | None:
    """Return the identity of a request, None if it has none. Raises `Refusal` for ids that cannot be."""
    if client_id:
        check_id("client_id", client_id)
    if not request_id:
        return None
    check_id("request_id", request_id)
    if not client_id:
        raise invalid("INVALID_COMMAND", "client_id", "missing, though there is a request_id", "both, or no request_id")
    return Identity(client_id, request_id, digest(message))
