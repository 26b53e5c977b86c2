"""Fuzz: whatever becomes of the example, the answer is a scenario or a list of problems, and never anything else."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from router.config import ConfigError
from router.simulation import Scenario, example_scenario_text, parse_scenario
from tests.config.test_fuzz import TOKENS

TEXT = example_scenario_text()
LINES = TEXT.split("\n")
USED = [number for number, line in enumerate(LINES) if " = " in line and not line.startswith("#")]


def outcome(text: str | bytes) -> Scenario | ConfigError:
    """Return the scenario or the refusal; let anything else through."""
    try:
        return parse_scenario(text, "fuzz.toml")
    except ConfigError as error:
        return error


def refused_or_read(text: str | bytes) -> None:
    """Check that a text gives a scenario whose parts fit together, or problems that name real lines in their order."""
    result = outcome(text)
    if isinstance(result, Scenario):
        fits(result)
        return
    line_count = 1 + (text.count(b"\n") if isinstance(text, bytes) else text.count("\n"))
    lines = [problem.line for problem in result.problems if problem.file == "fuzz.toml"]
    assert result.problems
    assert all(0 <= line <= line_count for line in lines)
    assert lines == sorted(lines)
    assert all(problem.problem and problem.wanted for problem in result.problems)
    assert all(letter.isprintable() or letter == "\n" for letter in str(result))


def fits(scenario: Scenario) -> None:
    """Check what whoever gets a scenario relies on."""
    assert scenario.length_us > 0
    assert scenario.callers
    assert scenario.agents
    for callers in scenario.callers:
        assert callers.queue in scenario.settings.queues
        assert callers.channel in scenario.settings.channels
        assert callers.handle_time.mean_us > 0
        assert callers.skill or not callers.handle_factor_by_level
    names = [name for group in scenario.agents for name in group.agent_names()]
    assert len(names) == len(set(names)) <= scenario.settings.agents_max
    assert all(max(group.staffing, default=1) <= group.count for group in scenario.agents)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """Draw the example with a few characters or lines dropped, inserted, replaced or moved."""
    text = TEXT
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        width = draw(st.integers(0, 3))
        text = text[:at] + draw(st.sampled_from(["", *TOKENS])) + text[at + width :]
    lines = text.split("\n")
    for _ in range(draw(st.integers(0, 3))):
        first, second = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
        if draw(st.booleans()):
            lines.insert(second, lines[first])
        else:
            lines[first], lines[second] = lines[second], lines[first]
    return "\n".join(lines)


@given(mutated())
def test_mutated_examples(text: str) -> None:
    refused_or_read(text)


VALUES = st.sampled_from(
    ["0", "-1", "1", "10", "1.5", "0.5", "nan", "inf", "true", '"never"', '"1m"', '"x"', '""', '"30/h"', "{}", "[]",
     "[{}]", "[1]", "[[0, 1]]", "[[]]", "{ x = 5 }", "{ 1 = 1 }", "{ 0s = 1 }", '{ family = "gamma" }',
     '{ file = "/" }', '{ family = "empirical", file = "/" }', '{ file = "/dev/null" }', '{ chance = 1, after = 1 }',
     "07:32:00", "1979-05-27", "9" * 99, "1e-400", "1e400"]
)  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from(USED), VALUES), min_size=1, max_size=6))
def test_any_value_under_any_key(changes: list[tuple[int, str]]) -> None:
    lines = list(LINES)
    for number, value in changes:
        key = lines[number].partition(" = ")[0]
        lines[number] = f"{key} = {value}"
    refused_or_read("\n".join(lines))


@given(st.sets(st.integers(0, len(LINES) - 1), max_size=40))
def test_with_any_lines_left_out(dropped: set[int]) -> None:
    refused_or_read("\n".join(line for number, line in enumerate(LINES) if number not in dropped))


@given(st.sets(st.sampled_from([n for n, line in enumerate(LINES) if line.startswith("# ")]), max_size=8))
def test_with_any_comments_in_force(numbers: set[int]) -> None:
    refused_or_read("\n".join(line.removeprefix("# ") if n in numbers else line for n, line in enumerate(LINES)))


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
