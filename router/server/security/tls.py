"""TLS: the server's certificate, its key and the authorities of its clients, checked before they are used.

Keeps one invariant: what is in force has made a handshake with itself. Files that cannot, change nothing.
"""

from __future__ import annotations

import os
import re
import ssl
import stat
import time
from pathlib import Path
from typing import Final, NamedTuple, NoReturn

import grpc

from router.config.model import ServerSettings
from router.server.security.listening import SecurityError

EXPIRY_WARNING_S: Final = 14 * 86_400
_EXPIRED: Final = 10  # X509_V_ERR_CERT_HAS_EXPIRED
_NOT_YET_VALID: Final = 9  # X509_V_ERR_CERT_NOT_YET_VALID
_ROUND_TRIPS_MAX: Final = 8
_FIRST_CERTIFICATE: Final = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
# how the public key of a certificate begins, for kinds that OpenSSL can do and gRPC cannot
_KEYS_NOT_SERVED: Final = {
    "Ed25519": bytes.fromhex("300506032b6570032100"),
    "Ed448": bytes.fromhex("300506032b6571033a00"),
    "ECDSA with P-521": bytes.fromhex("06052b8104002303818600"),
}


class _Material(NamedTuple):
    """What the files hold, in PEM, and until when the server's certificate is valid."""

    certificate: bytes
    key: bytes
    client_ca: bytes | None
    not_after_s: float


