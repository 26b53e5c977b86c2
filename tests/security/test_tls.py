"""TLS over real connections, and files that cannot serve, said plainly before the server begins."""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest

from router.client import RouterClient, RouterError
from router.config.model import ServerSettings
from router.engine import commands as c
from router.server.security.listening import SecurityError
from router.server.security.tls import Tls
from tests.security.support import Authority, caller, config_with, failure, needs_openssl
from tests.server.support import Seen, running

DAY = timedelta(days=1)


def now() -> datetime:
    return datetime.now(UTC)


async def test_a_client_that_trusts_the_authority_is_served(authority: Authority) -> None:
    certificate, key = authority.write_pair()
    config = config_with(tls_certificate=certificate, tls_key=key)
    async with running(config) as server, caller(server, root_certificates=authority.pem) as client:
        assert (await client.apply(c.SignIn("ada"))).result.rejection is None
        async with client.stream() as stream:
            (reply,) = await stream.apply([c.SignOut("ada")])
        assert not isinstance(reply, RouterError)
        seen = await Seen(client.watch()).begun()
        assert seen.error is None
        await seen.end()
        assert server.metrics.certificate_end_s() > now().timestamp()


async def test_clients_that_trust_another_authority_or_none_stay_out(authority: Authority, tmp_path: Path) -> None:
    certificate, key = authority.write_pair()
    async with running(config_with(tls_certificate=certificate, tls_key=key)) as server:
        for settings in ({"root_certificates": Authority(tmp_path).pem}, {"tls": True}):
            async with caller(server, **settings) as client:
                error = await failure(client)
                assert error.code() is grpc.StatusCode.UNAVAILABLE
                assert "CERTIFICATE_VERIFY_FAILED" in (error.details() or "")
                with pytest.raises(RouterError, match="CERTIFICATE_VERIFY_FAILED"):
                    await client.wait_until_ready(0.5)
        async with caller(server) as plain:
            assert (await failure(plain)).code() is grpc.StatusCode.UNAVAILABLE
            with pytest.raises(RouterError, match="does it want TLS"):
                await plain.wait_until_ready(0.5)
        async with caller(server, root_certificates=authority.pem) as client:
            await client.wait_until_ready(5)


async def test_tls_to_a_server_without_it_stays_out(authority: Authority) -> None:
    async with running() as server, caller(server, root_certificates=authority.pem) as client:
        assert (await failure(client)).code() is grpc.StatusCode.UNAVAILABLE


async def test_a_certificate_for_another_name_is_not_taken(authority: Authority) -> None:
    certificate, key = authority.write_pair("server", "elsewhere.example.com")
    config = config_with(tls_certificate=certificate, tls_key=key)
    async with running(config) as server, caller(server, root_certificates=authority.pem) as client:
        assert (await failure(client)).code() is grpc.StatusCode.UNAVAILABLE


async def test_with_a_client_authority_every_client_shows_a_certificate(authority: Authority, tmp_path: Path) -> None:
    certificate, key = authority.write_pair()
    config = config_with(tls_certificate=certificate, tls_key=key, tls_client_ca=authority.write())
    good = dict(zip(("certificate", "key"), authority.issue("pbx-1"), strict=True))
    stranger = dict(zip(("certificate", "key"), Authority(tmp_path).issue("pbx-1"), strict=True))
    expired = dict(zip(("certificate", "key"), authority.issue("pbx-1", not_after=now() - DAY), strict=True))
    async with running(config) as server:
        async with caller(server, root_certificates=authority.pem, **good) as client:
            await client.apply(c.SignIn("ada"))
        for settings in ({}, stranger, expired):
            async with caller(server, root_certificates=authority.pem, **settings) as client:
                assert (await failure(client)).code() is grpc.StatusCode.UNAVAILABLE


