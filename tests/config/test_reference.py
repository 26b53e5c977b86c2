"""The reference: docs/configuration.md is what the schema says now, and its defaults are those of the code."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from router.config import PRESETS, parse_config
from router.config.kinds import Table
from router.config.reference import MARKER, main, reference, update
from router.config.schema import HOMES, SECTIONS, TOP_KEYS

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"


def rows() -> dict[str, dict[str, str]]:
    """Return the default column of the docs, by section header and key."""
    found: dict[str, dict[str, str]] = {}
    section = ""
    for line in DOCUMENT.read_text(encoding="utf-8").partition(MARKER)[2].split("\n"):
        if line.startswith("### "):
            section = line
        elif match := re.match(r"\| `(\w+)` \| [^|]* \| ([^|]*) \| .+ \|$", line):
            found.setdefault(section, {})[match[1]] = match[2]
    return found


def test_the_docs_are_current() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert update(text) == text, "run: python -m router.config.reference docs/configuration.md"


def test_every_key_of_every_section_is_in_the_docs() -> None:
    documented = list(rows().values())[: len(SECTIONS)]
    assert [set(keys) for keys in documented] == [set(section.table.keys) for section in SECTIONS]


def test_defaults_written_out_change_nothing() -> None:
    """A config that says every default of the docs means the same as one that says nothing."""
    text = ""
    for section, keys in rows().items():
        for header in re.findall(r"`(\[.+?\]+)`", section):
            if "steps" in header or "Presets" in header:
                continue
            text += header.replace("NAME", "voice" if "channels" in header else "a") + "\n"
            text += "".join(f"{key} = {value.strip('`')}\n" for key, value in keys.items() if value.startswith("`"))
    assert text.count(" = ") > 60
    tomllib.loads(text)
    assert parse_config(text, "defaults.toml") == parse_config("[queues.a]\n", "bare.toml")


def test_every_key_says_what_it_is() -> None:
    for section in SECTIONS:
        for key in section.table.keys.values():
            assert key.doc[0].isupper(), key.name
            assert key.doc.endswith("."), key.name
            assert isinstance(key.kind, Table) or key.kind.type, key.name
            assert "|" not in key.doc + key.kind.type + key.kind.range, key.name


def test_every_key_has_a_home() -> None:
    assert set(HOMES) == {key for section in SECTIONS for key in section.table.keys} | set(TOP_KEYS)
    assert HOMES["overflow"] == "[queues.NAME]"
    assert HOMES["preset"] == "[queue_defaults] or [queues.NAME]"


def test_presets_are_in_the_docs_with_their_weights() -> None:
    text = reference()
    for name, preset in PRESETS.items():
        assert f"- `{name}`: {preset.doc}" in text
        for weights in (preset.agent_weights, preset.call_weights):
            cells = [f"{weight / 1000:g}" for weight in msgspec.structs.astuple(weights)]
            assert f"| `{name}` | {' | '.join(cells)} |\n" in text


def test_the_examples_in_the_docs_are_valid() -> None:
    examples = re.findall(r"```toml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert examples
    for example in examples:
        parse_config(example, "example.toml")


def test_the_command_prints_or_updates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    assert capsys.readouterr().out == reference()
    path = tmp_path / "x.md"
    path.write_text(f"# Mine\n{MARKER}\nold\n", encoding="utf-8")
    main([str(path)])
    assert path.read_text(encoding="utf-8") == f"# Mine\n{MARKER}\n{reference()}"
    with pytest.raises(ValueError, match="the marker line is missing"):
        update("no marker")
