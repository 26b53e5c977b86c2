"""What the server answers, as immutable typed values.

Keeps one invariant: times and durations are microseconds, as everywhere in the engine's own structs.
"""

from __future__ import annotations

import msgspec

from router.engine.events import Event
from router.engine.views import Result, Statistics
from router.engine.vocabulary import CallState
from router.v1 import call_service_pb2, results_pb2
from router.wire.results import METHODS
from router.wire.times import from_duration
from router.wire.vocabulary import CALL_STATE

_METHOD_NAMES = {number: name for name, number in METHODS.items()}


class WaitEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """How long a call is expected to wait from now on; None where the estimate says nothing.

    `method` is "corrected" or "simulated" (from futures), "learned", "qlm", "les", "immediate", or "none" (nobody can
    tell). The call is answered within `interval_us`, low and high, with a chance of 80 %. `answered_within` has times
    with the chance to be answered by then. With `callback_offered` ask the caller whether to be called back.
    """

    method: str
    mean_us: int | None
    p10_us: int | None = None
    p50_us: int | None = None
    p80_us: int | None = None
    p90_us: int | None = None
    interval_us: tuple[int, int] | None = None
    answered_within: tuple[tuple[int, float], ...] = ()
    position: int | None
    futures: int = 0
    samples: int
    callback_offered: bool = False


class WaitUpdate(msgspec.Struct, frozen=True):
    """What one caller should hear now. `estimate` is None once the wait is over: then this is the last of it.

    `state` is the call's; None if it ended so long ago that it is forgotten.
    """

    call: str
    queue: str
    state: CallState | None
    estimate: WaitEstimate | None


class Reply(msgspec.Struct, frozen=True):
    """The answer to a command that was carried out; `wait_estimate` comes with an `Enqueue`."""

    result: Result
    wait_estimate: WaitEstimate | None = None


class Moment(msgspec.Struct, frozen=True):
    """Some events of a watch, or none: then it only tells how far the watch has come. Resume after `sequence`."""

    sequence: int
    time_us: int
    events: tuple[Event, ...] = ()


class Config(msgspec.Struct, frozen=True):
    """The server's config as TOML, with its etag."""

    toml: str
    etag: str


class AppliedConfig(msgspec.Struct, frozen=True):
    """The answer to a config that was applied."""

    result: Result
    etag: str


class ConfigProblem(msgspec.Struct, frozen=True):
    """One thing that is wrong with a config. `line` is 0 if not known."""

    line: int
    key: str
    problem: str
    wanted: str


class ServerStatistics(msgspec.Struct, frozen=True):
    """Work done since the server started. `engine_time_us` is real time inside the engine, the others engine time."""

    sequence: int
    time_us: int
    statistics: Statistics
    engine_time_us: int
    started_us: int
    clock_speed: float
    watchers: int


def decode_wait_estimate(message: results_pb2.WaitEstimate) -> WaitEstimate:
    """Return the estimate in a message. A method that only a newer server knows is named by its number."""
    interval = None
    if message.HasField("interval"):
        interval = (from_duration(message.interval.low), from_duration(message.interval.high))
    return WaitEstimate(
        method=_METHOD_NAMES.get(message.method, str(message.method)),
        mean_us=from_duration(message.mean) if message.HasField("mean") else None,
        p10_us=from_duration(message.p10) if message.HasField("p10") else None,
        p50_us=from_duration(message.p50) if message.HasField("p50") else None,
        p80_us=from_duration(message.p80) if message.HasField("p80") else None,
        p90_us=from_duration(message.p90) if message.HasField("p90") else None,
        interval_us=interval,
        answered_within=tuple((from_duration(one.within), one.probability) for one in message.answered_within),
        position=message.position if message.HasField("position") else None,
        futures=message.futures,
        samples=message.samples,
        callback_offered=message.callback_offered,
    )


def decode_wait_update(message: call_service_pb2.WaitUpdate) -> WaitUpdate:
    """Return the update in a message."""
    return WaitUpdate(
        call=message.call,
        queue=message.queue,
        state=CallState(CALL_STATE.read(message.call_state)) if message.call_state else None,
        estimate=decode_wait_estimate(message.wait_estimate) if message.HasField("wait_estimate") else None,
    )
