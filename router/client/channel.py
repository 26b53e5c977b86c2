"""The connection: with TLS or without, and with the token that goes with every request.

Keeps one invariant: a token leaves this machine unencrypted only if told so, and stands in no text that is shown.
"""

from __future__ import annotations

import re
from typing import Any, Final

import grpc

Metadata = tuple[tuple[str, str], ...]

_OPTIONS: Final = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
]
_THIS_MACHINE: Final = re.compile(
    r"(?:(?:ipv4:|ipv6:|dns:///)?(?:127\.[0-9.]+|\[::1\]|localhost)(?::[0-9]+)?|unix(?:-abstract)?:.*)", re.IGNORECASE
)
_TOKEN: Final = re.compile(r"[!-~]{1,4096}")


def open_channel(
    address: str, *, tls: bool, root_certificates: bytes | None, certificate: bytes | None, key: bytes | None
) -> grpc.aio.Channel:
    """Return a channel to an address. Raises `ValueError` for a certificate without its key, or the other way."""
    if (certificate is None) != (key is None):
        raise ValueError("a client certificate and its key go together; give both, or neither")
    if not tls:
        return grpc.aio.insecure_channel(address, options=_OPTIONS)
    credentials = grpc.ssl_channel_credentials(root_certificates, key, certificate)
    return grpc.aio.secure_channel(address, credentials, options=_OPTIONS)


def metadata_of(token: str, address: str, *, encrypted: bool) -> Metadata | None:
    """Return what a token adds to each request, None without one. Raises `ValueError` for one that may not be sent."""
    if not token:
        return None
    if _TOKEN.fullmatch(token) is None:
        raise ValueError("the token is none: one word of ASCII characters without blanks is right")
    if not encrypted and _THIS_MACHINE.fullmatch(address) is None:
        raise ValueError(
            f"the token would go to {address} unencrypted; use TLS, or allow_insecure where the network can be trusted"
        )
    return (("authorization", f"Bearer {token}"),)


async def failure_of(channel: grpc.aio.Channel) -> str:
    """Return why a channel has no connection, in gRPC's words; empty if that cannot be found out."""
    check: Any = channel.unary_unary("/grpc.health.v1.Health/Check", None, None)
    try:
        await check(b"", timeout=1.0)
    except grpc.aio.AioRpcError as error:
        details = error.details() or ""
        return details.rpartition("last error: ")[2] if error.code() is grpc.StatusCode.UNAVAILABLE else ""
    return ""
