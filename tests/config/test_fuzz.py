"""Fuzz: whatever becomes of the default file, the answer is a config or a list of problems, and never anything else."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from router.config import ConfigError, RouterConfig, default_config_text, parse_config

TEXT = default_config_text()
LINES = TEXT.split("\n")
TOKENS = [
    *"[]{}\"'=.,#\n\r\t \\-+_:0123456789abefinuxTZ\0\x7f\x85é\u2028🎉",
    *['"""', "'''", "[[", "]]", "nan", "inf", "1e400", "0x", "9" * 50, "\\u0000", "\\ud800", "1979-05-27", "\ud800"],
]  # fmt: skip


def outcome(text: str | bytes) -> RouterConfig | ConfigError:
    """Return the config or the refusal; let anything else through."""
    try:
        return parse_config(text, "fuzz.toml")
    except ConfigError as error:
        return error


def refused_or_read(text: str | bytes) -> None:
    """Check that a text gives a config, or problems that name real lines in their order."""
    result = outcome(text)
    if isinstance(result, RouterConfig):
        assert result.settings.queues
        return
    line_count = 1 + (text.count(b"\n") if isinstance(text, bytes) else text.count("\n"))
    lines = [problem.line for problem in result.problems]
    assert lines
    assert all(0 <= line <= line_count for line in lines)
    assert lines == sorted(lines)
    assert all(problem.problem and problem.wanted for problem in result.problems)
    assert all(letter.isprintable() or letter == "\n" for letter in str(result))


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """Draw the default file with a few characters or lines dropped, inserted, replaced or moved."""
    text = TEXT
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        width = draw(st.integers(0, 3))
        token = draw(st.sampled_from(["", *TOKENS]))
        text = text[:at] + token + text[at + width :]
    lines = text.split("\n")
    for _ in range(draw(st.integers(0, 3))):
        action = draw(st.sampled_from(["drop", "double", "swap"]))
        first, second = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
        if action == "drop" and len(lines) > 1:
            del lines[first]
        elif action == "double":
            lines.insert(second, lines[first])
        else:
            lines[first], lines[second] = lines[second], lines[first]
    return "\n".join(lines)


@given(mutated())
def test_mutated_default_files(text: str) -> None:
    refused_or_read(text)


VALUES = st.sampled_from(
    ["0", "-1", "10", "1.5", "nan", "inf", "true", '"never"', '"unlimited"', '"1m"', '"x"', "{}", "[]", "[{}]", "[1]",
     "07:32:00", "1979-05-27", "{ urgent = 1 }", "{ x = 5 }", '"general"', "9" * 99, "0xffffffffffffffffffff"]
)  # fmt: skip


@given(st.lists(st.tuples(st.integers(0, len(LINES) - 1), VALUES), min_size=1, max_size=6))
def test_any_value_under_any_key(changes: list[tuple[int, str]]) -> None:
    lines = list(LINES)
    for index, value in changes:
        key, equals, _ = lines[index].partition(" = ")
        if equals and not key.startswith("#"):
            lines[index] = f"{key} = {value}"
    refused_or_read("\n".join(lines))


@given(st.integers(0, len(TEXT)))
@example(0)
def test_torn_files(length: int) -> None:
    refused_or_read(TEXT[:length])


@given(st.binary(max_size=64), st.integers(0, len(TEXT)))
def test_foreign_bytes_anywhere(noise: bytes, at: int) -> None:
    content = TEXT.encode()
    refused_or_read(content[:at] + noise + content[at:])


@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    refused_or_read(text)
