"""What the server answers, as immutable typed values.

Keeps one invariant: times and durations are microseconds, as everywhere in the engine's own structs.
"""

from __future__ import annotations

import msgspec

from router.engine.events import Event
from router.engine.views import Result, Statistics
from router.v1 import results_pb2
from router.wire.results import METHODS
from router.wire.times import from_duration

_METHOD_NAMES = {number: name for name, number in METHODS.items()}


class WaitEstimate(msgspec.Struct, frozen=True):
    """How long a call is expected to wait. `method` is "immediate", "qlm", "les" or "none" (then `mean_us` is None)."""

    method: str
    mean_us: int | None
    position: int | None
    samples: int


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
    return WaitEstimate(
        method=_METHOD_NAMES.get(message.method, str(message.method)),
        mean_us=from_duration(message.mean) if message.HasField("mean") else None,
        position=message.position if message.HasField("position") else None,
        samples=message.samples,
    )
