"""Texts at the border: control characters are refused wherever they stand, all else comes out as it went in."""

from __future__ import annotations

import pytest

from router import (
    AgentTerm,
    AnyOf,
    CommandRejected,
    Complete,
    Engine,
    Enqueue,
    InvalidCommand,
    Preference,
    QueueSettings,
    Requirement,
    Settings,
    SignIn,
    SkillTerm,
    Step,
)

CONTROL = [*map(chr, range(0x20)), "\x7f", *map(chr, range(0x80, 0xA0))]
AROUND = ("{}", "{}abc", "abcdefg{}", "abcdefgh{}", "abcdefg{}hijklmnopqrst", "abcdefghijklmnop{}", "é{}", "{}日本語")


@pytest.fixture
def engine() -> Engine:
    return Engine(Settings(queues={"q": QueueSettings()}))


@pytest.mark.parametrize("around", AROUND)
def test_control_characters_are_refused(engine: Engine, around: str) -> None:
    for character in CONTROL:
        with pytest.raises(InvalidCommand, match="control character"):
            engine.apply(Complete(around.format(character)), 1)
    assert engine.sequence == 1


@pytest.mark.parametrize(
    "text", ["~", " ", "abcdefgh~", "é", "\u00a0", "~\u00a0abcdefgh", "日本語" * 20, "a" * 255, "😀"]
)
def test_what_is_printable_comes_back(engine: Engine, text: str) -> None:
    (rejected,) = engine.apply(Complete(text), 1)
    assert isinstance(rejected, CommandRejected)
    assert rejected.subject == text


@pytest.mark.parametrize(
    ("requirement", "words"),
    [
        (Requirement(()), "requirement.steps: there are 0 entries"),
        (Requirement((Step(after_us=5),)), "requirement.steps[0].after_us: the first step begins at 5"),
        (Requirement((Step(), Step())), "requirement.steps[1].after_us: 0 is not later than the step before"),
        (Requirement((Step((SkillTerm("a", 11),)),)), "requirement.steps[0].terms[0].level: 11 is out of range"),
        (
            Requirement((Step(), Step((AnyOf((SkillTerm("a"), SkillTerm(""))),), after_us=1))),
            "requirement.steps[1].terms[0].terms[1].skill: it is empty",
        ),
        (Requirement((Step((AnyOf(()),)),)), "requirement.steps[0].terms[0].terms: there are 0 entries"),
        (
            Requirement((Step((AgentTerm("\n"),)),)),
            "requirement.steps[0].terms[0].agent: '\\n' has a control character",
        ),
        (
            Requirement((Step((), (Preference("a", 0),)),)),
            "requirement.steps[0].prefer[0].importance: 0 is out of range",
        ),
    ],
)
def test_an_error_says_where_it_is(engine: Engine, requirement: Requirement, words: str) -> None:
    with pytest.raises(InvalidCommand) as caught:
        engine.apply(Enqueue("c", "q", requirement=requirement), 1)
    assert str(caught.value).startswith(words)


def test_an_error_names_the_key(engine: Engine) -> None:
    for command, words in (
        (SignIn("a", {"spanish": 11}), "skills['spanish']: 11 is out of range"),
        (SignIn("a", {}, {"voice": 0}), "capacity['voice']: 0 is out"),
        (Enqueue("c", "q", attributes={"k": "\x00"}), "attributes['k']: '\\x00' has a"),
    ):
        with pytest.raises(InvalidCommand) as caught:
            engine.apply(command, 1)
        assert str(caught.value).startswith(words)
