"""The two that are measured in turns: a bare echo server, and ours with its journal."""

from __future__ import annotations

import re
import subprocess
import sys
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from router.journal import SqliteJournal
from tests.recovery.real_server import RealServer


class EchoServer:
    """`bench.wire.echo` as a process, gone when the `with` block is left."""

    def __init__(self, loop: str = "uvloop") -> None:
        command = [sys.executable, "-m", "bench.wire.echo", loop]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
        assert self.process.stdout is not None
        self.address = f"127.0.0.1:{int(self.process.stdout.readline())}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


class Router(RealServer):
    """A server with a journal and metrics that counts the commands it was sent."""

    def __init__(self, folder: Path, config: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder, config, arguments=("--metrics-listen", "127.0.0.1:0"))
        self.sent = 0
        self._own = 0

    def __enter__(self) -> Self:
        return self

    def begin(self) -> None:
        """Start; what the server has in its journal by now is its own."""
        self.start()
        self._own = round(self.metric("durable_sequence"))

    def metric(self, name: str) -> float:
        """Return a metric, named with its labels if it has any."""
        (url,) = re.findall(r"^metrics on (http\S+)$", self.log, re.MULTILINE)
        text = urllib.request.urlopen(url, timeout=30).read().decode()
        (value,) = re.findall(rf"^skill_router_{re.escape(name)} (\S+)$", text, re.MULTILINE)
        return float(value)

    def check(self) -> None:
        """End, and hold the journal against what was sent: every command, and whole."""
        assert self.metric("durable_sequence") == self._own + self.sent
        assert self.end() == 0
        journal = SqliteJournal.open(self.data_dir, read_only=True)
        assert journal.last_sequence == self._own + self.sent
        journal.close()
        self.verify()


def processor_s(process: subprocess.Popen[bytes] | subprocess.Popen[str]) -> float:
    """Return the processor's time that a process has had, of all its threads."""
    times = psutil.Process(process.pid).cpu_times()
    return float(times.user + times.system)