class Tls:
    """The TLS of one server. Connections that are there keep what they began with; new ones get what is in force."""

    def __init__(self, settings: ServerSettings) -> None:
        """Read the files that the settings name, which must name a certificate. Raises `SecurityError`."""
        self._settings = settings
        self._material = _read(settings)
        self._configuration = _configuration_of(self._material)
        self._handed_out = self._configuration

    @property
    def not_after_s(self) -> float:
        """Until when the server's certificate is valid, in seconds since the epoch."""
        return self._material.not_after_s

    def credentials(self) -> grpc.ServerCredentials:
        """Return credentials that follow what `reload` puts in force."""
        credentials: grpc.ServerCredentials = grpc.dynamic_ssl_server_credentials(
            self._configuration,
            self._fetch,  # type: ignore[arg-type]  # None is a good answer: nothing changed
            require_client_authentication=self._material.client_ca is not None,
        )
        return credentials

    def reload(self) -> bool:
        """Read the files again; new connections are made with them. Say if anything changed. Raises `SecurityError`."""
        material = _read(self._settings)
        if material == self._material:
            return False
        self._configuration, self._material = _configuration_of(material), material
        return True

    def warnings(self) -> list[str]:
        """Return what is not as it should be, though the server can work with it."""
        warnings = []
        key = Path(self._settings.tls_key)
        if key.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            warnings.append(f"tls_key {key} is open to other users of this machine; `chmod 600 {key}` closes it")
        left_s = self.not_after_s - time.time()
        if left_s < EXPIRY_WARNING_S:
            days = max(0, int(left_s // 86_400))
            warnings.append(f"tls_certificate {self._settings.tls_certificate} ends in {days} days; renew it")
        return warnings

    def _fetch(self) -> grpc.ServerCertificateConfiguration | None:
        """Return what is in force if gRPC does not have it yet; called by gRPC, in its threads, for each connection."""
        configuration = self._configuration
        if configuration is self._handed_out:
            return None
        self._handed_out = configuration
        return configuration


def _configuration_of(material: _Material) -> grpc.ServerCertificateConfiguration:
    configuration: grpc.ServerCertificateConfiguration = grpc.ssl_server_certificate_configuration(
        [(material.key, material.certificate)], material.client_ca
    )
    return configuration


def _read(settings: ServerSettings) -> _Material:
    certificate = _content("tls_certificate", settings.tls_certificate)
    key = _content("tls_key", settings.tls_key)
    client_ca = None
    if settings.tls_client_ca:
        client_ca = _content("tls_client_ca", settings.tls_client_ca)
        _check_authorities(settings.tls_client_ca, client_ca)
    not_after_s = _check_pair(settings.tls_certificate, settings.tls_key, certificate)
    if (certificate, key) != (
        _content("tls_certificate", settings.tls_certificate),
        _content("tls_key", settings.tls_key),
    ):
        raise SecurityError("tls_certificate and tls_key changed while they were read; try again")
    return _Material(certificate, key, client_ca, not_after_s)


def _content(setting: str, path: str) -> bytes:
    try:
        # pipes and devices could block for ever
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise SecurityError(f"{setting} {path} is not a regular file; a PEM file is wanted")
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise SecurityError(f"{setting}: there is no file {path}; a PEM file is wanted") from None
    except SecurityError:
        raise
    except OSError as error:
        raise SecurityError(f"{setting} {path} cannot be read: {error.strerror}; a readable file is wanted") from None


def _check_authorities(path: str, pem: bytes) -> None:
    """Refuse what holds no authority that is valid now."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=pem.decode("ascii", "replace"))
    except (ssl.SSLError, ValueError):
        raise SecurityError(f"tls_client_ca {path} holds no certificate in PEM") from None
    authorities = context.get_ca_certs()
    if not authorities:
        raise SecurityError(f"tls_client_ca {path} holds no authority; a certificate with CA:TRUE is wanted")
    if all(ssl.cert_time_to_seconds(str(authority["notAfter"])) <= time.time() for authority in authorities):
        raise SecurityError(f"tls_client_ca {path} holds only authorities that have expired; a newer one is wanted")


def _check_pair(certificate_path: str, key_path: str, certificate: bytes) -> float:
    """Refuse a certificate and key that cannot serve; return until when the certificate is valid."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        client.load_verify_locations(cadata=certificate.decode("ascii", "replace"))
    except (ssl.SSLError, ValueError):
        raise SecurityError(f"tls_certificate {certificate_path} holds no certificate in PEM") from None
    _check_kind(certificate_path, certificate)
    try:
        server.load_cert_chain(certificate_path, key_path, password=_refuse_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise SecurityError(f"tls_key {key_path} is not the key of tls_certificate {certificate_path}") from None
        raise SecurityError(f"tls_key {key_path} holds no private key in PEM that can be used") from None
    except _Encrypted:
        raise SecurityError(
            f"tls_key {key_path} is encrypted; a key without a pass phrase is wanted: `openssl pkey -in {key_path}`"
        ) from None
    try:
        return _shake_hands(server, client)
    except ssl.SSLCertVerificationError as error:
        raise SecurityError(_unfit(certificate_path, error)) from None
    except ssl.SSLError as error:
        raise SecurityError(f"tls_certificate {certificate_path} cannot be used: {error.reason}") from None


def _check_kind(path: str, certificate: bytes) -> None:
    """Refuse kinds of keys with which every handshake of gRPC would fail, without a word of why."""
    first = _FIRST_CERTIFICATE.search(certificate)
    der = ssl.PEM_cert_to_DER_cert(first[0].decode("ascii", "replace")) if first else b""
    for kind, beginning in _KEYS_NOT_SERVED.items():
        if beginning in der:
            wanted = "one with RSA, or ECDSA with P-256 or P-384, is wanted"
            raise SecurityError(f"tls_certificate {path} has a key of {kind}, which gRPC cannot use; {wanted}")


def _unfit(path: str, error: ssl.SSLCertVerificationError) -> str:
    what = {_EXPIRED: "has expired", _NOT_YET_VALID: "is not valid yet"}.get(error.verify_code)
    if what is None:
        return f"tls_certificate {path} cannot be used: {error.verify_message}"
    return f"tls_certificate {path} {what}; one that is valid now is wanted: `openssl x509 -dates -noout -in {path}`"


class _Encrypted(Exception):
    """A key asked for its pass phrase."""


def _refuse_password() -> NoReturn:
    raise _Encrypted


def _shake_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> float:
    """Let a client that trusts just this certificate connect in memory; return until when the certificate is valid."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [client.wrap_bio(to_client, to_server), server.wrap_bio(to_server, to_client, server_side=True)]
    waiting = list(sides)
    for _ in range(_ROUND_TRIPS_MAX):
        for side in list(waiting):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(side)
        if not waiting:
            break
    certificate = sides[0].getpeercert()
    assert certificate is not None, "a finished handshake has a certificate"
    return float(ssl.cert_time_to_seconds(str(certificate["notAfter"])))
