"""`skill-router serve` with everything on: the docs' quick start works, reloads do, and no secret gets out anywhere."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from router.client import RouterClient, RouterError
from router.engine import commands as c
from tests.security.support import TOKENS, Authority, config_with, needs_openssl, token_entry, write_access
from tests.server.support import CONFIG, Seen, ServerProcess, refused, run_cli

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs" / "security.md"


@contextmanager
def serving(config: Path, *arguments: str) -> Iterator[ServerProcess]:
    process = ServerProcess(config, "--listen", "127.0.0.1:0", *arguments)
    try:
        process.await_listening()
        yield process
    finally:
        if process.process.poll() is None:
            process.end(signal.SIGKILL)


def run(arguments: list[str], directory: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `skill-router` in a directory."""
    command = [sys.executable, "-m", "router.cli", *arguments]
    settings = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(
        command, cwd=directory, env=settings, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL
    )


def lines_of(language: str) -> list[str]:
    """List the lines of the docs' blocks in a language, block by block."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", DOCS.read_text(), re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines() if line]


@needs_openssl
def test_the_quick_start_of_the_docs_works(tmp_path: Path) -> None:
    commands = lines_of("sh")
    assert len(commands) == 7
    for line in commands:
        words = shlex.split(line)
        if words[0] == "openssl":
            subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
        elif words[1] == "access":
            *words, arrow, target = words
            assert arrow == ">"
            (tmp_path / target).write_text(run(words[1:], tmp_path).stdout)
    config = tmp_path / "router.toml"
    settings = "\n".join(line for line in lines_of("toml")[:5])
    config.write_text(CONFIG.replace('[server]\nlisten = "127.0.0.1:0"', settings))
    assert 'listen = "0.0.0.0:50051"' in config.read_text()
    assert run_cli("check-config", str(config)).returncode == 0
    with serving(config) as process:
        (explain,) = (shlex.split(line)[1:] for line in commands if " explain " in line)
        answer = run([*explain, "--server", process.address], tmp_path)
        assert answer.returncode == 1
        assert "UNKNOWN_CALL: there is no call call-1" in answer.stderr
        token = (tmp_path / "operations.token").read_text().strip()
        without = [word for word in explain if word not in ("--token-file", "operations.token")]
        answer = run([*without, "--server", process.address], tmp_path, SKILL_ROUTER_TOKEN=token)
        assert "UNKNOWN_CALL" in answer.stderr
        answer = run([*without, "--server", process.address], tmp_path)
        assert "UNAUTHENTICATED: who is asking is not known" in answer.stderr
        assert token not in process.end()[1]


def test_the_access_file_of_the_docs_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "access.toml"
    path.write_text("\n".join(lines_of("toml")[5:]))
    result = run_cli("access", "list", "--file", str(path))
    assert result.returncode == 0, result.stderr
    assert "pbx-2" in result.stdout


async def test_sighup_takes_over_certificates_and_access_file(tmp_path: Path, authority: Authority) -> None:
    certificate, key = authority.write_pair()
    access = write_access(tmp_path / "access.toml")
    config = tmp_path / "router.toml"
    config.write_text(config_with(tls_certificate="server.pem", tls_key="server.key", access_file="access.toml"))
    with serving(config) as process:
        token, roots = TOKENS["pbx"], authority.pem
        async with RouterClient(process.address, token=token, root_certificates=roots) as client:
            watch = await Seen(client.watch()).begun()
            access.write_text("nonsense")
            process.send(signal.SIGHUP)
            newer = Authority(tmp_path)
            newer.write_pair()
            await until_served(process.address, token, newer.pem, signal_to=process)
            await client.apply(c.SignIn("ada"))
            assert watch.error is None, "the nonsense changed nothing, and the connection goes on"
            write_access(access, token_entry("new", "admin", "skr_new"))
            process.send(signal.SIGHUP)
            await watch.until(lambda seen: seen.error)
            assert (await refused(client.apply(c.SignOut("ada")))).reason == "UNAUTHENTICATED"
        async with RouterClient(process.address, token="skr_new", root_certificates=newer.pem) as client:
            await client.apply(c.PauseQueue("loans"))
        code, errors = process.end()
    assert code == 0
    assert "the old access file stays in force" in errors
    assert "new connections use" in errors
    assert "is in force, with 1 entries" in errors
    assert certificate.exists()
    assert key.exists()


async def until_served(address: str, token: str, roots: bytes, signal_to: ServerProcess) -> None:
    """Ask with new authorities until the server has the certificate for them."""
    async with asyncio.timeout(20):
        while True:
            signal_to.send(signal.SIGHUP)
            async with RouterClient(address, token=token, root_certificates=roots, timeout_s=1.0) as client:
                try:
                    await client.queues()
                    return
                except RouterError as error:
                    if error.reason not in ("UNAVAILABLE", "DEADLINE_EXCEEDED"):
                        raise


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("no file", "the server was not started: tls_certificate: there is no file"),
        ("bad access", "access.toml:1: token[1]: name is missing"),
        ("open", "the server was not started: 0.0.0.0:0 can be reached from other machines"),
    ],
)
def test_what_is_not_secure_is_said_plainly_and_not_started(
    what: str, said: str, tmp_path: Path, authority: Authority
) -> None:
    certificate, key = authority.write_pair()
    access = write_access(tmp_path / "access.toml")
    config = tmp_path / "router.toml"
    listen = "0.0.0.0:0" if what == "open" else "127.0.0.1:0"
    if what == "no file":
        certificate.unlink()
    elif what == "bad access":
        access.write_text("[[token]]\n")
    paths = {} if what == "open" else {"tls_certificate": certificate, "tls_key": key, "access_file": access}
    config.write_text(config_with(**paths))
    result = run_cli("serve", "--config", str(config), "--listen", listen)
    assert result.returncode == 1
    assert said in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


def test_allow_insecure_is_said_at_each_start(tmp_path: Path) -> None:
    config = tmp_path / "router.toml"
    config.write_text(CONFIG)
    process = ServerProcess(config, "--listen", "0.0.0.0:0", "--allow-insecure")
    try:
        process.await_listening()
    finally:
        _, errors = process.end()
    assert re.search("WARNING.*0.0.0.0:0 can be reached from other machines, and nothing that is sent is", errors)
    assert "everybody may do everything" in errors
    assert "--allow-insecure" in errors


# --- secrets


async def test_no_secret_gets_out(tmp_path: Path, authority: Authority) -> None:
    """A run with all kinds of failures and the loudest log; then everything that was written is searched."""
    access = write_access(tmp_path / "access.toml")
    authority.write_pair()
    wrong = "skr_a-token-that-nobody-knows-0123456789"
    config = tmp_path / "router.toml"
    config.write_text(config_with(tls_certificate="server.pem", tls_key="server.key", access_file="access.toml"))
    data = tmp_path / "data"
    shown = []
    arguments = ["--data-dir", str(data), "--log-level", "debug", "--log-format", "json", "--metrics-listen"]
    with LoggedProcess(config, tmp_path / "log", *arguments, "127.0.0.1:0") as process:
        for token in (*TOKENS.values(), wrong):
            async with RouterClient(process.address, token=token, root_certificates=authority.pem) as client:
                shown += await misuse(client)
        for number, content in enumerate((f'sha256 = "{wrong}"', f'token = "{wrong}"', f"x = {wrong}"), 1):
            access.write_text(f"[[token]]\n{content}\n")
            process.process.send_signal(signal.SIGHUP)
            await process.until_logged("the old access file stays in force", number)
            shown.append(run_cli("access", "list", "--file", str(access)).stderr)
        with urlopen(process.metrics, timeout=10) as response:
            shown.append(response.read().decode())
        arguments_of_server = Path(f"/proc/{process.process.pid}/cmdline")
        if arguments_of_server.exists():
            shown.append(arguments_of_server.read_text())
    assert process.process.returncode == 0
    assert "UNAUTHENTICATED" in process.log
    audit = run_cli("journal", "show", str(data), "--audit").stdout
    assert re.search(r" admin +configure ", audit), audit
    shown += [process.log, audit]
    written = b"\n".join(path.read_bytes() for path in data.rglob("*") if path.is_file())
    assert b"ada" in written, "the journal has what was done"
    key = re.sub(r"-----.*?-----|\s", "", (tmp_path / "server.key").read_text())
    for secret in (*TOKENS.values(), wrong, key[:40], key[40:80]):
        assert all(secret not in text for text in shown)
        assert secret.encode() not in written


class LoggedProcess:
    """A server in a process of its own, and its log while it runs."""

    def __init__(self, config: Path, log: Path, *arguments: str) -> None:
        command = [sys.executable, "-m", "router.cli", "serve", "--config", str(config), "--listen", "127.0.0.1:0"]
        self._log = log
        with log.open("w") as file:
            self.process = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, stderr=file, text=True)
        self.address = self._announced("listening on ")
        self.metrics = self._announced("metrics on ")

    def __enter__(self) -> LoggedProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.communicate(timeout=20)
        finally:
            self.process.kill()

    @property
    def log(self) -> str:
        return self._log.read_text()

    async def until_logged(self, words: str, times: int) -> None:
        async with asyncio.timeout(20):
            while self.log.count(words) < times:
                await asyncio.sleep(0.02)

    def _announced(self, beginning: str) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith(beginning), (line, self.log)
        return line.removeprefix(beginning).strip()


async def misuse(client: RouterClient) -> list[str]:
    """Do what a principal may and may not do; return everything that was said."""
    said = []
    asked = [
        client.apply(c.SignIn("ada")),
        client.apply(c.PauseQueue("nowhere")),
        client.apply(c.Enqueue("c1", "loans", priority=99)),
        client.queues(),
        client.config(),
        client.statistics(),
        client.apply_config("nonsense"),
        client.apply_config(CONFIG),
        client.validate_config("[server]\naccess_file = 3"),
    ]
    for ask in asked:
        try:
            said.append(repr(await ask))
        except RouterError as error:
            said.append(f"{error!r} {error.violations}")
    watch = await Seen(client.watch()).begun()
    said.append(repr(watch.error))
    await watch.end()
    return said
