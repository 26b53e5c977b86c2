"""A typed asyncio client for the gRPC service: engine structs in, engine structs out."""

from router.client.client import RouterClient
from router.client.errors import FieldViolation, RouterError
from router.client.replies import AppliedConfig, Config, ConfigProblem, Moment, Reply, ServerStatistics, WaitEstimate
from router.client.stream import CommandStream

__all__ = [
    "AppliedConfig",
    "CommandStream",
    "Config",
    "ConfigProblem",
    "FieldViolation",
    "Moment",
    "Reply",
    "RouterClient",
    "RouterError",
    "ServerStatistics",
    "WaitEstimate",
]
