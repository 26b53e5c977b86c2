"""The `[server]` table: its keys, and what must agree between them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import msgspec

from router.config.kinds import Count, Duration, Flag, Table, field_key
from router.config.machine_kinds import Address, File, Memory
from router.config.model import EstimateLimits, ServerSettings
from router.config.report import Place, Refused
from router.engine.settings import DAY_US, HOUR_US, SECOND_US, Settings

_server = ServerSettings()
_OVERLOADED: Final = "one more is refused as OVERLOADED."

SERVER: Final = Table(
    field_key(
        "listen", Address(), _server, "Address of the gRPC server. The default is reachable from this machine only."
    ),
    field_key(
        "metrics_listen",
        Address(off=True),
        _server,
        "Address of the HTTP server with `/metrics`, `/healthz` and `/readyz`; without one there is none.",
    ),
    field_key("message_bytes_max", Count(65_536, 1 << 28), _server, "Largest gRPC message taken, in bytes."),
    field_key("stream_batch_max", Count(1, 10_000), _server, "Most commands in one batch of the command stream."),
    field_key(
        "commands_max",
        Count(1_000, 10_000_000),
        _server,
        f"Most commands under way, waiting or not durable yet; {_OVERLOADED} At least `stream_batch_max`.",
    ),
    field_key(
        "rpcs_max",
        Count(10, 1_000_000),
        _server,
        f"Most RPCs under way, command streams and watches not counted; {_OVERLOADED} "
        "Half as many may wait to be begun; what comes then is dropped by gRPC, as CANCELLED.",
    ),
    field_key("streams_max", Count(1, 100_000), _server, f"Most command streams at a time; {_OVERLOADED}"),
    field_key(
        "watchers_max",
        Count(1, 100_000),
        _server,
        f"Most watches of events at a time, and as many of wait estimates; {_OVERLOADED}",
    ),
    field_key(
        "watch_buffer_events",
        Count(100, 1_000_000),
        _server,
        "How many events a watcher may fall behind before it is cut off.",
    ),
    field_key(
        "watch_history_events",
        Count(100, 10_000_000),
        _server,
        "How many past events are kept, so that a watcher can resume where it was. At least `watch_buffer_events`.",
    ),
    field_key(
        "memory_max",
        Memory(256 << 20, 1 << 50),
        _server,
        "Memory of the process beyond which new calls and agents are refused as OVERLOADED. "
        '"auto" is 75 % of what the machine, or the container, has.',
    ),
    field_key(
        "lease",
        Duration(3 * SECOND_US, DAY_US),
        _server,
        "How long a session is believed to be there after its last sign of life; then it is lost.",
    ),
    field_key(
        "lost_session_retention",
        Duration(SECOND_US),
        _server,
        "How long a lost session may take to come back; then its calls are ended and its agents signed out.",
    ),
    field_key(
        "snapshot_commands",
        Count(100, 1_000_000_000),
        _server,
        "A snapshot is taken after so many commands, but they take no more than a tenth of the time. The fewer, the "
        "quicker a start, and the more is written.",
    ),
    field_key(
        "snapshot_interval",
        Duration(SECOND_US, DAY_US),
        _server,
        "A snapshot is taken after this time at the latest, if anything happened.",
    ),
    field_key(
        "snapshot_child",
        Flag(),
        _server,
        "A child of the process writes snapshots, so that nobody waits for them; meanwhile the two may need up to "
        "twice the memory. Without it the server stands still for each.",
    ),
    field_key(
        "history_retention",
        Duration(SECOND_US),
        _server,
        "How long the journal keeps past commands, for replay and audit. What a start needs is always kept.",
    ),
    field_key(
        "drain",
        Duration(100_000, HOUR_US),
        _server,
        "How long the server may take to finish what is under way when it is told to stop.",
    ),
    field_key("tls_certificate", File(), _server, "PEM file with the server's certificate chain. With it, only TLS."),
    field_key("tls_key", File(), _server, "PEM file with the key of `tls_certificate`."),
    field_key(
        "tls_client_ca",
        File(),
        _server,
        "PEM file with the authorities of client certificates. With it, every client must show one.",
    ),
    field_key("access_file", File(), _server, "File that says which tokens and certificates have which role."),
    field_key(
        "shadow",
        Flag(),
        _server,
        "Follow an outside ACD instead of routing: every queue stays paused, no offer is made; [shadow.md](shadow.md).",
    ),
)


def read_server(value: object, place: Place) -> ServerSettings:
    """Return the server's settings. Notes what is wrong, with each key and between them."""
    fields: dict[str, Any] = {}
    with suppress(Refused):
        fields = SERVER.read(value, place)
    server = msgspec.structs.replace(ServerSettings(), **fields)
    _check_sizes(server, place)
    _check_tls(server, place)
    _check_addresses(server, place)
    return server


def _check_sizes(server: ServerSettings, place: Place) -> None:
    if server.watch_history_events < server.watch_buffer_events:
        (place / "watch_history_events").note(
            f"{server.watch_history_events:,} is less than watch_buffer_events, {server.watch_buffer_events:,}",
            "at least as many: a watcher can fall behind only within what is kept",
        )
    if server.commands_max < server.stream_batch_max:
        (place / "commands_max").note(
            f"{server.commands_max:,} is less than stream_batch_max, {server.stream_batch_max:,}",
            "at least as many: a full batch must find room",
        )


def _check_tls(server: ServerSettings, place: Place) -> None:
    if server.tls_certificate and not server.tls_key:
        (place / "tls_certificate").note("there is a certificate without its key", "both tls_certificate and tls_key")
    if server.tls_key and not server.tls_certificate:
        (place / "tls_key").note("there is a key without its certificate", "both tls_certificate and tls_key")
    if server.tls_client_ca and not server.tls_certificate:
        (place / "tls_client_ca").note(
            "client certificates are asked for without TLS", "tls_certificate and tls_key as well"
        )


def _check_addresses(server: ServerSettings, place: Place) -> None:
    if server.metrics_listen == server.listen and not server.listen.endswith(":0"):
        (place / "metrics_listen").note("this is the address of the gRPC server", "another port")


def check_shadow(settings: Settings, limits: Mapping[str, EstimateLimits], root: Place) -> None:
    """Note what cannot be meant in shadow mode: limits on whose account calls would leave queues by our decision."""
    for name, queue in settings.queues.items():
        for key, limit in (
            ("waiting_max", queue.waiting_max),
            ("wait_max", queue.wait_max_us),
            ("overflow_wait_estimate", limits[name].overflow_wait_estimate_us),
        ):
            if limit is not None:
                (root / "queues" / name / key).note(
                    "with [server] shadow an outside ACD decides who leaves a queue", f"no {key} in shadow mode"
                )
