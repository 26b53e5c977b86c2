"""A `skill-router serve` in a process of its own, on a free loopback port, for as long as it is needed."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import rich_click as click

ANNOUNCEMENT = re.compile(r"^listening on (\S+)$", re.MULTILINE)
START_SECONDS_MAX = 20.0
STOP_SECONDS_MAX = 5.0


class ServerFailed(click.ClickException):
    """The server did not start, or stopped before its time. Carries what it said last."""

    def __init__(self, what: str, log: str) -> None:
        said = "\n".join(log.strip().splitlines()[-15:])
        super().__init__(f"{what}\n{said}" if said else what)


@contextlib.contextmanager
def serving(config: Path, *, clock_speed: float = 1.0) -> Iterator[str]:
    """Start a server with a config, yield its address once it listens, and stop it. Raises `ServerFailed`."""
    arguments = ["serve", "--config", str(config), "--listen", "127.0.0.1:0", "--clock-speed", str(clock_speed)]
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "router.cli", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        try:
            yield _await_address(process, log.fileno())
            if process.poll() is not None:
                raise ServerFailed(
                    f"the server stopped by itself with exit code {process.returncode}", _read(log.fileno())
                )
        finally:
            _stop(process)


def _await_address(process: subprocess.Popen[bytes], log: int) -> str:
    """Return the address that the server announces."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        if (said := ANNOUNCEMENT.search(_read(log))) is not None:
            return said[1]
        if process.poll() is not None:
            raise ServerFailed(f"the server did not start: exit code {process.returncode}", _read(log))
        time.sleep(0.05)
    raise ServerFailed(f"the server did not listen within {START_SECONDS_MAX:.0f} s", _read(log))


def _read(log: int) -> str:
    size = os.fstat(log).st_size
    return os.pread(log, size, 0).decode("utf-8", "replace")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
