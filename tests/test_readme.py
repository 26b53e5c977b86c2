"""What the README says is true: its snippets run and give what they show, and its commands exist with their options.

Commands and links are held in all other pages too, and so are the pages that the program itself names.
"""

from __future__ import annotations

import doctest
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from router.cli.main import SUBCOMMANDS, main
from router.cli.server_process import serving

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "docs/simulation.md"]
ALL_PAGES = [
    *PAGES,
    ROOT / "DESIGN.md",
    ROOT / "CHANGELOG.md",
    ROOT / "examples/README.md",
    *(page for page in sorted(ROOT.glob("docs/*.md")) if page not in PAGES),
]
ELSEWHERE = {"git", "cd", "cp", "grpcurl", "mkdir", "openssl", "pip", "python", "python3", "sqlite3", "systemctl"}
"""Commands that are not ours to check."""


def blocks(page: Path, language: str) -> Iterator[tuple[int, str]]:
    """Yield the fenced blocks of a language with the line that they start at."""
    text = page.read_text("utf-8")
    for match in re.finditer(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        yield text.count("\n", 0, match.start()) + 2, match[1]


def shell_commands() -> list[tuple[str, str]]:
    """List every line of the shell blocks, without comments."""
    lines = [
        (f"{page.name}:{number}", line.split(" #")[0].strip())
        for page in ALL_PAGES
        for start, block in blocks(page, "sh")
        for number, line in enumerate(block.splitlines(), start)
    ]
    return [(where, command) for where, command in lines if command and not command.startswith("#")]


SHELL_COMMANDS = shell_commands()
SNIPPETS = [(f"{page.name}:{line}", text) for page in PAGES for line, text in blocks(page, "python")]


@pytest.fixture(scope="module")
def server_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with the config that `init-config` writes, as the README has it."""
    config = tmp_path_factory.mktemp("readme") / "router.toml"
    assert CliRunner().invoke(main, ["init-config", str(config)]).exit_code == 0
    with serving(config) as address:
        yield address


def test_there_is_something_to_check() -> None:
    assert SNIPPETS
    assert any("make demo" in command for _, command in SHELL_COMMANDS)
    assert any("make test" in command for _, command in SHELL_COMMANDS)


@pytest.mark.parametrize(("where", "text"), SNIPPETS, ids=[where for where, _ in SNIPPETS])
def test_snippets_run_and_give_what_they_show(
    where: str, text: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    if "RouterClient" in text:
        text = text.replace("127.0.0.1:50051", request.getfixturevalue("server_address"))
    test = doctest.DocTestParser().get_doctest(text, {}, where, where, 0)
    assert test.examples, f"{where}: a Python snippet has to be a doctest"
    output: list[str] = []
    results = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=output.append)
    assert results.failed == 0, "".join(output)


@pytest.mark.parametrize(("where", "command"), SHELL_COMMANDS, ids=[where for where, _ in SHELL_COMMANDS])
def test_commands_exist(where: str, command: str) -> None:
    words = shlex.split(command)
    while "=" in words[0]:
        words.pop(0)
    program = words[0].removeprefix(".venv/bin/")
    if program == "make":
        targets = [word for word in words[1:] if "=" not in word and not word.startswith("-")]
        assert targets
        for target in targets:
            assert re.search(rf"^{re.escape(target)}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE), where
    elif program == "skill-router":
        check_subcommand(where, words[1:])
    else:
        assert program in ELSEWHERE or (ROOT / program).exists(), f"{where}: what is {program}?"


def check_subcommand(where: str, words: list[str]) -> None:
    """The subcommand exists, its help works, and it has the options that are shown."""
    assert words, where
    assert words[0] in SUBCOMMANDS, f"{where}: there is no `skill-router {words[0]}`"
    result = CliRunner().invoke(main, [words[0], "--help"])
    assert result.exit_code == 0, result.output
    if "COMMAND [ARGS]" in result.output and len(words) > 1:
        result = CliRunner().invoke(main, [*words[:2], "--help"])
        assert result.exit_code == 0, f"{where}: {result.output}"
    for option in (word.split("=")[0] for word in words if word.startswith("--")):
        assert option in result.output, f"{where}: `skill-router {words[0]}` has no {option}"


def test_make_help_names_the_targets_that_there_are() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    shown = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in re.findall(r"make ([a-z-]+)", shown):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_no_placeholder_is_left(page: Path) -> None:
    assert placeholders(page.read_text("utf-8")) == []


def test_the_check_of_placeholders_can_fail() -> None:
    text = "```\nDEMO_OUTPUT\n```\n`ROUTER_DATA_DIR` is a variable, a TODO is not; PYTEST_ARGS=x"
    assert placeholders(text) == ["DEMO_OUTPUT", "TODO"]


def placeholders(text: str) -> list[str]:
    """List words in capitals that wait for their text: not those in Python or backticks, nor variables being set."""
    text = re.sub(r"^```python\n.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"(?<!`)`[^`\n]+`(?!`)", "", text)
    return re.findall(r"\b(?:[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?!\w*=)|TODO|TBD|FIXME|XXX)\b", text)


@pytest.mark.parametrize("page", ALL_PAGES, ids=[page.name for page in ALL_PAGES])
def test_linked_files_exist(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_pages_that_the_program_names_exist() -> None:
    for path in [*ROOT.glob("router/**/*.py"), *ROOT.glob("router/**/*.toml")]:
        for name in re.findall(r"\bdocs/\w+\.md", path.read_text("utf-8")):
            assert (ROOT / name).exists(), f"{path.relative_to(ROOT)} names {name}"
