"""The example runs against a real server with the config that `init-config` writes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from router.config import default_config_text
from tests.server.support import ServerProcess

ROOT = Path(__file__).resolve().parents[2]


def run_example(address: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "examples" / "simple_acd.py"), "--server", address],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def test_the_simple_acd_handles_every_call(tmp_path: Path) -> None:
    config = tmp_path / "router.toml"
    config.write_text(default_config_text())
    process = ServerProcess(config, "--listen", "127.0.0.1:0")
    address = process.await_listening()
    try:
        # twice: neither call ids nor agents stand in the way of the second run
        runs = [run_example(address) for _ in range(2)]
    finally:
        code, errors = process.end()
    for example in runs:
        assert example.returncode == 0, example.stderr
        assert example.stdout.count(" is over after ") == 5
        assert re.search(r"ben rejects caller-2-\w+ \(not at the desk\); it keeps its place", example.stdout)
        assert re.search(r"caller-6-\w+ gave up", example.stdout)
        assert "expected wait: none (immediate)" in example.stdout
        assert re.search(r"Why did (call|agent) \S+ get \S+, not \S+\? Decided by \w+:", example.stdout)
        assert re.search(r"has a total of \d+\.\d+, \S+ of \d+\.\d+", example.stdout)
    assert "expected wait: too early to say" in runs[0].stdout
    assert re.search(r"expected wait: \d+\.\d s \((qlm|les), from \d+ calls\)", runs[1].stdout)
    assert (code, "Traceback" in errors) == (0, False)


def test_the_simple_acd_does_not_hang_when_the_server_ends(tmp_path: Path) -> None:
    config = tmp_path / "router.toml"
    config.write_text(default_config_text())
    process = ServerProcess(config, "--listen", "127.0.0.1:0")
    address = process.await_listening()
    process.end()
    example = run_example(address)
    assert (example.returncode, "Traceback" in example.stderr) == (1, False)
    assert "UNAVAILABLE" in example.stderr


def test_the_simple_acd_ends_what_a_killed_run_left_behind(tmp_path: Path) -> None:
    config = tmp_path / "router.toml"
    config.write_text(default_config_text())
    process = ServerProcess(config, "--listen", "127.0.0.1:0")
    address = process.await_listening()
    try:
        command = [sys.executable, "-u", str(ROOT / "examples" / "simple_acd.py"), "--server", address]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as killed:
            assert killed.stdout is not None
            while " talks with " not in (line := killed.stdout.readline()):
                assert line, "it ended before anybody talked"
            killed.kill()
        example = run_example(address)
    finally:
        process.end()
    assert example.returncode == 0, example.stderr
    assert example.stdout.count("AGENT_GONE: the router had ") == 2
    assert re.search(r"CALL_ENDED: the router had caller-\d-\w+ with (ada|ben)", example.stdout)
    assert example.stdout.count(" is over after ") >= 5
