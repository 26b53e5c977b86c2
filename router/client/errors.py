"""What a refused or failed request raises: the server's google.rpc.Status as a Python exception.

Keeps one invariant: `reason` is never empty: the contract's own reason, or the gRPC code where the server gave none.
"""

from __future__ import annotations

from typing import NamedTuple

import grpc
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from grpc_status import rpc_status

from router.wire.times import from_duration

_CODES = {code.value[0]: code for code in grpc.StatusCode}
_DROPPED = "the server has dropped the request: it has too much to do, or it is ending"
_DROPPED_RETRY_US = 250_000


class FieldViolation(NamedTuple):
    """One field that is not as it should be."""

    field: str
    description: str


class RouterError(Exception):
    """A request was refused or failed.

    `code` is the gRPC status code; `reason` one of the names in docs/integrating.md, or the code's own name when the
    failure was not the router's (UNAVAILABLE when no server is there). `subject` is the name or number that it is
    about; `sequence` the command's, if it reached the engine; `retry_after_us` the server's hint.
    """

    def __init__(
        self,
        code: grpc.StatusCode,
        reason: str,
        message: str,
        *,
        subject: str = "",
        violations: tuple[FieldViolation, ...] = (),
        sequence: int | None = None,
        retry_after_us: int | None = None,
    ) -> None:
        super().__init__(f"{reason}: {message}")
        self.code = code
        self.reason = reason
        self.message = message
        self.subject = subject
        self.violations = violations
        self.sequence = sequence
        self.retry_after_us = retry_after_us


def error_of_rpc(error: grpc.aio.AioRpcError) -> RouterError:
    """Return the exception for a failed RPC."""
    try:
        status = rpc_status.from_call(error)  # type: ignore[arg-type]
    except ValueError:
        status = None
    if status is not None:
        return error_of_status(status)
    code, details = error.code(), error.details() or ""
    if code is grpc.StatusCode.CANCELLED and details in ("", code.name):
        # gRPC's own word for what it drops: see docs/integrating.md, "Retrying"
        return RouterError(code, code.name, _DROPPED, retry_after_us=_DROPPED_RETRY_US)
    return RouterError(code, code.name, details)


def error_of_status(status: Status) -> RouterError:
    """Return the exception for a status, as a batch has it for one command."""
    code = _CODES.get(status.code, grpc.StatusCode.UNKNOWN)
    info, request, retry = ErrorInfo(), BadRequest(), RetryInfo()
    retry_after_us = None
    for detail in status.details:
        if detail.Is(ErrorInfo.DESCRIPTOR):
            detail.Unpack(info)
        elif detail.Is(BadRequest.DESCRIPTOR):
            detail.Unpack(request)
        elif detail.Is(RetryInfo.DESCRIPTOR):
            detail.Unpack(retry)
            retry_after_us = from_duration(retry.retry_delay)
    sequence = info.metadata.get("sequence")
    return RouterError(
        code,
        info.reason or code.name,
        status.message,
        subject=info.metadata.get("subject", ""),
        violations=tuple(FieldViolation(entry.field, entry.description) for entry in request.field_violations),
        sequence=int(sequence) if sequence else None,
        retry_after_us=retry_after_us,
    )
