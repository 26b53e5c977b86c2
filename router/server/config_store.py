"""The config that rules now: its text, its etag, and how another one takes its place.

Keeps one invariant: the text, the etag and the engine's settings belong together; a config is applied whole or not
at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from router.config import EstimateLimits, RouterConfig, parse_config
from router.config.load import read_config
from router.engine.commands import Configure
from router.engine.events import Configured
from router.engine.settings import Settings
from router.journal import ConfigText
from router.server.errors import Refusal
from router.server.shadow import Shadow
from router.server.writing.requests import Answer, Identity, Submission
from router.server.writing.work import Happening
from router.server.writing.writer import Writer

NO_LIMITS: Final = EstimateLimits()


class ConfigStore:
    """Hold the config and apply others, one at a time. Parsing is done in a thread, one text at a time.

    Routing goes on meanwhile, but shares the interpreter with it. `file_etag` is that of the config file when it was
    last applied. Learns as an observer what rules; `writer` is needed to change it.
    """

    def __init__(self, ruling: ConfigText, file_etag: str, settings: Settings, *, shadow: Shadow | None = None) -> None:
        self.ruling = ruling
        self.file_etag = file_etag
        self.settings = settings
        self.writer: Writer | None = None
        self.file_config: RouterConfig | None = None
        """The file that was reloaded last; its `[server]` and `[estimates]` take effect at the next start."""
        self._shadow = shadow
        self._known: dict[str, Mapping[str, EstimateLimits]] = {}
        self._limits: Mapping[str, EstimateLimits] = {}
        self._lock = asyncio.Lock()
        self._parsing = asyncio.Semaphore(1)

    @property
    def text(self) -> str:
        """The TOML text."""
        return self.ruling.toml

    @property
    def etag(self) -> str:
        """The digest of what the config means."""
        return self.ruling.etag

    def limits_of(self, queue: str) -> EstimateLimits:
        """Return a queue's limits on estimates."""
        return self._limits.get(queue, NO_LIMITS)

    def learn(self, config: RouterConfig) -> None:
        """Note the limits of a config that may come to rule, or rules already."""
        if config.etag == self.etag:
            self._limits = config.limits
        else:
            self._known = {config.etag: config.limits}

    def observe(self, happening: Happening) -> None:
        """Take over a config once it rules."""
        note, command = happening.note, happening.command
        if not isinstance(note, ConfigText) or not isinstance(command, Configure):
            return
        if any(type(event) is Configured for event in happening.events):
            self.ruling, self.settings = note, command.settings
            self._limits = self._known.get(note.etag, {})
            if note.from_file:
                self.file_etag = note.etag

    async def parse(self, text: str | bytes, source: str = "config") -> RouterConfig:
        """Return the config in a text. Raises `ConfigError`."""
        async with self._parsing:
            return await asyncio.to_thread(parse_config, text, source)

    async def apply(
        self,
        text: str,
        *,
        expected_etag: str = "",
        moves: Mapping[str, str] | None = None,
        identity: Identity | None = None,
        client_id: str = "",
        actor: str = "local",
    ) -> tuple[Answer, str]:
        """Apply a config and return the answer with the etag. Raises `ConfigError` or `Refusal`.

        A repeated request gets its first answer even if the config has changed again since. Once begun it goes on to
        its end, whether or not the caller still waits.
        """
        return await asyncio.shield(self._apply(text, expected_etag, dict(moves or {}), identity, client_id, actor))

    async def reload(self, path: Path) -> str | None:
        """Apply the config in a file and return its etag; None if it says what it said when it was last applied.

        Raises `ConfigError` or `Refusal`, having changed nothing.
        """
        content = await asyncio.to_thread(read_config, path)
        # what is not UTF-8 is refused by the parser, with its place
        text = content.decode("utf-8", "surrogateescape")
        async with self._lock:
            config = await self.parse(text, str(path))
            self.file_config = config
            if config.etag == self.file_etag:
                # as at a start: what was applied since, by ApplyConfig, stays
                return None
            note = ConfigText(text, config.etag, from_file=True)
            answer = await self._submit(config, Submission(Configure(config.settings), actor="file", note=note))
        if answer.refusal is not None:
            raise answer.refusal
        return config.etag

    async def _apply(
        self,
        text: str,
        expected_etag: str,
        moves: dict[str, str],
        identity: Identity | None,
        client_id: str,
        actor: str,
    ) -> tuple[Answer, str]:
        writer = self.writer
        assert writer is not None
        async with self._lock:
            repeats = identity is not None and writer.remembers(identity)
            if not repeats and expected_etag and expected_etag != self.etag:
                await writer.durable()
                raise Refusal("ETAG_MISMATCH", self.etag)
            config = await self.parse(text)
            if self._shadow is not None:
                self._shadow.check_moves(moves)
            submission = Submission(
                Configure(config.settings, moves),
                identity,
                client_id=client_id,
                actor=actor,
                note=ConfigText(text, config.etag, from_file=False),
            )
            return await self._submit(config, submission), config.etag

    async def _submit(self, config: RouterConfig, submission: Submission) -> Answer:
        assert self.writer is not None
        self.learn(config)
        if self._shadow is not None:
            return await self.writer.carry_out(self._shadow.configuring(submission))
        (answer,) = await self.writer.submit([submission])
        return answer
