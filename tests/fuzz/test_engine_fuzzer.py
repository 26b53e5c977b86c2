"""The engine's fuzzer itself: that it knows every command, and says what is missing where it cannot be built."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NATIVE = HERE.parent.parent / "src_native"


def test_every_command_and_setting_is_drawn() -> None:
    source = (HERE / "source.cpp").read_text()
    variant = re.search(r"using Command = std::variant<(.*?)>;", (NATIVE / "commands.hpp").read_text(), re.DOTALL)
    assert variant is not None
    commands = re.findall(r"\w+", variant[1])
    assert len(commands) >= 23
    assert [name for name in commands if not re.search(rf"\b{name}\b", source)] == []
    header = (NATIVE / "settings.hpp").read_text()
    for struct, prefix in (
        ("Settings", "settings."),
        ("QueueRules", "queue."),
        ("QueueSettings", "queue."),
        ("EfficiencySettings", "efficiency."),
    ):
        body = re.search(rf"struct {struct}(?: : \w+)? {{(.*?)}};", header, re.DOTALL)
        assert body is not None
        fields = re.findall(r"(\w+)(?:\{\}| = [^;]+)?;", body[1])
        assert [name for name in fields if prefix + name not in source] == []


@pytest.mark.parametrize(("compiler", "said"), [("no-such-clang", "install its runtime"), ("", "no clang++ found")])
def test_a_compiler_that_cannot_fuzz_is_said_plainly(compiler: str, said: str) -> None:
    result = subprocess.run(
        ["make", "-f", str(HERE / "Makefile"), "check", f"CLANG={compiler}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode != 0
    assert said in result.stderr
