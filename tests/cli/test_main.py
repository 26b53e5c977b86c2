"""The command as a whole: help that teaches, exit codes that scripts can trust, and modules loaded only when run."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from router.cli.main import SUBCOMMANDS, main

HEAVY = ("grpc", "google.protobuf", "numpy", "rich.progress", "router.server", "router.simulation")


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("name", SUBCOMMANDS)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_every_subcommand_has_help_that_teaches(name: str, flag: str) -> None:
    result = CliRunner().invoke(main, [name, flag])
    assert result.exit_code == 0, result.output
    assert f"skill-router {name}" in result.output or f"main {name}" in result.output
    assert "Exit code" in result.output


def test_the_command_itself_names_every_subcommand() -> None:
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    for name in SUBCOMMANDS:
        assert name in result.output


def test_version() -> None:
    result = CliRunner().invoke(main, ["--version"])
    assert result.exit_code == 0
    assert "version" in result.output


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_an_unknown_option_is_called_wrongly(name: str) -> None:
    result = CliRunner().invoke(main, [name, "--no-such-option"])
    assert result.exit_code == 2
    assert "--no-such-option" in result.output


def test_an_unknown_subcommand_is_called_wrongly() -> None:
    result = CliRunner().invoke(main, ["rotue"])
    assert result.exit_code == 2
    assert "rotue" in result.output


@pytest.mark.parametrize("arguments", [["check-config"], ["explain"], ["replay"]])
def test_a_missing_argument_is_called_wrongly(arguments: list[str]) -> None:
    assert CliRunner().invoke(main, arguments).exit_code == 2


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_nothing_heavy_is_loaded_before_a_subcommand_runs(arguments: list[str]) -> None:
    code = (
        "import sys\n"
        "from router.cli.main import main\n"
        f"try: main({arguments!r}, prog_name='skill-router')\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        f"print('LOADED', [name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    result = run_python(code)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == "LOADED []"


def test_check_config_loads_no_server() -> None:
    code = (
        "import sys\n"
        "from router.cli.main import main\n"
        "try: main(['check-config', '/nowhere.toml'])\n"
        "except SystemExit as end: print('CODE', end.code)\n"
        "print('LOADED', [name for name in ('grpc', 'numpy', 'router.server') if name in sys.modules])\n"
    )
    lines = run_python(code).stdout.splitlines()
    assert lines[-2:] == ["CODE 1", "LOADED []"]


def test_it_runs_as_a_module() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "router.cli", "--help"], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0
    assert "skill-router" in result.stdout
