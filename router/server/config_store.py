"""The config that rules now: its text, its etag, and how another one takes its place.

Keeps one invariant: the text, the etag and the engine's settings belong together; a config is applied whole or not
at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from router.config import RouterConfig, parse_config
from router.config.load import read_config
from router.engine.commands import Configure
from router.server.errors import Refusal
from router.server.requests import Answer, Identity, Submission
from router.server.writer import Writer


class ConfigStore:
    """Hold the config and apply others, one at a time. Parsing is done in a thread, one text at a time.

    Routing goes on meanwhile, but shares the interpreter with it.
    """

    def __init__(self, config: RouterConfig, text: str, writer: Writer) -> None:
        self.config = config
        self.text = text
        self._writer = writer
        self._lock = asyncio.Lock()
        self._parsing = asyncio.Semaphore(1)

    async def parse(self, text: str | bytes, source: str = "config") -> RouterConfig:
        """Return the config in a text. Raises `ConfigError`."""
        async with self._parsing:
            return await asyncio.to_thread(parse_config, text, source)

    async def apply(
        self,
        text: str,
        *,
        source: str = "config",
        expected_etag: str = "",
        moves: Mapping[str, str] | None = None,
        identity: Identity | None = None,
    ) -> tuple[Answer, str]:
        """Apply a config and return the answer with the etag. Raises `ConfigError` or `Refusal`.

        A repeated request gets its first answer even if the config has changed again since. Once begun it goes on to
        its end, whether or not the caller still waits.
        """
        return await asyncio.shield(self._apply(text, source, expected_etag, dict(moves or {}), identity))

    async def _apply(
        self, text: str, source: str, expected_etag: str, moves: Mapping[str, str], identity: Identity | None
    ) -> tuple[Answer, str]:
        async with self._lock:
            repeats = identity is not None and self._writer.remembers(identity)
            if not repeats and expected_etag and expected_etag != self.config.etag:
                raise Refusal("ETAG_MISMATCH", self.config.etag)
            config = await self.parse(text, source)
            (answer,) = await self._writer.submit([Submission(Configure(config.settings, moves), identity)])
            if answer.result is not None and not answer.result.repeated:
                self.config, self.text = config, text
            return answer, config.etag

    async def reload(self, path: Path) -> str:
        """Apply the config in a file and return its etag. Raises `ConfigError` or `Refusal`, having changed nothing."""
        content = await asyncio.to_thread(read_config, path)
        # what is not UTF-8 is refused by the parser, with its place
        answer, etag = await self.apply(content.decode("utf-8", "surrogateescape"), source=str(path))
        if answer.refusal is not None:
            raise answer.refusal
        return etag
