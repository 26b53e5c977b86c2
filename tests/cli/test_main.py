"""The command as a whole: help that teaches, exit codes that scripts can trust, and modules loaded only when run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from router.cli.main import SUBCOMMANDS, main
from router.cli.parameters import Address

DAY = Path(__file__).resolve().parents[2] / "examples" / "day.csv"
HEAVY = ("grpc", "google.protobuf", "numpy", "rich.progress", "router.server", "router.simulation")


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("name", SUBCOMMANDS)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_every_subcommand_has_help_that_teaches(name: str, flag: str) -> None:
    result = CliRunner().invoke(main, [name, flag])
    assert result.exit_code == 0, result.output
    assert f"skill-router {name}" in result.output or f"main {name}" in result.output
    words = " ".join(result.output.split())
    assert re.search(r"Exit codes: 0 .+; 1 .+; 2 it was called wrongly, and nothing was done\.", words)


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
    assert "Did you mean" not in result.output


@pytest.mark.parametrize(
    ("typed", "meant"), [("srve", "serve"), ("chek-config", "check-config"), ("explian", "explain")]
)
def test_a_misspelt_subcommand_is_recognised(typed: str, meant: str) -> None:
    result = CliRunner().invoke(main, [typed])
    assert result.exit_code == 2
    assert f"No such command '{typed}'. Did you mean '{meant}'?" in result.output


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "-1", "1e400", "fast"])
@pytest.mark.parametrize(
    "arguments",
    [["replay", __file__, "--ring"], ["demo", "--speed"], ["serve", "--config", __file__, "--clock-speed"]],
    ids=lambda arguments: arguments[0],
)
def test_a_number_that_is_none_or_out_of_range_is_called_wrongly(arguments: list[str], number: str) -> None:
    result = CliRunner().invoke(main, [*arguments, number])
    assert result.exit_code == 2
    assert arguments[-1] in result.output


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("nonsense", "is not host:port"),
        (":50051", "is not host:port"),
        ("::1:50051", "is not host:port"),
        ("127.0.0.1:", "is not host:port"),
        ("127.0.0.1:-1", "is not host:port"),
        ("127.0.0.1:70000", "the port is out of range"),
        ("127.0.0.1:99999999999999999999", "the port is out of range"),
    ],
)
@pytest.mark.parametrize(
    "arguments",
    [["explain", "call-1", "--server"], ["serve", "--config", __file__, "--listen"]],
    ids=["explain", "serve"],
)
def test_an_address_that_is_none_is_called_wrongly(arguments: list[str], address: str, said: str) -> None:
    result = CliRunner().invoke(main, [*arguments, address], terminal_width=200)
    assert result.exit_code == 2
    assert said in " ".join(result.output.replace("│", " ").split())


def test_port_0_is_for_servers_only() -> None:
    result = CliRunner().invoke(main, ["explain", "call-1", "--server", "127.0.0.1:0"])
    assert result.exit_code == 2
    assert Address(any_port=True).convert("127.0.0.1:0", None, None) == "127.0.0.1:0"


@pytest.mark.parametrize("arguments", [["serve", "--config"], ["check-config"], ["replay", str(DAY), "--config"]])
def test_a_config_that_is_not_there_is_one_sentence(arguments: list[str]) -> None:
    result = CliRunner().invoke(main, [*arguments, "nowhere.toml"])
    assert result.exit_code == 1
    assert "nowhere.toml: there is no such file; name a config file, or write one to start from with" in result.output


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
