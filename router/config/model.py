"""The result of reading a config: the engine's settings, the server's own, those of estimates, and a digest of all."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from router.engine.settings import DAY_US, HOUR_US, MINUTE_US, SECOND_US, Settings

PATH_FIELDS: Final = ("tls_certificate", "tls_key", "tls_client_ca", "access_file")


class ServerSettings(msgspec.Struct, frozen=True):
    """What the gRPC server is configured with; `router.config.server` has each key's range and meaning.

    Addresses are host:port, port 0 for any free one; `metrics_listen` may be empty for none. `memory_max` is in bytes,
    0 for automatic. The paths of the last four fields are as the config has them, empty for none: see `located`.
    """

    listen: str = "127.0.0.1:50051"
    watch_buffer_events: int = 10_000
    watch_history_events: int = 100_000
    message_bytes_max: int = 4 * 1024 * 1024
    stream_batch_max: int = 1_000
    commands_max: int = 65_536
    rpcs_max: int = 1_000
    streams_max: int = 200
    watchers_max: int = 1_000
    memory_max: int = 0
    lease_us: int = 30 * SECOND_US
    lost_session_retention_us: int = HOUR_US
    snapshot_commands: int = 50_000
    snapshot_interval_us: int = 10 * MINUTE_US
    snapshot_child: bool = True
    history_retention_us: int = 7 * DAY_US
    drain_us: int = 10 * SECOND_US
    metrics_listen: str = ""
    tls_certificate: str = ""
    tls_key: str = ""
    tls_client_ca: str = ""
    access_file: str = ""
    shadow: bool = False

    def located(self, directory: Path) -> ServerSettings:
        """Return the settings with paths that were relative to the config file, which lies in `directory`, resolved."""
        paths = {name: getattr(self, name) for name in PATH_FIELDS}
        return msgspec.structs.replace(self, **{name: str(directory / path) for name, path in paths.items() if path})


class EstimateSettings(msgspec.Struct, frozen=True):
    """How the server estimates waits; `router.config.estimates` has each key's range and meaning.

    `budget_us` and `refresh_us` are real time. `time_zone` is a name of the IANA data base.
    """

    enabled: bool = True
    futures: int = 200
    budget_us: int = 50_000
    refresh_us: int = SECOND_US
    time_zone: str = "UTC"


class EstimateLimits(msgspec.Struct, frozen=True):
    """What the server does for a queue when an estimate is above a limit; None: nothing."""

    overflow_wait_estimate_us: int | None = None
    callback_wait_estimate_us: int | None = None


class RouterConfig(msgspec.Struct, frozen=True):
    """A whole, valid config. `etag` is a digest of its meaning: comments, order and spelling do not count.

    `limits` has an entry for each queue of the settings.
    """

    settings: Settings
    server: ServerSettings
    estimates: EstimateSettings
    limits: Mapping[str, EstimateLimits]
    etag: str


def etag_of(
    settings: Settings, server: ServerSettings, estimates: EstimateSettings, limits: Mapping[str, EstimateLimits]
) -> str:
    """Return the digest of resolved settings: 32 hex digits, equal if and only if the settings are."""
    content = msgspec.json.encode((settings, server, estimates, limits), order="deterministic")
    return hashlib.sha256(content).hexdigest()[:32]