async def test_new_files_serve_new_connections_and_leave_old_ones(
    authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    certificate, key = authority.write_pair()
    newer = Authority(tmp_path)
    config = config_with(tls_certificate=certificate, tls_key=key)
    async with running(config) as server, caller(server, root_certificates=authority.pem) as before:
        seen = await Seen(before.watch()).begun()
        await server.security.reload()
        assert "new connections" not in caplog.text, "nothing has changed"
        newer.write_pair()
        await server.security.reload()
        assert "new connections use" in caplog.text
        async with caller(server, root_certificates=newer.pem) as after:
            await after.apply(c.SignIn("ada"))
        async with caller(server, root_certificates=authority.pem) as late:
            assert "CERTIFICATE_VERIFY_FAILED" in ((await failure(late)).details() or "")
        await seen.until(lambda s: s.of(object))
        assert (await before.agent("ada")).agent == "ada", "the old connection goes on"
        await seen.end()


async def test_new_files_that_cannot_serve_change_nothing(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    certificate, key = authority.write_pair()
    async with running(config_with(tls_certificate=certificate, tls_key=key)) as server:
        for content in (b"", b"nonsense", authority.issue("localhost", not_after=now() - DAY)[0]):
            certificate.write_bytes(content)
            await server.security.reload()
        certificate.unlink()
        await server.security.reload()
        assert caplog.text.count("the old certificate stays in force") == 4
        async with caller(server, root_certificates=authority.pem) as client:
            await client.apply(c.SignIn("ada"))


async def test_new_client_authorities_are_taken_over(authority: Authority, tmp_path: Path) -> None:
    certificate, key = authority.write_pair()
    other = Authority(tmp_path)
    client_ca = authority.write()
    config = config_with(tls_certificate=certificate, tls_key=key, tls_client_ca=client_ca)
    shown = dict(zip(("certificate", "key"), other.issue("pbx-1"), strict=True))
    async with running(config) as server:
        async with caller(server, root_certificates=authority.pem, **shown) as client:
            assert (await failure(client)).code() is grpc.StatusCode.UNAVAILABLE
        other.write()
        await server.security.reload()
        async with caller(server, root_certificates=authority.pem, **shown) as client:
            await client.apply(c.SignIn("ada"))


# --- files that cannot serve


def spoil(authority: Authority, what: str, directory: Path) -> ServerSettings:
    """Return settings whose files are right but for one thing."""
    certificate, key = authority.write_pair()
    client_ca = authority.write()
    match what:
        case "no certificate":
            certificate.unlink()
        case "no key":
            key.unlink()
        case "a directory":
            certificate = directory
        case "no PEM":
            certificate.write_text("nonsense")
        case "another key":
            _, key = authority.write_pair("other")
        case "a certificate as key":
            key.write_bytes(certificate.read_bytes())
        case "an encrypted key":
            plain = key.read_bytes()
            command = ["openssl", "pkcs8", "-topk8", "-passout", "pass:secret", "-out", str(key)]
            subprocess.run(command, input=plain, check=True, capture_output=True)
        case "expired":
            certificate, key = authority.write_pair(not_before=now() - 2 * DAY, not_after=now() - DAY)
        case "not valid yet":
            certificate, key = authority.write_pair(not_before=now() + DAY, not_after=now() + 2 * DAY)
        case "no authority":
            client_ca.write_bytes(certificate.read_bytes())
        case "no PEM of authorities":
            client_ca.write_text("nonsense")
        case "no authorities":
            client_ca.unlink()
    return ServerSettings(tls_certificate=str(certificate), tls_key=str(key), tls_client_ca=str(client_ca))


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("no certificate", "tls_certificate: there is no file"),
        ("no key", "tls_key: there is no file"),
        ("a directory", "is not a regular file; a PEM file is wanted"),
        ("no PEM", "holds no certificate in PEM"),
        ("another key", "other.key is not the key of tls_certificate"),
        ("a certificate as key", "holds no private key in PEM"),
        pytest.param("an encrypted key", "is encrypted; a key without a pass phrase is wanted", marks=needs_openssl),
        ("expired", "has expired; one that is valid now is wanted"),
        ("not valid yet", "is not valid yet; one that is valid now is wanted"),
        ("no authority", "holds no authority; a certificate with CA:TRUE is wanted"),
        ("no PEM of authorities", "tls_client_ca"),
        ("no authorities", "tls_client_ca: there is no file"),
    ],
)
def test_files_that_cannot_serve_are_refused_in_plain_words(
    what: str, said: str, authority: Authority, tmp_path: Path
) -> None:
    settings = spoil(authority, what, tmp_path)
    with pytest.raises(SecurityError) as caught:
        Tls(settings)
    assert said in str(caught.value)
    assert "BEGIN" not in str(caught.value)


