"""Announcements: what is said, when, and what a program that says it may do wrong."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

import grpc
import msgspec
import pytest

from router.bridge.asterisk.announcing import Announcer, media_of, words_of
from router.bridge.asterisk.config import Announcements
from router.client import RouterError, WaitEstimate

THERE_ARE_THREE = ("sound:queue-thereare", "number:3", "sound:queue-callswaiting")


def estimate(position: int | None = 3, p80_s: float | None = 150.0, mean_s: float | None = None) -> WaitEstimate:
    return WaitEstimate(
        method="les",
        mean_us=None if mean_s is None else int(mean_s * 1e6),
        p80_us=None if p80_s is None else int(p80_s * 1e6),
        position=position,
        samples=5,
    )


def test_a_callback_is_offered_where_the_router_says_so() -> None:
    offered = msgspec.structs.replace(estimate(1), callback_offered=True)
    settings = Announcements(mode="digits", wait=False, callback="sound:press-1")
    assert media_of(offered, settings) == ("sound:queue-youarenext", "sound:press-1")
    assert media_of(estimate(1), settings) == ("sound:queue-youarenext",)
    assert media_of(offered, Announcements(mode="digits", wait=False)) == ("sound:queue-youarenext",)


@pytest.mark.parametrize(
    ("of", "settings", "media"),
    [
        (
            estimate(),
            {},
            (*THERE_ARE_THREE, "sound:queue-holdtime", "number:3", "sound:queue-minutes"),
        ),
        (estimate(1, None), {}, ("sound:queue-youarenext",)),
        (estimate(None, None, 30.0), {}, ("sound:queue-holdtime", "number:1", "sound:queue-minute")),
        (estimate(), {"position": False}, ("sound:queue-holdtime", "number:3", "sound:queue-minutes")),
        (estimate(2), {"wait": False}, ("sound:queue-thereare", "number:2", "sound:queue-callswaiting")),
        (estimate(None, None), {}, ()),
        (estimate(1, 0.0), {}, ("sound:queue-youarenext",)),
        (estimate(1, 3 * 3600.0), {}, ("sound:queue-youarenext",)),
    ],
)
def test_what_is_said(of: WaitEstimate, settings: dict[str, bool], media: tuple[str, ...]) -> None:
    assert media_of(of, Announcements(mode="digits", **settings)) == media  # type: ignore[arg-type]


def test_words() -> None:
    settings = Announcements(mode="text")
    assert words_of(estimate(), settings) == {"SKILL_ROUTER_POSITION": "3", "SKILL_ROUTER_WAIT": "150"}
    assert words_of(estimate(None, None), settings) == {"SKILL_ROUTER_POSITION": "", "SKILL_ROUTER_WAIT": ""}


class Router:
    """Answers as it is told to."""

    def __init__(self, *answers: WaitEstimate | Exception) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def wait_estimate(self, of: str) -> WaitEstimate:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


class Rig:
    """An announcer, and what it has said."""

    def __init__(self, router: Router, **settings: Any) -> None:
        self.played: list[tuple[str, tuple[str, ...]]] = []
        self.set: list[tuple[str, Mapping[str, str]]] = []
        settings = {"first_us": 1_000, "every_us": 1_000, **settings}
        self.announcer = Announcer(
            Announcements(**settings),
            router,  # type: ignore[arg-type]
            lambda call, media: self.played.append((call, media)),
            lambda channel, values: self.set.append((channel, values)),
        )

    async def until(self, number: int) -> None:
        async with asyncio.timeout(10):
            while len(self.played) + len(self.set) < number:
                await asyncio.sleep(0.002)


def refusal(reason: str) -> RouterError:
    return RouterError(grpc.StatusCode.NOT_FOUND, reason, "no")


async def test_it_is_said_again_and_again_until_the_wait_is_over() -> None:
    rig = Rig(Router(estimate(2, None), estimate(1, None)), mode="digits")
    rig.announcer.begin("a", "17.1", "loans")
    await rig.until(3)
    assert [len(media) for _, media in rig.played[:3]] == [3, 1, 1]
    rig.announcer.end("a")
    said = len(rig.played)
    await asyncio.sleep(0.02)
    assert len(rig.played) == said
    await rig.announcer.close()


async def test_text_sets_variables() -> None:
    rig = Rig(Router(estimate()), mode="text")
    rig.announcer.begin("a", "17.1", "loans")
    await rig.until(1)
    assert rig.set[0] == ("17.1", {"SKILL_ROUTER_POSITION": "3", "SKILL_ROUTER_WAIT": "150"})
    await rig.announcer.close()


async def test_where_the_router_has_no_answer_it_is_tried_again_and_where_the_call_is_over_it_ends() -> None:
    router = Router(refusal("UNAVAILABLE"), ValueError("a fault"), estimate(1), refusal("UNKNOWN_CALL"))
    rig = Rig(router, mode="digits")
    rig.announcer.begin("a", "17.1", "loans")
    await rig.until(1)
    await asyncio.sleep(0.05)
    assert router.asked == 4
    await rig.announcer.close()


async def test_off_says_nothing() -> None:
    router = Router(estimate())
    rig = Rig(router)
    rig.announcer.begin("a", "17.1", "loans")
    await asyncio.sleep(0.01)
    assert router.asked == 0


def program(text: str) -> tuple[str, ...]:
    return (sys.executable, "-c", text)


async def test_a_hook_says_what_is_played() -> None:
    text = (
        "import os; e = os.environ\n"
        "print('sound:hello'); print(); print('no media'); print('number:' + e['SKILL_ROUTER_POSITION'])\n"
        "print('sound:' + '/'.join(e['SKILL_ROUTER_' + w] for w in ('CALL', 'CHANNEL', 'QUEUE', 'WAIT')))"
    )
    rig = Rig(Router(estimate()), mode="hook", hook=program(text))
    rig.announcer.begin("a", "17.1", "loans")
    await rig.until(1)
    await rig.announcer.close()
    assert rig.played[0] == ("a", ("sound:hello", "number:3", "sound:a/17.1/loans/150"))


@pytest.mark.parametrize(
    ("hook", "words"),
    [
        (program("import sys; sys.exit(3)"), "failed with 3"),
        (program("import time; time.sleep(60)"), "took too long"),
        (("/nowhere/at/all",), "an announcement failed"),
    ],
)
async def test_a_hook_that_fails_harms_nobody(
    hook: tuple[str, ...], words: str, caplog: pytest.LogCaptureFixture
) -> None:
    rig = Rig(Router(estimate()), mode="hook", hook=hook, hook_limit_us=300_000)
    rig.announcer.begin("a", "17.1", "loans")
    async with asyncio.timeout(10):
        while words not in caplog.text:
            await asyncio.sleep(0.005)
    assert not rig.played
    await rig.announcer.close()


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        ("while True: print('sound:' + 'x' * 200)", "has printed more than 8192 bytes", 0),
        ("print('hello'); print('sound:y')", "prints what is no media, such as 'hello'", 1),
        ("print('sound:z\\n' * 20)", "wants more than 16 sounds played at a time", 16),
    ],
)
async def test_what_a_hook_prints_wrongly_is_told_once(
    text: str, words: str, said: int, caplog: pytest.LogCaptureFixture
) -> None:
    router = Router(estimate())
    rig = Rig(router, mode="hook", hook=program(text))
    rig.announcer.begin("a", "17.1", "loans")
    async with asyncio.timeout(10):
        while router.asked < 3:
            await asyncio.sleep(0.005)
    await rig.announcer.close()
    warned = [record for record in caplog.records if record.levelname == "WARNING"]
    assert len(warned) == 1
    assert words in warned[0].getMessage()
    assert {len(media) for _, media in rig.played} == ({said} if said else set())
