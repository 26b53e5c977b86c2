"""A config is applied whole or not at all, whoever stops waiting for it, and a retry never undoes another's change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from router.config import parse_config
from router.server.clock import Clock
from router.server.errors import Refusal
from router.server.shell import Shell, new_shell
from router.server.writing.requests import Identity

FIRST = "[queues.q]\n"
SECOND = "[queues.q]\n[queues.new]\n"
THIRD = "[queues.q]\n[queues.newer]\n"


@pytest.fixture
async def shell(request: pytest.FixtureRequest) -> AsyncIterator[Shell]:
    text = getattr(request, "param", FIRST)
    config = parse_config(text, "first")
    shell = new_shell(config, text, Clock())
    writing = asyncio.create_task(shell.writer.run())
    yield shell
    shell.writer.stop()
    await writing


async def test_a_caller_who_stops_waiting_leaves_nothing_half_applied(shell: Shell) -> None:
    applying = asyncio.create_task(shell.configs.apply(SECOND))
    await asyncio.sleep(0)
    applying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await applying
    async with asyncio.timeout(10):
        while shell.configs.text == FIRST:
            await asyncio.sleep(0.01)
    assert shell.configs.text == SECOND
    assert shell.configs.etag == parse_config(SECOND, "second").etag
    assert shell.configs.settings == shell.engine.settings


@pytest.mark.parametrize("shell", ["[engine]\nrequests_max = 1\n" + FIRST], indirect=True)
async def test_a_retry_that_is_forgotten_minds_the_etag(shell: Shell) -> None:
    etag = shell.configs.etag
    once = "[engine]\nrequests_max = 1\n"
    first, second = (Identity("web", name, name.encode() * 4) for name in ("r1", "r2"))
    await shell.configs.apply(once + SECOND, expected_etag=etag, identity=first)
    answer, _ = await shell.configs.apply(once + SECOND, expected_etag=etag, identity=first)
    assert answer.result is not None
    assert answer.result.repeated
    await shell.configs.apply(once + THIRD, identity=second)
    with pytest.raises(Refusal, match=shell.configs.etag):
        await shell.configs.apply(once + SECOND, expected_etag=etag, identity=first)
    assert shell.configs.text == once + THIRD


async def test_a_file_that_has_not_changed_undoes_nobodys_change(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "router.toml"
    path.write_text(FIRST + "# only the text differs\n")
    await shell.configs.apply(SECOND)
    assert await shell.configs.reload(path) is None
    assert shell.configs.text == SECOND
    path.write_text(THIRD)
    assert await shell.configs.reload(path) == parse_config(THIRD, "third").etag
    assert shell.configs.text == THIRD
    sequence = shell.engine.sequence
    assert await shell.configs.reload(path) is None
    assert shell.engine.sequence == sequence
