"""`skill-router bridge asterisk`: its options, its errors, and a life as a process."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from router.bridge.asterisk.config import example_text
from router.cli.main import main
from tests.bridge.ari_stand_in import PASSWORD, AriStandIn
from tests.bridge.whole import BRIDGE, ROUTER
from tests.server.support import client_of, running


def invoke(*arguments: str, **environment: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["bridge", "asterisk", *arguments], env=environment)
    return result.exit_code, result.output


def run_process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "router.cli", "bridge", "asterisk", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env=os.environ | environment
    )


def test_help_says_what_it_does() -> None:
    code, output = invoke("--help")
    assert code == 0
    assert "docs/asterisk.md" in output
    assert "--print-config" in output
    assert "3 another bridge took over" in " ".join(output.split())


def test_print_config_prints_the_example() -> None:
    assert invoke("--print-config") == (0, example_text())


def test_without_a_config_it_was_called_wrongly() -> None:
    code, output = invoke()
    assert code == 2
    assert "--config FILE is wanted" in output


def test_check_tells_every_problem_and_starts_nothing(tmp_path: Path) -> None:
    path = tmp_path / "bridge.toml"
    path.write_text('[ari]\nusr = "x"\n')
    done = run_process("--config", str(path), "--check")
    assert done.returncode == 1
    assert "did you mean user?" in done.stderr
    assert "3 problems; the bridge was not started" in done.stderr
    path.write_text(example_text())
    done = run_process("--config", str(path), "--check", ARI_PASSWORD="x")
    assert (done.returncode, done.stdout) == (0, f"{path}: valid\n")


def test_without_the_extra_it_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['aiohttp'] = None\n"
        "from router.cli.main import main\n"
        "main(['bridge', 'asterisk', '--config', 'x'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "pip install 'skill-router[asterisk]'" in done.stderr
    assert "Traceback" not in done.stderr


class BridgeProcess:
    """A bridge in a process of its own."""

    def __init__(self, config: Path, log: Path) -> None:
        self._command = [sys.executable, "-m", "router.cli", "bridge", "asterisk", "--config", str(config)]
        self._command += ["--metrics-listen", "127.0.0.1:0", "--log-format", "json"]
        self._log = log
        self.process: asyncio.subprocess.Process

    async def start(self) -> str:
        """Start it, and return the address of its metrics."""
        with self._log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self._command, stdout=asyncio.subprocess.PIPE, stderr=log, env=os.environ | {"PASSWORD": PASSWORD}
            )
        assert self.process.stdout is not None
        line = (await asyncio.wait_for(self.process.stdout.readline(), 20)).decode()
        match = re.fullmatch(r"metrics on (http://\S+)/metrics\n", line)
        assert match is not None, line + self.log
        return match[1]

    async def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), 10)

    @property
    def log(self) -> str:
        return self._log.read_text()


async def fetch(url: str) -> tuple[int, str]:
    # curl's work, without a dependency of the tests
    import aiohttp

    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.text()


async def until_ready(address: str) -> None:
    async with asyncio.timeout(10):
        while (await fetch(f"{address}/readyz"))[0] != 200:
            await asyncio.sleep(0.05)


async def test_a_process_serves_calls_dies_and_goes_on(tmp_path: Path) -> None:
    async with AriStandIn(seed=2) as pbx, running(ROUTER) as server, client_of(server) as client:
        config = tmp_path / "bridge.toml"
        config.write_text(BRIDGE.replace("URL", pbx.url).replace("ADDRESS", f"127.0.0.1:{server.port}"))
        bridge = BridgeProcess(config, tmp_path / "log")
        address = await bridge.start()
        assert await fetch(f"{address}/healthz") == (200, "ok\n")
        await until_ready(address)
        caller = pbx.dial_in(args=("in", "loans"))
        await pbx.until(lambda: caller.has_music)
        assert 'calls_now{state="waiting"} 1.0' in (await fetch(f"{address}/metrics"))[1]

        assert await bridge.end(signal.SIGKILL) == -signal.SIGKILL
        assert not caller.is_gone
        pbx.hang_up(caller)
        late = pbx.dial_in(args=("in", "loans"))
        assert late.went_to == {}, "nobody is there: the dialplan goes on"

        await until_ready(await bridge.start())
        assert (await client.call(f"asterisk-{caller.id}")).state.name == "ABANDONED"
        assert await bridge.end(signal.SIGTERM) == 0
        assert f'"call": "asterisk-{caller.id}"' in bridge.log
        assert "Traceback" not in bridge.log


async def test_one_whose_application_is_taken_ends_with_a_code_of_its_own(tmp_path: Path) -> None:
    async with AriStandIn() as pbx, running(ROUTER) as server:
        config = tmp_path / "bridge.toml"
        config.write_text(BRIDGE.replace("URL", pbx.url).replace("ADDRESS", f"127.0.0.1:{server.port}"))
        first, second = BridgeProcess(config, tmp_path / "first"), BridgeProcess(config, tmp_path / "second")
        await until_ready(await first.start())
        await until_ready(await second.start())
        assert await asyncio.wait_for(first.process.wait(), 10) == 3
        assert "another program has taken over" in first.log
        assert await second.end(signal.SIGINT) == 0
    unit = (Path(__file__).parents[2] / "examples/asterisk/skill-router-bridge.service").read_text()
    assert "RestartPreventExitStatus=3\n" in unit


async def test_an_address_that_is_taken_is_told(tmp_path: Path) -> None:
    async with AriStandIn() as pbx:
        config = tmp_path / "bridge.toml"
        config.write_text(BRIDGE.replace("URL", pbx.url).replace("ADDRESS", "127.0.0.1:1"))
        taken = pbx.url.removeprefix("http://")
        done = await asyncio.to_thread(
            run_process, "--config", str(config), "--metrics-listen", taken, PASSWORD=PASSWORD
        )
        assert done.returncode == 1
        assert f"cannot listen on {taken} for metrics" in done.stderr


async def test_a_wrong_password_is_told(tmp_path: Path) -> None:
    async with AriStandIn() as pbx:
        config = tmp_path / "bridge.toml"
        config.write_text(BRIDGE.replace("URL", pbx.url).replace("ADDRESS", "127.0.0.1:1"))
        done = await asyncio.to_thread(run_process, "--config", str(config), PASSWORD="wrong")
        assert done.returncode == 1
        assert "refuses user 'bridge' (401)" in done.stderr


@pytest.mark.parametrize("text", ["text", "json"])
def test_logs_are_as_asked_for(tmp_path: Path, text: str) -> None:
    done = run_process("--config", str(tmp_path / "none.toml"), "--log-format", text)
    assert done.returncode == 1
    assert "there is no such file" in done.stderr
