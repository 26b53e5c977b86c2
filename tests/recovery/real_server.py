"""`skill-router serve` as a process that may be killed, started again on the same port, and given a bad disk.

Keeps one invariant: the process is gone when the `with` block is left, whatever happened in it.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import psutil

START_S_MAX = 60.0
_ANNOUNCED = re.compile(r"^listening on (\S+)$", re.MULTILINE)
_LOOK_S = 0.005


class NotStarted(AssertionError):
    """The server ended before it listened. `code` is its exit code, `log` what it said."""

    def __init__(self, code: int, log: str) -> None:
        super().__init__(f"the server ended with exit code {code} before it listened:\n{log}")
        self.code = code
        self.log = log


def free_port() -> int:
    """Return a loopback port that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class RealServer:
    """A server of one config, data directory and port, started as often as wanted; all its runs share one log.

    With `in_memory` it has no data directory.
    """

    def __init__(
        self, folder: Path, config: str, *, arguments: Sequence[str] = (), port: int = 0, in_memory: bool = False
    ) -> None:
        self.data_dir = folder / "data"
        self.config = folder / "router.toml"
        self.config.write_text(config)
        self.log_path = folder / "server.log"
        self.address = f"127.0.0.1:{port or free_port()}"
        self._arguments = [*arguments, *([] if in_memory else ["--data-dir", str(self.data_dir)])]
        self._process: subprocess.Popen[bytes] | None = None
        self._said = 0

    def __enter__(self) -> RealServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The present process, or the last one."""
        assert self._process is not None, "the server was never started"
        return self._process

    @property
    def log(self) -> str:
        """What the present run has said."""
        return self.log_path.read_bytes()[self._said :].decode("utf-8", "replace")

    @property
    def memory_bytes(self) -> int:
        """Resident memory of the process."""
        resident: int = psutil.Process(self.process.pid).memory_info().rss
        return resident

    def launch(self, environment: Mapping[str, str] | None = None) -> None:
        """Start a process without waiting for it."""
        self._said = self.log_path.stat().st_size if self.log_path.exists() else 0
        arguments = ["--config", str(self.config), "--listen", self.address]
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "router.cli", "serve", *arguments, *self._arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1", **(environment or {})},
            )

    def await_listening(self) -> str:
        """Return the address once the server listens. Raises `NotStarted`."""
        until = time.monotonic() + START_S_MAX
        while time.monotonic() < until:
            if _ANNOUNCED.search(self.log):
                return self.address
            if (code := self.process.poll()) is not None:
                raise NotStarted(code, self.log)
            time.sleep(_LOOK_S)
        self.kill()
        raise NotStarted(self.process.returncode, f"{self.log}\n(nothing within {START_S_MAX:.0f} s)")

    def start(self, environment: Mapping[str, str] | None = None) -> str:
        """Start a process and return its address once it listens. Raises `NotStarted`."""
        self.launch(environment)
        return self.await_listening()

    def kill(self) -> None:
        """End the process at once, as a power cut would (but what the kernel has stays)."""
        self.process.kill()
        self.process.wait()

    def abort(self) -> str:
        """End a process that does not answer, and return what it says of where its threads are."""
        self.process.send_signal(signal.SIGABRT)
        self.process.wait()
        return self.log

    def end(self, timeout_s: float = 30.0) -> int:
        """Ask the process to end, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout_s)

    def verify(self) -> str:
        """Return what `journal verify` says of the data directory. Raises `AssertionError` if anything is wrong."""
        command = [sys.executable, "-m", "router.cli", "journal", "verify", str(self.data_dir)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, f"journal verify ends with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout
