"""The result of reading a config: the engine's settings, the server's own, and a digest of both."""

from __future__ import annotations

import hashlib

import msgspec

from router.engine.settings import Settings


class ServerSettings(msgspec.Struct, frozen=True):
    """What the gRPC server is configured with.

    `listen` is host:port, port 0 for any free one. A watcher that is more than `watch_buffer_events` behind is cut off;
    `watch_history_events` past events are kept for watchers that resume. `message_bytes_max` bounds one message,
    `stream_batch_max` the commands in one batch of the stream.
    """

    listen: str = "127.0.0.1:50051"
    watch_buffer_events: int = 10_000
    watch_history_events: int = 100_000
    message_bytes_max: int = 4 * 1024 * 1024
    stream_batch_max: int = 1_000


class RouterConfig(msgspec.Struct, frozen=True):
    """A whole, valid config. `etag` is a digest of its meaning: comments, order and spelling do not count."""

    settings: Settings
    server: ServerSettings
    etag: str


def etag_of(settings: Settings, server: ServerSettings) -> str:
    """Return the digest of resolved settings: 32 hex digits, equal if and only if the settings are."""
    content = msgspec.json.encode((settings, server), order="deterministic")
    return hashlib.sha256(content).hexdigest()[:32]
