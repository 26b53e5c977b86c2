"""An Asterisk of our own: the example files in `examples/asterisk` on free ports, in a directory of its own.

`ASTERISK` names the command (default: `asterisk`, as PATH has it), `ASTERISK_ETC` where its sample configuration is
(default: /etc/asterisk). Where there is no such command, tests that need it are skipped.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "asterisk"
COMMAND = os.environ.get("ASTERISK", "asterisk")
SAMPLES = Path(os.environ.get("ASTERISK_ETC", "/etc/asterisk"))
USER, PASSWORD = "router", "change-me"
START_S = 60.0

_DIRECTORIES = {"astetcdir": "etc", "astdbdir": "db", "astrundir": "run", "astlogdir": "log", "astspooldir": "spool"}
_MODULES = """[modules]
autoload = yes
; these listen on ports of their own, or look for servers that are not there
"""
_UNLOADED = (
    "chan_iax2", "chan_unistim", "chan_ooh323", "pbx_dundi", "pbx_ael", "res_config_ldap", "res_config_pgsql",
    "res_phoneprov", "app_voicemail_odbc", "app_voicemail_imap", "cdr_csv", "cdr_radius", "cel_radius",
)  # fmt: skip
_LOGGER = """[general]
dateformat = %F %T.%3q
[logfiles]
messages.log = notice,warning,error,verbose(3)
"""
_MANAGER = """[general]
enabled = yes
bindaddr = 127.0.0.1
port = {port}
timestampevents = yes
[observer]
secret = change-me
read = all
write = all
writetimeout = 10000
"""
_OBSERVER = """
[observer]
type = user
read_only = no
password_format = plain
password = change-me
"""


def why_not() -> str:
    """Return why there is no Asterisk to try this on, or nothing."""
    if shutil.which(COMMAND) is None:
        return f"no Asterisk: there is no command {COMMAND!r} (the environment variable ASTERISK may name another)"
    return ""


def free_port(kind: socket.SocketKind) -> int:
    """Return a port of this machine that nobody uses now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RealAsterisk:
    """One Asterisk, from `start` to `end`. `files` are further configuration files, or more lines for one ("name+")."""

    def __init__(self, folder: Path, files: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.http_port = free_port(socket.SOCK_STREAM)
        self.manager_port = free_port(socket.SOCK_STREAM)
        self.sip_port = free_port(socket.SOCK_DGRAM)
        self._rtp_first = random.randrange(20_000, 55_000, 4)
        self._process: subprocess.Popen[bytes] | None = None
        self._write_files(files or {})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """What it has written to its log."""
        path = self.folder / "log" / "messages.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self) -> None:
        """Start it, and wait until it has fully booted."""
        with (self.folder / "console.log").open("ab") as console:
            self._process = subprocess.Popen(
                [COMMAND, "-f", "-C", str(self._config)], stdin=subprocess.DEVNULL, stdout=console, stderr=console
            )
        until_s = time.monotonic() + START_S
        while "fully booted" not in self.ask("core waitfullybooted"):
            if self._process.poll() is not None or time.monotonic() > until_s:
                raise RuntimeError(f"Asterisk has not started: {(self.folder / 'console.log').read_text()[-2000:]}")
            time.sleep(0.05)

    def end(self) -> None:
        """End it at once; its calls are over, without a word to the telephones."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """End it as if it had crashed, and start it again."""
        self.end()
        (self.folder / "run" / "asterisk.ctl").unlink(missing_ok=True)
        self.start()

    def ask(self, command: str) -> str:
        """Return what a command of its command line says."""
        asked = subprocess.run(
            [COMMAND, "-C", str(self._config), "-rx", command], capture_output=True, text=True, timeout=30, check=False
        )
        return asked.stdout

    # --- its files

    def _write_files(self, files: Mapping[str, str]) -> None:
        for name in _DIRECTORIES.values():
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        etc = self.folder / "etc"
        if SAMPLES.is_dir():
            shutil.copytree(SAMPLES, etc, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.d"))
        for path in EXAMPLES.glob("*.conf"):
            (etc / path.name).write_text(self._on_free_ports(path.name, path.read_text()))
        directories = "\n".join(f"{key} => {self.folder / name}" for key, name in _DIRECTORIES.items())
        unloaded = "".join(f"noload = {name}.so\n" for name in _UNLOADED)
        ours = {
            "asterisk.conf": f"[directories]\n{directories}\n[options]\nverbose = 3\n",
            "modules.conf": _MODULES + unloaded,
            "logger.conf": _LOGGER,
            "manager.conf": _MANAGER.format(port=self.manager_port),
            "rtp.conf": f"[general]\nrtpstart = {self._rtp_first}\nrtpend = {self._rtp_first + 9_999}\n",
            "ari.conf+": _OBSERVER,
        }
        for name, text in (*ours.items(), *files.items()):
            with (etc / name.removesuffix("+")).open("a" if name.endswith("+") else "w") as out:
                out.write(text)
        self._config = etc / "asterisk.conf"

    def _on_free_ports(self, name: str, text: str) -> str:
        """Return an example file as it is, but for the port."""
        if name == "http.conf":
            return _changed(r"(?m)^bindport = \d+$", f"bindport = {self.http_port}", text)
        if name == "pjsip.conf":
            return _changed(r"(?m)^bind = .*$", f"bind = 127.0.0.1:{self.sip_port}", text)
        return text


def _changed(pattern: str, by: str, text: str) -> str:
    changed, times = re.subn(pattern, by, text)
    assert times == 1, f"the example has no line {pattern}"
    return changed
