"""The example runs against a real server with the config that `init-config` writes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from router.config import default_config_text
from tests.server.support import ServerProcess

ROOT = Path(__file__).resolve().parents[2]


def test_the_simple_acd_handles_every_call(tmp_path: Path) -> None:
    config = tmp_path / "router.toml"
    config.write_text(default_config_text())
    process = ServerProcess(config, "--listen", "127.0.0.1:0")
    address = process.await_listening()
    try:
        example = subprocess.run(
            [sys.executable, str(ROOT / "examples" / "simple_acd.py"), "--server", address],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
    finally:
        code, errors = process.end()
    assert example.returncode == 0, example.stderr
    assert example.stdout.count(" is over after ") == 5
    assert "ben rejects caller-2 (not at the desk); it keeps its place" in example.stdout
    assert "caller-6 gave up" in example.stdout
    assert "Why did caller-1 go where it went?" in example.stdout
    assert (code, "Traceback" in errors) == (0, False)
