"""The config that rules now: its text, its etag, and how another one takes its place.

Keeps one invariant: the text, the etag and the engine's settings belong together; a config is applied whole or not
at all.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from router.config import RouterConfig, parse_config
from router.config.load import read_config
from router.engine.commands import Configure
from router.server.errors import Refusal
from router.server.requests import Answer, Identity, Submission
from router.server.writer import Writer

_REMEMBERED_MAX = 1_024


@dataclass(frozen=True, slots=True)
class _Applied:
    content: bytes
    config: RouterConfig


class ConfigStore:
    """Hold the config and apply others, one at a time. Parsing is done in a thread, so routing goes on meanwhile."""

    def __init__(self, config: RouterConfig, text: str, writer: Writer) -> None:
        self.config = config
        self.text = text
        self._writer = writer
        self._lock = asyncio.Lock()
        self._applied: OrderedDict[tuple[str, str], _Applied] = OrderedDict()

    async def parse(self, text: str | bytes, source: str = "config") -> RouterConfig:
        """Return the config in a text. Raises `ConfigError`."""
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

        A repeated request gets its first answer even if the config has changed again since.
        """
        async with self._lock:
            earlier = self._earlier(identity)
            if earlier is None and expected_etag and expected_etag != self.config.etag:
                raise Refusal("ETAG_MISMATCH", self.config.etag)
            config = await self.parse(text, source) if earlier is None else earlier
            command = Configure(config.settings, dict(moves or {}))
            (answer,) = await self._writer.submit([Submission(command, identity)])
            if answer.result is not None and not answer.result.repeated:
                self.config, self.text = config, text
                self._remember(identity, config)
            return answer, config.etag

    async def reload(self, path: Path) -> str:
        """Apply the config in a file and return its etag. Raises `ConfigError` or `Refusal`, having changed nothing."""
        content = await asyncio.to_thread(read_config, path)
        # what is not UTF-8 is refused by the parser, with its place
        answer, etag = await self.apply(content.decode("utf-8", "surrogateescape"), source=str(path))
        if answer.refusal is not None:
            raise answer.refusal
        return etag

    def _earlier(self, identity: Identity | None) -> RouterConfig | None:
        applied = self._applied.get((identity.client, identity.request_id)) if identity else None
        return applied.config if applied and identity and applied.content == identity.content else None

    def _remember(self, identity: Identity | None, config: RouterConfig) -> None:
        if identity is not None:
            self._applied[identity.client, identity.request_id] = _Applied(identity.content, config)
            if len(self._applied) > _REMEMBERED_MAX:
                self._applied.popitem(last=False)
