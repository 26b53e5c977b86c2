"""Rules: which caller goes to which queue, with what, and what a caller brings that cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.bridge.asterisk.config import parse_bridge
from router.bridge.asterisk.config.rules import CallRules, requirement_of
from router.bridge.asterisk.config.templates import Template
from router.bridge.asterisk.floor_settings import Admit, Arrival, Feature, FeatureKind, Unwanted
from router.engine import AgentTerm, AnyOf, Enqueue, Preference, Requirement, SkillTerm, Step, Urgency
from router.wire.commands import encode_any_command

HEAD = '[ari]\nuser = "router"\npassword_env = "WORD"\n'


def rules_of(text: str, noticed: list[str] | None = None) -> CallRules:
    def notice(arrival: Arrival, problem: str) -> None:
        if noticed is not None:
            noticed.append(problem)

    rules = parse_bridge(HEAD + text, "bridge.toml", Path(), {"WORD": "x"}, notice).floor.rules
    assert isinstance(rules, CallRules)
    return rules


def arrival(*args: str, **fields: Any) -> Arrival:
    return Arrival("17.3", "PJSIP/trunk-0000001f", args, **fields)


def enqueue_of(rules: CallRules, caller: Arrival) -> Enqueue:
    decision = rules(caller)
    assert isinstance(decision, Admit), decision
    return decision.enqueue


def test_the_first_rule_that_fits_counts() -> None:
    rules = rules_of(
        """
[[calls.rules]]
number = ["0800*", "0900[12]"]
queue = "a"
[[calls.rules]]
args = ["in", "s?les"]
context = "trunk-*"
queue = "b"
[[calls.rules]]
variables = { LEVEL = ["gold", "plat*"] }
caller = "+49*"
queue = "c"
"""
    )
    assert enqueue_of(rules, arrival("in", "sales", number="08001", context="trunk-1")).queue == "a"
    assert enqueue_of(rules, arrival("in", "sales", number="09003", context="trunk-1")).queue == "b"
    assert enqueue_of(rules, arrival(caller_number="+491", variables={"LEVEL": "platinum"})).queue == "c"
    for nobody in (
        arrival("in", "sales", context="desk"),
        arrival("in", context="trunk-1"),
        arrival(caller_number="+491", variables={"LEVEL": "tin"}),
        arrival(caller_number="1", variables={"LEVEL": "gold"}),
        arrival(),
    ):
        assert isinstance(rules(nobody), Unwanted)
    assert rules.variables == ("LEVEL",)


def test_everything_that_a_call_may_bring() -> None:
    rules = rules_of(
        """
[[calls.rules]]
queue = "{arg:1}-{variable:LANG}"
skills = "{variable:SKILLS}"
urgency = "{variable:URGENCY}"
priority = "{variable:PRIORITY}"
customer = "{caller}"
preferred_agents = ["{variable:ADVISER}", "zoe"]
hold = "20s"
attributes = { number = "{number}", who = "{caller_name} of {context} at {channel}", none = "{arg:9}" }
channel = "video"
explain = true
answer = false
music = "jazz"
"""
    )
    brought = {"LANG": "de", "SKILLS": "loans=6&german", "URGENCY": "Urgent", "PRIORITY": "7", "ADVISER": "ada&ben"}
    caller = arrival("loans", number="500", context="in", caller_number="12", caller_name="Eve", variables=brought)
    decision = rules(caller)
    assert decision == Admit(
        Enqueue(
            "",
            "loans-de",
            channel="video",
            requirement=Requirement((Step((SkillTerm("german", 1), SkillTerm("loans", 6))),)),
            urgency=Urgency.URGENT,
            priority=7,
            preferred_agents=("ada", "ben", "zoe"),
            hold_us=20_000_000,
            customer="12",
            attributes={"number": "500", "who": "Eve of in at 17.3"},
            explain=True,
        ),
        answer=False,
        music_class="jazz",
    )
    assert rules.variables == ("ADVISER", "LANG", "PRIORITY", "SKILLS", "URGENCY")


def test_a_requirement_is_written_as_in_a_queue() -> None:
    rules = rules_of(
        """