@needs_openssl
@pytest.mark.parametrize(
    ("kind", "name"),
    [("ed25519", "Ed25519"), ("ed448", "Ed448"), ("ec -pkeyopt ec_paramgen_curve:P-521", "ECDSA with P-521")],
)
def test_kinds_of_keys_that_grpc_cannot_use(kind: str, name: str, tmp_path: Path) -> None:
    settings = self_signed(kind, tmp_path)
    with pytest.raises(SecurityError, match=f"has a key of {name}, which gRPC cannot use; one with RSA"):
        Tls(settings)


@needs_openssl
@pytest.mark.parametrize("kind", ["rsa:2048", "ec -pkeyopt ec_paramgen_curve:P-384"])
async def test_kinds_of_keys_that_grpc_can_use(kind: str, tmp_path: Path) -> None:
    settings = self_signed(kind, tmp_path)
    config = config_with(tls_certificate=settings.tls_certificate, tls_key=settings.tls_key)
    trusted = Path(settings.tls_certificate).read_bytes()
    async with running(config) as server, caller(server, root_certificates=trusted) as client:
        await client.wait_until_ready(5)


def self_signed(kind: str, directory: Path) -> ServerSettings:
    """Let openssl make a certificate, as the docs show it."""
    certificate, key = directory / "self.pem", directory / "self.key"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        *kind.split(),
        "-nodes",
        "-keyout",
        key,
        "-out",
        certificate,
        *names,
    ]
    subprocess.run(command, check=True, capture_output=True)
    return ServerSettings(tls_certificate=str(certificate), tls_key=str(key))


def test_a_key_that_others_can_read_is_a_warning(authority: Authority) -> None:
    certificate, key = authority.write_pair()
    tls = Tls(ServerSettings(tls_certificate=str(certificate), tls_key=str(key)))
    assert tls.warnings() == []
    key.chmod(0o644)
    (warning,) = tls.warnings()
    assert "open to other users" in warning
    assert f"chmod 600 {key}" in warning


def test_a_certificate_near_its_end_is_a_warning(authority: Authority) -> None:
    certificate, key = authority.write_pair(not_after=now() + 3 * DAY + timedelta(minutes=1))
    tls = Tls(ServerSettings(tls_certificate=str(certificate), tls_key=str(key)))
    (warning,) = tls.warnings()
    assert "ends in 3 days" in warning
    assert abs(tls.not_after_s - (now() + 3 * DAY).timestamp()) < 120


# --- the client's side


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"certificate": b"x"}, "a client certificate and its key go together"),
        ({"key": b"x"}, "a client certificate and its key go together"),
        ({"token": "two words"}, "one word of ASCII"),
        ({"token": "skr_é"}, "one word of ASCII"),
        ({"token": "skr_a\nb"}, "one word of ASCII"),
    ],
)
async def test_what_a_client_cannot_show(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        RouterClient("127.0.0.1:1", **settings)  # type: ignore[arg-type]
    assert "skr_" not in str(caught.value)


@pytest.mark.parametrize("address", ["router.example.com:1", "10.0.0.1:1", "[2001:db8::1]:1", "127.0.0.1.evil.org:1"])
async def test_a_token_does_not_leave_the_machine_unencrypted(address: str) -> None:
    with pytest.raises(ValueError, match="unencrypted") as caught:
        RouterClient(address, token="skr_secret")
    assert "skr_secret" not in str(caught.value)
    made: list[Callable[[], RouterClient]] = [
        lambda: RouterClient(address, token="skr_secret", tls=True),
        lambda: RouterClient(address, token="skr_secret", allow_insecure=True),
        lambda: RouterClient(address),
    ]
    for make in made:
        await make().close()


@pytest.mark.parametrize("address", ["127.0.0.1:1", "[::1]:1", "localhost:1", "dns:///localhost:1", "unix:/tmp/x"])
async def test_a_token_may_go_round_this_machine(address: str) -> None:
    await RouterClient(address, token="skr_secret").close()
