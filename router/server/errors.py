"""Errors: the one table from reasons to gRPC status codes and words, and the google.rpc.Status made from it.

Keeps one invariant: every reason of the contract is in the table, and every refusal that a client sees comes from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import grpc
from google.protobuf.any_pb2 import Any
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]

from router.engine.errors import InvalidCommand
from router.engine.views import Result
from router.engine.vocabulary import RejectReason
from router.wire.problems import Malformed, join, wire_path
from router.wire.times import to_duration

DOMAIN: Final = "router.v1"

# errors travel in HTTP/2 trailers, of which clients take 8 KiB by default
_TEXT_MAX = 300
_VIOLATIONS_MAX = 10

_Code = grpc.StatusCode


class Reason(NamedTuple):
    """What a reason means on the wire. `message` may name the subject as {0}."""

    code: grpc.StatusCode
    message: str


REASONS: Final[dict[str, Reason]] = {
    # rules of the engine
    "UNKNOWN_AGENT": Reason(_Code.NOT_FOUND, "no agent {0} has ever signed in"),
    "UNKNOWN_CALL": Reason(_Code.NOT_FOUND, "there is no call {0}, or it ended too long ago"),
    "UNKNOWN_OFFER": Reason(_Code.NOT_FOUND, "offer {0} was never made"),
    "UNKNOWN_QUEUE": Reason(_Code.NOT_FOUND, "no queue {0} is configured"),
    "UNKNOWN_CHANNEL": Reason(_Code.NOT_FOUND, "no channel {0} is configured"),
    "ALREADY_SIGNED_IN": Reason(_Code.ALREADY_EXISTS, "agent {0} is signed in already"),
    "AGENT_SIGNED_OUT": Reason(_Code.FAILED_PRECONDITION, "agent {0} is signed out"),
    "CAPACITY_IN_USE": Reason(_Code.FAILED_PRECONDITION, "agent {0} holds more calls than the new capacity allows"),
    "TOO_MANY_AGENTS": Reason(_Code.RESOURCE_EXHAUSTED, "no room for agent {0}: agents_max is reached"),
    "DUPLICATE_CALL": Reason(_Code.ALREADY_EXISTS, "there is a call {0} already, or it ended not long ago"),
    "TOO_MANY_CALLS": Reason(_Code.RESOURCE_EXHAUSTED, "no room for call {0}: calls_max is reached"),
    "CALL_FINISHED": Reason(_Code.FAILED_PRECONDITION, "call {0} is finished"),
    "CALL_WAITING": Reason(_Code.FAILED_PRECONDITION, "call {0} is waiting already"),
    "CALL_ASSIGNED": Reason(_Code.FAILED_PRECONDITION, "call {0} is with an agent"),
    "CALL_NOT_ASSIGNED": Reason(_Code.FAILED_PRECONDITION, "call {0} is not with an agent"),
    "CALL_NOT_COMPLETED": Reason(_Code.FAILED_PRECONDITION, "call {0} was not completed by an agent"),
    "ALREADY_CALLBACK": Reason(_Code.FAILED_PRECONDITION, "call {0} is a callback already"),
    "OFFER_ENDED": Reason(_Code.FAILED_PRECONDITION, "offer {0} is no longer pending"),
    "NO_CAPACITY": Reason(_Code.FAILED_PRECONDITION, "agent {0} has no free capacity on the call's channel"),
    "NOT_IN_WRAP_UP": Reason(_Code.FAILED_PRECONDITION, "agent {0} is not in wrap-up, or not of that call"),
    "OUTCOME_ALREADY_RECORDED": Reason(_Code.ALREADY_EXISTS, "this outcome of call {0} was recorded before"),
    "OUTCOME_MISMATCH": Reason(_Code.FAILED_PRECONDITION, "call {0} was of another agent or queue"),
    "QUEUE_ALREADY_PAUSED": Reason(_Code.FAILED_PRECONDITION, "queue {0} is paused already"),
    "QUEUE_NOT_PAUSED": Reason(_Code.FAILED_PRECONDITION, "queue {0} is not paused"),
    "QUEUE_HAS_CALLS": Reason(_Code.FAILED_PRECONDITION, "queue {0} has calls; say in `moves` which queue takes them"),
    "CHANNEL_IN_USE": Reason(_Code.FAILED_PRECONDITION, "channel {0} is in use by calls or agents"),
    "TOO_MANY_REQUIREMENTS": Reason(
        _Code.RESOURCE_EXHAUSTED, "no room for the requirement of call {0}: requirements_max different ones are in use"
    ),
    "CALL_DETACHED": Reason(_Code.FAILED_PRECONDITION, "call {0} is detached already"),
    "CALL_NOT_DETACHED": Reason(_Code.FAILED_PRECONDITION, "call {0} is not detached"),
    # refusals of the server
    "INVALID_COMMAND": Reason(_Code.INVALID_ARGUMENT, "the command is malformed: {0}"),
    "INVALID_QUERY": Reason(_Code.INVALID_ARGUMENT, "the query is malformed: {0}"),
    "REQUEST_ID_REUSED": Reason(_Code.ALREADY_EXISTS, "request id {0} was used before for something else"),
    "INVALID_CONFIG": Reason(_Code.INVALID_ARGUMENT, "the config is not valid: {0}"),
    "ETAG_MISMATCH": Reason(_Code.ABORTED, "the config has changed: its etag is {0} now"),
    "HISTORY_GONE": Reason(_Code.OUT_OF_RANGE, "the watch cannot be resumed: {0}"),
    "WATCHER_TOO_SLOW": Reason(_Code.RESOURCE_EXHAUSTED, "the watcher did not keep up: {0}"),
    "OVERLOADED": Reason(_Code.RESOURCE_EXHAUSTED, "the server is overloaded: {0}"),
    "JOURNAL_FAILED": Reason(
        _Code.UNAVAILABLE, "the journal cannot be written; whether the command will be there is not known"
    ),
    "UNAUTHENTICATED": Reason(
        _Code.UNAUTHENTICATED, "who is asking is not known: a token or client certificate that is known here is wanted"
    ),
    "PERMISSION_DENIED": Reason(_Code.PERMISSION_DENIED, "this is not allowed: {0}"),
    "SESSION_LOST": Reason(
        _Code.FAILED_PRECONDITION, "the session of {0} is lost and cannot be ended: call Reconcile first"
    ),
    "SHADOW_MODE": Reason(
        _Code.FAILED_PRECONDITION, "this server follows an outside ACD and decides nothing itself: {0}"
    ),
    "SHUTTING_DOWN": Reason(_Code.UNAVAILABLE, "the server is shutting down"),
    "TIME_WENT_BACKWARDS": Reason(_Code.INTERNAL, "the server's clock stands behind the engine's"),
    "ENGINE_FAILED": Reason(_Code.INTERNAL, "the engine stopped because it found itself inconsistent"),
    "INTERNAL_ERROR": Reason(_Code.INTERNAL, "a fault of the server, which has logged it"),
}
"""Every reason that a client can meet."""


class Wording(NamedTuple):
    """The words for a rejection: the message is `before`, the subject, `after`."""

    code: int
    reason: str
    before: str
    after: str


class Wordings(NamedTuple):
    """The words for all rejections, in the order of `RejectReason`, where a subject can stand in them as it is."""

    domain: str
    subject_bytes_max: int
    reasons: Sequence[Wording]


def wordings() -> Wordings:
    """Return the words of `REASONS`, for who makes statuses of rejections without a `Refusal`."""
    reasons = []
    for reason in RejectReason:
        code, message = REASONS[reason.name]
        before, after = message.split("{0}")
        reasons.append(Wording(code.value[0], reason.name, before, after))
    return Wordings(DOMAIN, _TEXT_MAX, reasons)


class Violation(NamedTuple):
    """One field that is not as it should be."""

    field: str
    description: str


class Refusal(Exception):
    """A request that is refused, with everything the client will be told.

    `subject` is the name or number that the reason is about, or what is wrong. `sequence` is the number of the command
    if it reached the engine.
    """

    def __init__(
        self,
        reason: str,
        subject: str = "",
        *,
        violations: Sequence[Violation] = (),
        sequence: int | None = None,
        time_us: int | None = None,
        retry_after_us: int | None = None,
    ) -> None:
        super().__init__(reason, subject)
        self.reason = reason
        self.subject = subject
        self.violations = tuple(violations)
        self.sequence = sequence
        self.time_us = time_us
        self.retry_after_us = retry_after_us

    @property
    def code(self) -> grpc.StatusCode:
        """The gRPC status code."""
        return REASONS[self.reason].code

    @property
    def message(self) -> str:
        """One plain sentence."""
        return REASONS[self.reason].message.format(printable(self.subject))

    def status(self) -> Status:
        """Return the google.rpc.Status: ErrorInfo always, BadRequest and RetryInfo where they apply."""
        metadata = {"subject": printable(self.subject)} if self.subject else {}
        if self.sequence is not None:
            metadata["sequence"] = str(self.sequence)
        code: int = self.code.value[0]
        status = Status(code=code, message=self.message)
        _add(status, ErrorInfo(reason=self.reason, domain=DOMAIN, metadata=metadata))
        if self.violations:
            fields = [
                BadRequest.FieldViolation(field=printable(field), description=printable(description))
                for field, description in self.violations[:_VIOLATIONS_MAX]
            ]
            _add(status, BadRequest(field_violations=fields))
        if self.retry_after_us is not None:
            _add(status, RetryInfo(retry_delay=to_duration(self.retry_after_us)))
        return status


def _add(status: Status, detail: ErrorInfo | BadRequest | RetryInfo) -> None:
    packed = Any()
    packed.Pack(detail, deterministic=True)  # so that the lane can write the same bytes
    status.details.append(packed)


def printable(text: str) -> str:
    """Return text that is safe in a header and in a terminal: no control characters, and not too long."""
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text[:_TEXT_MAX])
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= _TEXT_MAX:
        return text
    return encoded[:_TEXT_MAX].decode("utf-8", "ignore") + "…"


def refusal_of_rejection(result: Result) -> Refusal:
    """Return the refusal for a result that is a rejection."""
    reason: RejectReason | None = result.rejection
    assert reason is not None
    return refusal_of_reason(reason, result.subject, result.sequence, result.time_us)


def refusal_of_reason(reason: RejectReason, subject: str, sequence: int, time_us: int) -> Refusal:
    """Return the refusal for a command that was rejected, under its sequence and time."""
    return Refusal(reason.name, subject, sequence=sequence, time_us=time_us)


def refusal_of_failure(reason: str) -> Refusal:
    """Return the refusal for what a failed server cannot do; it is worth trying again where the outcome is unknown."""
    return Refusal(reason, retry_after_us=1_000_000 if reason == "JOURNAL_FAILED" else None)


def invalid(reason: str, field: str, problem: str, wanted: str) -> Refusal:
    """Return the refusal of one malformed field: `reason` is INVALID_COMMAND or INVALID_QUERY."""
    description = f"{problem}; {wanted}"
    return Refusal(reason, f"{field}: {description}", violations=[Violation(field, description)])


def refusal_of_malformed(
    error: Malformed | InvalidCommand, parent: str = "", reason: str = "INVALID_COMMAND"
) -> Refusal:
    """Return the refusal for a message that cannot be understood, or that the engine finds malformed."""
    return invalid(reason, join(parent, wire_path(error.field)), error.problem, error.wanted)