[[calls.rules]]
queue = "loans"
skills = { loans = 6 }
any_of = [{ german = 3, french = 3 }]
agent = "ada"
prefer = { golf = 2 }
[[calls.rules.steps]]
after = "30s"
skills = { loans = 2 }
"""
    )
    requirement = enqueue_of(rules, arrival()).requirement
    assert requirement is not None
    first, second = requirement.steps
    french, german = SkillTerm("french", 3), SkillTerm("german", 3)
    assert set(first.terms) == {SkillTerm("loans", 6), AgentTerm("ada"), AnyOf((french, german))}
    assert first.prefer == (Preference("golf", 2),)
    assert second == Step((SkillTerm("loans", 2),), after_us=30_000_000)


def test_without_demands_the_queues_own_requirement_counts() -> None:
    assert enqueue_of(rules_of('[[calls.rules]]\nqueue = "a"\n'), arrival()).requirement is None


def test_a_rule_whose_queue_comes_out_empty_does_not_fit() -> None:
    rules = rules_of('[[calls.rules]]\nqueue = "{variable:QUEUE}"\n[[calls.rules]]\nqueue = "general"\n')
    assert enqueue_of(rules, arrival()).queue == "general"
    assert enqueue_of(rules, arrival(variables={"QUEUE": "loans"})).queue == "loans"


def test_what_cannot_be_used_is_left_out_and_told() -> None:
    noticed: list[str] = []
    rules = rules_of(
        """
[[calls.rules]]
queue = "loans"
skills = "{variable:S}"
urgency = "{variable:U}"
priority = "{variable:P}"
customer = "{variable:C}"
preferred_agents = "{variable:A}"
""",
        noticed,
    )
    wrong = {"S": "loans=11", "U": "very", "P": "10", "C": "x" * 300, "A": "ada,b\x01n"}
    enqueue = enqueue_of(rules, arrival(variables=wrong))
    assert enqueue == Enqueue("", "loans", preferred_agents=("ada",))
    assert [line.partition(":")[0] for line in noticed] == [
        "skills", "urgency", "priority", "preferred_agents", "customer",
    ]  # fmt: skip
    noticed.clear()
    assert enqueue_of(rules, arrival()) == Enqueue("", "loans")
    assert not noticed


def test_features_are_arguments_or_codes() -> None:
    rules = rules_of('[codes]\nready = "*13"\n')
    assert rules(arrival("agent", "sign-in")) == Feature(FeatureKind.SIGN_IN)
    assert rules(arrival("agent", "not-ready", "ada", "lunch")) == Feature(FeatureKind.NOT_READY, "ada", "lunch")
    assert rules(arrival("agent", "end-wrap-up", " ada ")) == Feature(FeatureKind.END_WRAP_UP, "ada")
    assert rules(arrival(number="*13")) == Feature(FeatureKind.READY)
    assert isinstance(rules(arrival("agent", "sing-in")), Unwanted)
    assert isinstance(rules(arrival("agent")), Unwanted)


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("loans", {"loans": 1}),
        ("loans=3&german=10", {"loans": 3, "german": 10}),
        (" loans = 3 , german ", {"loans": 3, "german": 1}),
        ("loans=0", None),
        ("loans=11", None),
        ("loans=", None),
        ("=3", None),
        ("loans=a", None),
        ("&", None),
    ],
)
def test_skills_as_text(text: str, levels: dict[str, int] | None) -> None:
    requirement = requirement_of(text)
    if levels is None:
        assert requirement is None
        return
    assert requirement is not None
    (step,) = requirement.steps
    assert set(step.terms) == {SkillTerm(skill, level) for skill, level in levels.items()}


@given(st.lists(st.text(max_size=40), max_size=4), st.dictionaries(st.sampled_from("SUPCA"), st.text(max_size=300)))
def test_whatever_a_call_brings_can_be_sent_or_is_turned_away(args: list[str], variables: dict[str, str]) -> None:
    rules = rules_of(
        """
[[calls.rules]]
queue = "{arg:1}"
skills = "{variable:S}"
urgency = "{variable:U}"
priority = "{variable:P}"
customer = "{variable:C}"
preferred_agents = "{variable:A}"
attributes = { who = "{caller_name}" }
"""
    )
    decision = rules(arrival(*args, variables=variables, caller_name=variables.get("C", "")))
    if isinstance(decision, Admit):
        encode_any_command(decision.enqueue, "")
        assert 0 <= decision.enqueue.priority <= 9
        assert len(decision.enqueue.preferred_agents) <= 16


@given(st.text(alphabet="ab{}:1", max_size=30))
def test_a_template_is_read_or_refused(text: str) -> None:
    try:
        template = Template.parse(text)
    except ValueError:
        return
    assert template.fill(arrival("x")) is not None
