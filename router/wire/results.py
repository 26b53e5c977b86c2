"""Headers, results and wait estimates on the wire.

Keeps one invariant: the header of an answer to a command is that of the command itself, also when it is given again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

from google.protobuf.duration_pb2 import Duration

from router.engine.views import Result
from router.engine.vocabulary import CallState
from router.v1 import results_pb2, vocabulary_pb2
from router.wire.times import from_timestamp, to_duration, to_timestamp
from router.wire.vocabulary import CALL_STATE


class WaitEstimateLike(Protocol):
    """What an estimate consists of, whoever made it; None where it says nothing."""

    @property
    def method(self) -> str: ...
    @property
    def mean_us(self) -> int | None: ...
    @property
    def p10_us(self) -> int | None: ...
    @property
    def p50_us(self) -> int | None: ...
    @property
    def p80_us(self) -> int | None: ...
    @property
    def p90_us(self) -> int | None: ...
    @property
    def interval_us(self) -> tuple[int, int] | None: ...
    @property
    def answered_within(self) -> Sequence[tuple[int, float]]: ...
    @property
    def position(self) -> int | None: ...
    @property
    def futures(self) -> int: ...
    @property
    def samples(self) -> int: ...


METHODS: Final = {
    "none": results_pb2.WAIT_ESTIMATE_METHOD_NONE,
    "immediate": results_pb2.WAIT_ESTIMATE_METHOD_IMMEDIATE,
    "qlm": results_pb2.WAIT_ESTIMATE_METHOD_QLM,
    "les": results_pb2.WAIT_ESTIMATE_METHOD_LES,
    "learned": results_pb2.WAIT_ESTIMATE_METHOD_LEARNED,
    "simulated": results_pb2.WAIT_ESTIMATE_METHOD_SIMULATED,
    "corrected": results_pb2.WAIT_ESTIMATE_METHOD_CORRECTED,
}
"""The methods of estimating a wait, by the name that `router.wait` gives them."""


def encode_header(sequence: int, time_us: int) -> results_pb2.Header:
    """Return a header."""
    return results_pb2.Header(sequence=sequence, time=to_timestamp(time_us))


def encode_result(result: Result) -> results_pb2.Result:
    """Return a result, which is not a rejection."""
    return results_pb2.Result(
        call_state=_call_state(result.call_state),
        queue=result.queue,
        agent=result.agent,
        offer=result.offer,
        repeated=result.repeated,
    )


def _call_state(state: CallState | None) -> Any:
    if state is None:
        return vocabulary_pb2.CALL_STATE_UNSPECIFIED
    return CALL_STATE.to_wire[state]


def decode_result(header: results_pb2.Header, message: results_pb2.Result) -> Result:
    """Return the result that a header and a `Result` stand for."""
    state = message.call_state
    return Result(
        sequence=header.sequence,
        time_us=from_timestamp(header.time),
        call_state=CallState(CALL_STATE.read(state)) if state else None,
        queue=message.queue if message.HasField("queue") else None,
        agent=message.agent if message.HasField("agent") else None,
        offer=message.offer if message.HasField("offer") else None,
        repeated=message.repeated,
    )


def encode_wait_estimate(estimate: WaitEstimateLike, *, callback_offered: bool = False) -> results_pb2.WaitEstimate:
    """Return an estimate, and whether its caller should be offered to be called back."""
    message = results_pb2.WaitEstimate(
        method=METHODS[estimate.method],
        mean=_duration(estimate.mean_us),
        position=estimate.position,
        samples=estimate.samples,
        p10=_duration(estimate.p10_us),
        p50=_duration(estimate.p50_us),
        p80=_duration(estimate.p80_us),
        p90=_duration(estimate.p90_us),
        futures=estimate.futures,
        callback_offered=callback_offered,
        answered_within=[
            results_pb2.AnsweredWithin(within=to_duration(within_us), probability=probability)
            for within_us, probability in estimate.answered_within
        ],
    )
    if estimate.interval_us is not None:
        low_us, high_us = estimate.interval_us
        message.interval.CopyFrom(results_pb2.WaitInterval(low=to_duration(low_us), high=to_duration(high_us)))
    return message


def _duration(duration_us: int | None) -> Duration | None:
    return None if duration_us is None else to_duration(duration_us)
