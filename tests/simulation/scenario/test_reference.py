"""The reference: docs/scenarios.md is what the schema says now, and its examples are valid."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from router.config.kinds import Table
from router.config.schema import HOMES as ROUTER_HOMES
from router.simulation import Family, parse_scenario
from router.simulation.scenario.reference import MARKER, main, reference, update
from router.simulation.scenario.schema import HOMES, ROUTER_KEYS, SECTIONS, TOP
from tests.simulation.scenario.texts import AGENTS, CALLERS

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "scenarios.md"


def test_the_docs_are_current() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert update(text) == text, "run: python -m router.simulation.scenario.reference docs/scenarios.md"


def test_every_key_says_what_it_is() -> None:
    for section in SECTIONS:
        for key in section.table.keys.values():
            assert key.doc[0].isupper(), key.name
            assert key.doc.endswith("."), key.name
            assert isinstance(key.kind, Table) or key.kind.type, key.name
            assert "|" not in key.doc + key.kind.type + key.kind.range, key.name
            assert f"| `{key.name}` |" in reference()


def test_every_key_has_a_home() -> None:
    keys = {key for section in SECTIONS for key in section.table.keys}
    assert set(HOMES) == keys | set(TOP) | set(ROUTER_KEYS) | set(ROUTER_HOMES)
    assert HOMES["length"] == "[simulation]"
    assert HOMES["queues"] == "[router]"
    assert HOMES["cv"] == "a distribution"
    assert HOMES["chance"] == "[callers.NAME.redial_unresolved] or [callers.NAME.redial_abandoned]"
    assert HOMES["offer_timeout"] == "[router.queue_defaults] or [router.queues.NAME]"


def test_every_family_is_in_the_docs() -> None:
    text = DOCUMENT.read_text(encoding="utf-8").partition(MARKER)[0]
    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == [family.name.lower() for family in Family]


def test_the_examples_in_the_docs_are_valid(tmp_path: Path) -> None:
    (tmp_path / "router.toml").write_text("[queues.loans]\n", encoding="utf-8")
    examples = re.findall(r"```toml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert len(examples) >= 2
    for example in examples:
        parse_scenario(example, "example.toml", tmp_path)


def test_the_problem_in_the_docs_is_the_real_one() -> None:
    text = f'[simulation]\nlength = 60\n[router.queues.loans]\n{CALLERS}queue = "laons"\n{AGENTS}'
    with pytest.raises(ValueError, match="laons") as refused:
        parse_scenario(text, "scenario.toml")
    assert str(refused.value) in DOCUMENT.read_text(encoding="utf-8")


def test_the_command_prints_or_updates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    assert capsys.readouterr().out == reference()
    path = tmp_path / "x.md"
    path.write_text(f"# Mine\n{MARKER}\nold\n", encoding="utf-8")
    main([str(path)])
    assert path.read_text(encoding="utf-8") == f"# Mine\n{MARKER}\n{reference()}"
    with pytest.raises(ValueError, match="the marker line is missing"):
        update("no marker")
