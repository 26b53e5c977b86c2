"""Answers to commands as messages: one way for all, be they of unary calls or of a batch.

Keeps one invariant: the header is that of the command, also in a repeated answer; and no estimate, whatever is wrong
with it, keeps an answer back.
"""

from __future__ import annotations

import logging
from typing import Any, TypeVar

from google.protobuf.message import Message

from router.server.estimation import Estimation
from router.server.writing.requests import Answer
from router.v1.results_pb2 import CommandResult, WaitEstimate
from router.wait import WaitEstimate as Estimate
from router.wire.results import encode_header, encode_result

logger = logging.getLogger(__name__)

Response = TypeVar("Response", bound=Message)


def response_of(answer: Answer, response: type[Response], estimation: Estimation) -> Response:
    """Return the response for an answer: the responses to commands are all alike. Raises `Refusal`."""
    if answer.refusal is not None:
        raise answer.refusal
    result = answer.result
    assert result is not None
    fields: dict[str, Any] = {
        "header": encode_header(result.sequence, result.time_us),
        "result": encode_result(result),
    }
    if estimate := estimate_of(answer.wait_estimate, result.queue or "", estimation):
        fields["wait_estimate"] = WaitEstimate.FromString(estimate)
    return response(**fields)


def result_of(answer: Answer, estimation: Estimation) -> CommandResult:
    """Return what a batch has for an answer: what a call of its own would have as its response, or end with."""
    refusal = answer.refusal
    if refusal is None:
        return response_of(answer, CommandResult, estimation)
    header = None
    if refusal.sequence is not None and refusal.time_us is not None:
        header = encode_header(refusal.sequence, refusal.time_us)
    return CommandResult(header=header, error=refusal.status())


def estimate_of(estimate: Estimate | None, queue: str, estimation: Estimation) -> bytes:
    """Return the bytes of an estimate of a call in a queue; empty without one, or where it cannot be told."""
    if estimate is None:
        return b""
    try:
        return estimation.estimate_bytes(estimate, queue)
    except Exception:
        logger.exception("a wait estimate could not be told")
        return b""
