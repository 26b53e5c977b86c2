"""Positions: every key that `tomllib` finds has its line, and no valid text is refused.

`tomllib` is the judge of what is TOML; the documents with known lines are written by hand or generated with the lines
noted as they are written.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.config import default_config_text
from router.config.positions import DEPTH_MAX, VALUES_MAX, Path, Positions, Unreadable

DOCUMENT = '''\
a = 1 # a comment with = and [brackets]
b.c = "x"
b."d e" = 'y'

[t] # table
  list = [ # one
    1, "two, ]",

    { x = 1, "y\\tz" = [4,
      5] },
  ]
long = """
[not.a.table]
quote " and "" and \\""" and '
""\"""
literal = \'\'\'
it's = 5 ''\'\'\'
after = 1979-05-27 07:32:00Z

[t.sub."a.b"]
q = -0.5e-3

[[steps]]
after = 1
[[steps.inner]]
z = true
[[steps]]
  [steps.inner]
  z = false
[late.implicit]
[late]
'''

LINES: dict[Path, int] = {
    ("a",): 1,
    ("b",): 2,
    ("b", "c"): 2,
    ("b", "d e"): 3,
    ("t",): 5,
    ("t", "list"): 6,
    ("t", "list", 0): 7,
    ("t", "list", 1): 7,
    ("t", "list", 2): 9,
    ("t", "list", 2, "x"): 9,
    ("t", "list", 2, "y\tz"): 9,
    ("t", "list", 2, "y\tz", 0): 9,
    ("t", "list", 2, "y\tz", 1): 10,
    ("t", "long"): 12,
    ("t", "literal"): 16,
    ("t", "after"): 18,
    ("t", "sub"): 20,
    ("t", "sub", "a.b"): 20,
    ("t", "sub", "a.b", "q"): 21,
    ("steps",): 23,
    ("steps", 0): 23,
    ("steps", 0, "after"): 24,
    ("steps", 0, "inner"): 25,
    ("steps", 0, "inner", 0): 25,
    ("steps", 0, "inner", 0, "z"): 26,
    ("steps", 1): 27,
    ("steps", 1, "inner"): 28,
    ("steps", 1, "inner", "z"): 29,
    ("late",): 31,
    ("late", "implicit"): 30,
}


def paths_of(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the path of every key and item below a parsed value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from paths_of(item, (*path, key))


def test_every_form_of_key_has_its_line() -> None:
    positions = Positions(DOCUMENT)
    assert set(paths_of(tomllib.loads(DOCUMENT))) == set(LINES)
    assert {path: positions.line(path) for path in LINES} == LINES
    assert positions.doubles == []


def test_an_unknown_path_has_the_line_of_the_table_around_it() -> None:
    positions = Positions(DOCUMENT)
    assert positions.line(("t", "sub", "a.b", "missing", 3)) == 20
    assert positions.line(("missing",)) == 1


def test_the_path_at_a_line_is_the_last_one_begun() -> None:
    positions = Positions(DOCUMENT)
    assert positions.path_at(13) == ("t", "long")
    assert positions.path_at(21) == ("t", "sub", "a.b", "q")
    assert Positions("\n\na = 1").path_at(1) == ()


def test_doubles_are_found_with_both_lines() -> None:
    text = "a = 1\n[t]\nx = 1\n[u]\nv = { w = 1, w = 2 }\n[t]\nx = 2\n[b]\n[b]\n"
    assert Positions(text).doubles == [
        (("u", "v", "w"), 5, 5),
        (("t",), 6, 2),
        (("t", "x"), 7, 3),
        (("b",), 9, 8),
    ]


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("a = 1\nb\n", 2, "there is no = after the key"),
        ("a = 1\n= 2\n", 2, "there is no key here"),
        ("a = 1\nb = \nc = 3\n", 2, "the value is missing"),
        ("a = 1\nb = 2 c = 3\n", 2, "there is something after the end of the statement"),
        ('\na = "x\nb = 2\n', 2, "the text is not closed"),
        ("\na = 'x\nb = 2\n", 2, "the text is not closed"),
        ('a = """x\n\nb = 2\n', 1, "the text is not closed"),
        ("a = [1,\n2\n[t]\n", 3, "the list opened on line 1 is not closed"),
        ("a = { b = 1\n}\n", 1, "the { is not closed on its line"),
        ("\n\n[t\na = 1\n", 3, "the table header is not closed"),
        ("[[t]\n", 1, "the table header is not closed"),
        ("[]\n", 1, "there is no key here"),
        ('"\\q" = 1\n', 1, "the name has an unknown \\ sequence"),
        ("a = " + "9" * 101, 1, "the value is longer than 100 characters"),
        ("\n" + "a." * DEPTH_MAX + "a = 1", 2, "the key has more than 16 parts"),
        ("\na = " + "[" * DEPTH_MAX, 2, "it is nested more than 16 deep"),
        ("\na = " + "{ a = " * DEPTH_MAX, 2, "it is nested more than 16 deep"),
        ("a = [\n" + "1,\n" * VALUES_MAX + "]", VALUES_MAX + 1, "the file has more than 100,000 tables and values"),
        ("[[a]]\n" * (VALUES_MAX + 1), VALUES_MAX + 1, "the file has more than 100,000 tables and values"),
    ],
)
def test_what_is_not_toml_is_refused_at_its_line(text: str, line: int, problem: str) -> None:
    with pytest.raises(Unreadable) as refused:
        Positions(text)
    assert (refused.value.line, refused.value.problem) == (line, problem)


