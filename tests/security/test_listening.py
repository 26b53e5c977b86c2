"""Where a server may listen without TLS and principals: on this machine only, unless told so."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from router.config.model import ServerSettings
from router.server.security.listening import SecurityError, check_listening, check_metrics, is_loopback
from router.server.security.security import Security
from tests.security.support import Authority, config_with, write_access
from tests.server.support import CONFIG, running

OPEN = "0.0.0.0:0"


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1:50051", "127.9.9.9:1", "[::1]:50051", "[::ffff:127.0.0.1]:1", "localhost:1", "LOCALHOST:1", "unix:/x"],
)
def test_this_machine(address: str) -> None:
    assert is_loopback(address)
    assert check_listening(ServerSettings(), address, allow_insecure=False) == []


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0:50051",
        "[::]:50051",
        "10.0.0.1:1",
        "[fe80::1%eth0]:1",
        "[::ffff:10.0.0.1]:1",
        "router.example.com:1",
        "localhost.example.com:1",
        "127.0.0.1.example.com:1",
        "127.1:1",
        ":1",
    ],
)
def test_beyond_it(address: str) -> None:
    assert not is_loopback(address)
    with pytest.raises(SecurityError, match="can be reached from other machines"):
        check_listening(ServerSettings(), address, allow_insecure=False)


@pytest.mark.parametrize(
    ("settings", "lacks", "cure"),
    [
        ({}, "nothing that is sent is encrypted and everybody may do everything", "tls_key and access_file"),
        ({"tls_certificate": "x"}, "everybody may do everything", "access_file"),
        ({"access_file": "x"}, "nothing that is sent is encrypted", "tls_certificate and tls_key"),
    ],
)
def test_the_refusal_says_what_is_lacking_and_what_to_do(settings: dict[str, str], lacks: str, cure: str) -> None:
    server = ServerSettings(**settings)  # type: ignore[arg-type]
    with pytest.raises(SecurityError) as caught:
        check_listening(server, OPEN, allow_insecure=False)
    message = str(caught.value)
    assert lacks in message
    assert cure in message
    assert "listen on 127.0.0.1" in message
    assert "--allow-insecure" in message
    (warning,) = check_listening(server, OPEN, allow_insecure=True)
    assert lacks in warning
    assert "--allow-insecure" in warning


def test_with_both_nothing_is_lacking() -> None:
    server = ServerSettings(tls_certificate="x", tls_key="y", access_file="z")
    assert check_listening(server, OPEN, allow_insecure=False) == []


def test_metrics_beyond_this_machine_must_be_allowed() -> None:
    assert check_metrics("", allow_insecure=False) == []
    assert check_metrics("127.0.0.1:9464", allow_insecure=False) == []
    with pytest.raises(SecurityError, match=r"metrics_listen 0\.0\.0\.0:9464 can be reached from other machines"):
        check_metrics("0.0.0.0:9464", allow_insecure=False)
    (warning,) = check_metrics("0.0.0.0:9464", allow_insecure=True)
    assert "neither encrypted nor protected" in warning


async def test_a_server_holds_to_it(tmp_path: Path, authority: Authority, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(SecurityError):
        async with running(CONFIG, listen=OPEN):
            pass
    caplog.set_level(logging.WARNING)
    allowed = Security(ServerSettings(), OPEN, allow_insecure=True)
    async with running(CONFIG, listen=OPEN, security=allowed) as server:
        assert server.port
        server.security.warn()
    assert "0.0.0.0:0 can be reached from other machines" in caplog.text
    caplog.clear()
    certificate, key = authority.write_pair()
    access = write_access(tmp_path / "access.toml")
    config = config_with(tls_certificate=certificate, tls_key=key, access_file=access)
    async with running(config, listen=OPEN) as server:
        assert server.port
        server.security.warn()
    assert caplog.text == ""
