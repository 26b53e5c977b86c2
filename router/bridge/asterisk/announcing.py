"""Telling callers who wait their place and their time: by sounds, variables of their channel, or a program.

Keeps one invariant: a caller who no longer waits is told nothing more.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
from collections.abc import Callable, Mapping
from typing import Final

from router.bridge.asterisk.config.model import Announcements
from router.client import RouterClient, RouterError, WaitEstimate

logger = logging.getLogger(__name__)

POSITION_VARIABLE: Final = "SKILL_ROUTER_POSITION"
WAIT_VARIABLE: Final = "SKILL_ROUTER_WAIT"
OFFERED_VARIABLE: Final = "SKILL_ROUTER_CALLBACK_OFFERED"
HOOKS_MAX: Final = 8
_MEDIA_MAX: Final = 16
_OUTPUT_MAX: Final = 8_192
_DRAIN_S: Final = 0.2
_MINUTE_US: Final = 60_000_000
_MINUTES_MAX: Final = 120
_OVER: Final = ("UNKNOWN_CALL", "CALL_FINISHED")

Play = Callable[[str, tuple[str, ...]], None]
SetVariables = Callable[[str, Mapping[str, str]], None]


class Announcer:
    """A task for each caller who waits. `play` is given a call and media, `set_variables` a channel and values."""

    def __init__(self, settings: Announcements, client: RouterClient, play: Play, set_variables: SetVariables) -> None:
        self._settings = settings
        self._client = client
        self._play = play
        self._set_variables = set_variables
        self._callers: dict[str, asyncio.Task[None]] = {}
        self._hooks = asyncio.Semaphore(HOOKS_MAX)
        self._complaints: set[str] = set()

    def begin(self, call: str, channel: str, queue: str) -> None:
        """A caller waits from now on."""
        if self._settings.mode == "off":
            return
        self.end(call)
        self._callers[call] = asyncio.create_task(self._tell(call, channel, queue), name=f"announcements to {call}")

    def end(self, call: str) -> None:
        """A caller waits no longer."""
        task = self._callers.pop(call, None)
        if task is not None:
            task.cancel()

    async def close(self) -> None:
        """Tell nobody anything any more."""
        tasks = list(self._callers.values())
        for call in list(self._callers):
            self.end(call)
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _tell(self, call: str, channel: str, queue: str) -> None:
        pause_us = self._settings.first_us
        while True:
            await asyncio.sleep(pause_us / 1_000_000)
            pause_us = self._settings.every_us
            try:
                await self._tell_once(call, channel, queue)
            except RouterError as error:
                if error.reason in _OVER:
                    return
                logger.debug("no announcement: %s", error, extra={"call": call})
            except Exception:
                logger.exception("an announcement failed", extra={"call": call})

    async def _tell_once(self, call: str, channel: str, queue: str) -> None:
        estimate = await self._client.wait_estimate(call)
        match self._settings.mode:
            case "digits":
                media = media_of(estimate, self._settings)
            case "hook":
                media = await self._run_hook(call, channel, queue, estimate)
            case _:
                self._set_variables(channel, words_of(estimate, self._settings))
                return
        if media:
            self._play(call, media)

    async def _run_hook(self, call: str, channel: str, queue: str, estimate: WaitEstimate) -> tuple[str, ...]:
        """Return what the program says is to be played: a line of its output for each."""
        known = {"SKILL_ROUTER_CALL": call, "SKILL_ROUTER_CHANNEL": channel, "SKILL_ROUTER_QUEUE": queue}
        offered = {OFFERED_VARIABLE: "1" if estimate.callback_offered else ""}
        environment = os.environ | known | offered | words_of(estimate, self._settings)
        async with self._hooks:
            process = await asyncio.create_subprocess_exec(
                *self._settings.hook,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                env=environment,
            )
            try:
                async with asyncio.timeout(self._settings.hook_limit_us / 1_000_000):
                    output = await _read(process)
            except TimeoutError:
                logger.warning("the announcement hook took too long and was ended", extra={"call": call})
                return ()
            finally:
                if process.returncode is None:
                    with contextlib.suppress(ProcessLookupError):
                        process.kill()
                    await process.wait()
                    await _drain(process)
        if output is None:
            self._complain(f"has printed more than {_OUTPUT_MAX} bytes, and is not listened to", call)
            return ()
        if process.returncode:
            logger.warning("the announcement hook failed with %d", process.returncode, extra={"call": call})
            return ()
        return self._media(output.decode(errors="replace"), call)

    def _media(self, output: str, call: str) -> tuple[str, ...]:
        """Return the media among lines of a program."""
        lines = [line.strip() for line in output.splitlines() if line.strip()]
        media = [line for line in lines if ":" in line]
        if len(media) < len(lines):
            odd = next(line for line in lines if ":" not in line)
            self._complain(f"prints what is no media, such as {odd[:100]!r}; that is passed over", call)
        if len(media) > _MEDIA_MAX:
            self._complain(f"wants more than {_MEDIA_MAX} sounds played at a time; the rest is passed over", call)
        return tuple(media[:_MEDIA_MAX])

    def _complain(self, what: str, call: str) -> None:
        """Say what a program does wrong; it does it for each call, and is told once."""
        kind = what.partition(",")[0]
        level = logging.DEBUG if kind in self._complaints else logging.WARNING
        self._complaints.add(kind)
        logger.log(level, "the announcement hook %s", what, extra={"call": call})


async def _drain(process: asyncio.subprocess.Process) -> None:
    """Read what is left in a program's pipe, so that it is closed; it may be held open by what the program started."""
    assert process.stdout is not None
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_S):
            while await process.stdout.read(_OUTPUT_MAX):
                pass


async def _read(process: asyncio.subprocess.Process) -> bytes | None:
    """Return what a program prints once it has ended; None if that is too much, and then it may not have ended."""
    assert process.stdout is not None
    output = b""
    while part := await process.stdout.read(_OUTPUT_MAX + 1 - len(output)):
        output += part
        if len(output) > _OUTPUT_MAX:
            return None
    await process.wait()
    return output


def wait_us_of(estimate: WaitEstimate) -> int | None:
    """Return the time to tell: four of five wait no longer; the mean where no more is known; None if nothing is."""
    return estimate.mean_us if estimate.p80_us is None else estimate.p80_us


def media_of(estimate: WaitEstimate, settings: Announcements) -> tuple[str, ...]:
    """Return the sounds that Asterisk's own queue uses, with numbers between them."""
    media: list[str] = []
    if settings.position and estimate.position is not None:
        if estimate.position == 1:
            media.append("sound:queue-youarenext")
        else:
            media += ["sound:queue-thereare", f"number:{estimate.position}", "sound:queue-callswaiting"]
    wait_us = wait_us_of(estimate)
    if settings.wait and wait_us is not None:
        minutes = math.ceil(wait_us / _MINUTE_US)
        if 1 <= minutes <= _MINUTES_MAX:
            media += ["sound:queue-holdtime", f"number:{minutes}", f"sound:queue-minute{'s' if minutes > 1 else ''}"]
    if settings.callback and estimate.callback_offered:
        media.append(settings.callback)
    return tuple(media)


def words_of(estimate: WaitEstimate, settings: Announcements) -> dict[str, str]:
    """Return the same as variables: the place, and the time in seconds; empty where it is not known."""
    wait_us = wait_us_of(estimate)
    words = {}
    if settings.position:
        words[POSITION_VARIABLE] = "" if estimate.position is None else str(estimate.position)
    if settings.wait:
        words[WAIT_VARIABLE] = "" if wait_us is None else str(math.ceil(wait_us / 1_000_000))
    return words