keys = st.one_of(
    st.from_regex(r"[A-Za-z0-9_-]{1,6}", fullmatch=True),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6),
)
scalars = st.sampled_from(
    ["1", "-0.5", "true", "nan", '"a # b"', "'c = d'", "1979-05-27", '"""\nx\n[y]\n"""', "'''\n''x'''", "07:32:00"]
)


def _quoted(key: str) -> str:
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, dict[Path, int]]:
    """Draw a valid document of tables and lists of tables, and the line of each key in it."""
    text = ""
    lines: dict[Path, int] = {}
    tables = draw(st.lists(keys, max_size=5, unique=True))
    for table in tables:
        items = draw(st.integers(0, 3))
        for index in range(max(items, 1)):
            text += draw(st.sampled_from(["", "\n", "# [no] = 1\n", " \t\n\n"]))
            header = f" {_quoted(table)}\t"
            text += f"[[{header}]] # x\n" if items else f"[{header}]\n"
            path: Path = (table, index) if items else (table,)
            lines[path] = text.count("\n")
            if items and index == 0:
                lines[(table,)] = text.count("\n")
            for key in draw(st.lists(keys, max_size=3, unique=True)):
                lines[(*path, key)] = text.count("\n") + 1
                text += f"{_quoted(key)} = {draw(scalars)}{draw(st.sampled_from(['', ' # x = 1']))}\n"
    return text, lines


@given(documents())
def test_generated_documents_have_the_lines_they_were_written_on(document: tuple[str, dict[Path, int]]) -> None:
    text, lines = document
    assert set(paths_of(tomllib.loads(text))) == set(lines)
    positions = Positions(text)
    assert {path: positions.line(path) for path in lines} == lines
    assert positions.doubles == []


TOKENS = ["[", "]", "[[", "]]", "{", "}", "a", "b.c", "=", " ", "\n", ",", '"', "'", '"""', "'''", "#", "\\", "1", "é"]
fragments = st.lists(st.sampled_from(TOKENS), max_size=12).map("".join)


@given(st.data())
def test_no_valid_text_is_refused_and_no_key_is_missed(data: st.DataObject) -> None:
    lines = default_config_text().splitlines(keepends=True)
    start = data.draw(st.integers(0, len(lines)))
    some = "".join(lines[start : start + data.draw(st.integers(0, 12))])
    at = data.draw(st.integers(0, len(some)))
    text = some[:at] + data.draw(fragments) + some[at + data.draw(st.integers(0, 3)) :]
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    positions = Positions(text)
    assert positions.doubles == []
    for path in paths_of(document):
        assert path in positions._lines
        line = positions.line(path)
        if isinstance(path[-1], str) and path[-1].isascii() and path[-1].isalnum():
            assert path[-1] in text.split("\n")[line - 1]
