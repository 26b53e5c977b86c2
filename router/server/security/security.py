"""The security of one server: its TLS and who may do what, as the config says, checked and put in force together.

Keeps one invariant: what cannot be used leaves what is in force as it is.
"""

from __future__ import annotations

import asyncio
import logging
import stat
from pathlib import Path

import grpc

from router.config import ConfigError
from router.config.model import ServerSettings
from router.server.security.access import Access, load_access
from router.server.security.layer import SecurityLayer
from router.server.security.listening import SecurityError, check_listening
from router.server.security.tls import Tls

logger = logging.getLogger(__name__)


class Security:
    """What a server that listens at an address needs. `layer` lets callers in."""

    def __init__(self, settings: ServerSettings, listen: str, *, allow_insecure: bool = False) -> None:
        """Read the files that the settings name; paths must be resolved.

        Raises `SecurityError` for an address that is open to everybody and for TLS that cannot work, `ConfigError` for
        an access file that is not valid.
        """
        self._settings = settings
        self._reloading = asyncio.Lock()
        self._warnings = check_listening(settings, listen, allow_insecure=allow_insecure)
        self.tls = Tls(settings) if settings.tls_certificate else None
        self.layer = SecurityLayer(load_access(settings.access_file) if settings.access_file else None)

    @property
    def access(self) -> Access | None:
        """Who may do what; None: everybody everything."""
        return self.layer.access

    @property
    def certificate_end_s(self) -> float:
        """When the server's certificate ends, in seconds since the epoch; 0 without one."""
        return 0.0 if self.tls is None else self.tls.not_after_s

    def add_port(self, server: grpc.aio.Server, listen: str) -> int:
        """Let a server listen, with TLS if there is any, and return the port. Raises `RuntimeError`, as gRPC does."""
        if self.tls is None:
            return server.add_insecure_port(listen)
        return server.add_secure_port(listen, self.tls.credentials())

    def warn(self) -> None:
        """Log what is not as it should be."""
        warnings = [*self._warnings, *(self.tls.warnings() if self.tls is not None else [])]
        access, path = self.access, Path(self._settings.access_file)
        if access is not None:
            if not len(access):
                warnings.append(f"access_file {path} has no entry: nobody may do anything")
            if path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                warnings.append(f"access_file {path} can be changed by others; `chmod 600 {path}` ends that")
        self._say(warnings)

    def _say(self, warnings: list[str]) -> None:
        for warning in warnings:
            logger.warning("%s", warning)

    async def reload(self) -> None:
        """Read certificates and access file again. What is not valid is logged, and the old stays in force."""
        async with self._reloading:
            await self._reload_tls()
            await self._reload_access()

    async def _reload_tls(self) -> None:
        if self.tls is None:
            return
        path = self._settings.tls_certificate
        try:
            changed = await asyncio.to_thread(self.tls.reload)
        except SecurityError as error:
            logger.error("the old certificate stays in force: %s", error)
        else:
            if changed:
                logger.info("new connections use %s as it is now", path, extra={"event": "audit", "change": "tls"})
                self._say(self.tls.warnings())

    async def _reload_access(self) -> None:
        if self.access is None:
            return
        path = self._settings.access_file
        try:
            access = await asyncio.to_thread(load_access, path)
        except ConfigError as error:
            logger.error("the old access file stays in force; what is wrong with the new one:\n%s", error)
        else:
            self.layer.put_in_force(access)
            logger.info(
                "%s is in force, with %d entries", path, len(access), extra={"event": "audit", "change": "access"}
            )
