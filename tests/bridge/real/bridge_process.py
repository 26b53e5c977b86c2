"""`skill-router bridge asterisk` as a process that may be killed and started again."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

START_S = 30.0
_METRICS = re.compile(r"metrics on (http://\S+)/metrics")


class RealBridge:
    """A bridge of one config, started as often as wanted; all its runs share one log."""

    def __init__(self, folder: Path, config: str, password: str, log_level: str = "debug") -> None:
        self.config = folder / "bridge.toml"
        self.config.write_text(config)
        self.log_path = folder / "bridge.log"
        self._log_level = log_level
        self._environment = {**os.environ, "ARI_PASSWORD": password, "PYTHONUNBUFFERED": "1"}
        self._process: subprocess.Popen[bytes] | None = None
        self._said = 0
        self._url = ""

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """What all runs have said."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def begin(self) -> None:
        """Start it, and do not wait."""
        self._said = len(self.log)
        command = [sys.executable, "-m", "router.cli", "bridge", "asterisk", "--config", str(self.config)]
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--metrics-listen", "127.0.0.1:0", "--log-level", self._log_level],
                stdout=log,
                stderr=log,
                env=self._environment,
            )
        self._url = ""

    def await_ready(self) -> None:
        """Wait until calls can be served."""
        until_s = time.monotonic() + START_S
        while not self.is_ready():
            assert self._process is not None
            if self._process.poll() is not None or time.monotonic() > until_s:
                raise AssertionError(f"the bridge is not ready:\n{self.log[self._said :]}")
            time.sleep(0.02)

    def start(self) -> None:
        self.begin()
        self.await_ready()

    def is_ready(self) -> bool:
        """Say what its own /readyz says."""
        try:
            return self._get("/readyz") == "ok\n"
        except (urllib.error.URLError, OSError):
            return False

    def metrics(self) -> dict[str, float]:
        """Return all its metrics, by name and labels."""
        lines = (line.rpartition(" ") for line in self._get("/metrics").splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in lines}

    def _get(self, path: str) -> str:
        if not self._url:
            found = _METRICS.search(self.log[self._said :])
            if found is None:
                raise OSError("it does not listen yet")
            self._url = found[1]
        with urllib.request.urlopen(self._url + path, timeout=5) as answer:
            return str(answer.read().decode())

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, and return the exit code."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(number)
        try:
            return process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    def kill(self) -> None:
        """End it without order."""
        self.end(signal.SIGKILL)

    def ended(self) -> int:
        """Wait until it ends by itself, and return the exit code."""
        assert self._process is not None
        code = self._process.wait(timeout=20)
        self._process = None
        return code
