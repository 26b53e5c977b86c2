"""A typed asyncio client for the gRPC service: engine structs in, engine structs out."""

from router.client.client import RouterClient
from router.client.errors import FieldViolation, RouterError
from router.client.replies import (
    AppliedConfig,
    Config,
    ConfigProblem,
    Moment,
    Reply,
    ServerStatistics,
    WaitEstimate,
    WaitUpdate,
)
from router.client.sessions import Heartbeat, KeptSession, Reconciled
from router.client.stream import CommandStream
from router.wire.sessions import Difference, DifferenceKind, LiveAgent, LiveCall, SessionState

__all__ = [
    "AppliedConfig",
    "CommandStream",
    "Config",
    "ConfigProblem",
    "Difference",
    "DifferenceKind",
    "FieldViolation",
    "Heartbeat",
    "KeptSession",
    "LiveAgent",
    "LiveCall",
    "Moment",
    "Reconciled",
    "Reply",
    "RouterClient",
    "RouterError",
    "ServerStatistics",
    "SessionState",
    "WaitEstimate",
    "WaitUpdate",
]
