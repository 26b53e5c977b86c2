"""What the security's tests share: authorities and certificates, access files, servers with both, and callers."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme

from router.client import RouterClient
from router.server.security.access import digest_of
from router.server.security.roles import Role
from router.server.server import RouterServer
from tests.server.support import CONFIG, running

TOKENS: Mapping[str, str] = {role.value: f"skr_{role.value}_{'x' * 32}" for role in Role}
"""A token for each role, whose principal has the role's name."""


needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the command openssl")


class Authority:
    """A certificate authority, and the files that it fills."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._ca = trustme.CA()

    @property
    def pem(self) -> bytes:
        return self._ca.cert_pem.bytes()

    def write(self, name: str = "ca.pem") -> Path:
        """Write the authority's own certificate."""
        path = self._directory / name
        path.write_bytes(self.pem)
        return path

    def issue(self, *names: str, common_name: str | None = None, **dates: Any) -> tuple[bytes, bytes]:
        """Return a certificate chain and its key, in PEM."""
        issued = self._ca.issue_cert(*names, common_name=common_name, **dates)
        return b"".join(pem.bytes() for pem in issued.cert_chain_pems), issued.private_key_pem.bytes()

    def write_pair(self, stem: str = "server", *names: str, **settings: Any) -> tuple[Path, Path]:
        """Issue a certificate, by default for this machine, and write it and its key, readable by us only."""
        certificate, key = self.issue(*(names or ("localhost", "127.0.0.1")), **settings)
        paths = self._directory / f"{stem}.pem", self._directory / f"{stem}.key"
        paths[0].write_bytes(certificate)
        paths[1].write_bytes(key)
        paths[1].chmod(0o600)
        return paths


def token_entry(name: str, role: str, token: str, more: str = "") -> str:
    """Return a [[token]] of an access file."""
    return f'[[token]]\nname = "{name}"\nrole = "{role}"\nsha256 = "{digest_of(token).hex()}"\n{more}\n'


def write_access(path: Path, *entries: str) -> Path:
    """Write an access file that only we can change: with these entries, or else with `TOKENS`."""
    texts = entries or tuple(token_entry(role, role, token) for role, token in TOKENS.items())
    path.write_text("# who may do what\n" + "\n".join(texts))
    path.chmod(0o600)
    return path


def config_with(**settings: object) -> str:
    """Return the tests' config with more in [server]."""
    lines = "\n".join(f'{name} = "{value}"' for name, value in settings.items())
    return CONFIG.replace("[server]", f"[server]\n{lines}")


@asynccontextmanager
async def guarded(path: Path, *entries: str, **settings: object) -> AsyncIterator[RouterServer]:
    """Run a server in this process with an access file in a directory, without TLS unless told otherwise."""
    access = write_access(path / "access.toml", *entries)
    async with running(config_with(access_file=access, **settings)) as server:
        yield server


def caller(server: RouterServer, token: str = "", **settings: Any) -> RouterClient:
    """Return a client of a server in this process, with a token."""
    return RouterClient(f"127.0.0.1:{server.port}", token=token, **settings)


async def failure(client: RouterClient) -> grpc.aio.AioRpcError:
    """Return how a connection fails that must."""
    call: Any = client._channel.unary_unary("/grpc.health.v1.Health/Check", None, None)
    try:
        await call(b"", timeout=5)
    except grpc.aio.AioRpcError as error:
        return error
    raise AssertionError("it was let in")
