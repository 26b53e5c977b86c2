"""Where one may listen: this machine as one likes; beyond it only with TLS and principals, or when told so.

Keeps one invariant: what can be reached from another machine and is open to everybody was asked for in so many words.
"""

from __future__ import annotations

import ipaddress

from router.config.model import ServerSettings


class SecurityError(OSError):
    """The server cannot be as secure as it should be; the message says what is wrong and what to do."""


def is_loopback(listen: str) -> bool:
    """Say whether an address, host:port or unix:path, can be reached from this machine only."""
    if listen.startswith(("unix:", "unix-abstract:")):
        return True
    host = listen.rpartition(":")[0].removeprefix("[").removesuffix("]").partition("%")[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.lower() in ("localhost", "ip6-localhost")
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def check_listening(server: ServerSettings, listen: str, *, allow_insecure: bool) -> list[str]:
    """Return warnings about the address of the gRPC server. Raises `SecurityError` where it is open to everybody."""
    if is_loopback(listen):
        return []
    lacking, cures = [], []
    if not server.tls_certificate:
        lacking.append("nothing that is sent is encrypted")
        cures.append("tls_certificate and tls_key")
    if not server.access_file:
        lacking.append("everybody may do everything")
        cures.append("access_file (`skill-router access new` begins one)")
    return _judge(f"{listen} can be reached from other machines", lacking, cures, allow_insecure)


def check_metrics(listen: str, *, allow_insecure: bool) -> list[str]:
    """Return warnings about the address of the metrics. Raises `SecurityError` where everybody can read them."""
    if not listen or is_loopback(listen):
        return []
    lacking = ["the metrics are neither encrypted nor protected"]
    return _judge(f"metrics_listen {listen} can be reached from other machines", lacking, [], allow_insecure)


def _judge(what: str, lacking: list[str], cures: list[str], allow_insecure: bool) -> list[str]:
    if not lacking:
        return []
    risk = f"{what}, and {' and '.join(lacking)}"
    if allow_insecure:
        return [f"{risk}: you allowed this with --allow-insecure"]
    setting = f"set {' and '.join(cures)} in [server], or " if cures else ""
    raise SecurityError(f"{risk}; {setting}listen on 127.0.0.1, or say --allow-insecure if the network can be trusted")
