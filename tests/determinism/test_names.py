"""Equal events and equal state, in whatever order names were first seen, tables written or dictionaries hashed."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from router.engine import Engine
from router.engine import commands as c
from router.engine import events as e
from router.engine.requirements import AgentTerm, AnyOf, Preference, Requirement, SkillTerm, Step
from tests.fairness import centres as make
from tests.fairness.centres import AGENTS, QUEUES, SKILLS, Centre, drive, examples

EXAMPLES = examples(80)
CALLS = tuple(f"call-{number}" for number in range(1, 12))


def mentions(order: random.Random) -> list[c.Command]:
    """Return commands that mention every name once, in a random order, and are all rejected."""
    skills, agents = list(SKILLS), list(AGENTS)
    order.shuffle(skills)
    order.shuffle(agents)
    step = Step(
        (SkillTerm(skills[0], 9), AnyOf((SkillTerm(skills[1]), SkillTerm(skills[2]))), AgentTerm(agents[0])),
        (Preference(skills[3]),),
    )
    found: list[c.Command] = [
        c.SignIn(agent, {skill: 1 + index for index, skill in enumerate(skills)}, {"telegraph": 1}) for agent in agents
    ]
    found += [
        c.Enqueue(call, "nowhere", requirement=Requirement((step,)), preferred_agents=tuple(agents), customer="kim")
        for call in CALLS
    ]
    found += [c.Transfer(call, queue) for call in CALLS[:2] for queue in QUEUES]
    found += [c.RecordOutcome(call, resolved=True, agent=agents[0], queue=QUEUES[0]) for call in CALLS[:2]]
    order.shuffle(found)
    return found


@EXAMPLES
@given(make.centres(favour={"configure": 2}), st.integers(0, 2**32))
def test_the_order_in_which_names_are_first_seen_does_not_matter(centre: Centre, seed: int) -> None:
    plain = Engine(centre.settings)
    for command in mentions(random.Random(1)):
        assert [type(event) for event in plain.apply(command, 0)] == [e.CommandRejected]
    history = drive(plain, centre)
    shuffled = Engine(centre.settings)
    for command in mentions(random.Random(seed)):
        shuffled.apply(command, 0)
    for time_us, command, events in history:
        assert shuffled.apply(command, time_us) == events
    assert shuffled.state_hash() == plain.state_hash()


@EXAMPLES
@given(make.centres(), st.integers(0, 2**32))
def test_a_name_that_was_only_refused_leaves_no_trace(centre: Centre, seed: int) -> None:
    """The state is the same as if other, made-up names had been refused: it remembers neither."""
    first, second = Engine(centre.settings), Engine(centre.settings)
    for number, command in enumerate(mentions(random.Random(seed))):
        first.apply(command, 0)
        second.apply(c.Cancel(f"made-up-{number}"), 0)
    history = drive(first, centre)
    for time_us, command, events in history:
        assert second.apply(command, time_us) == events
    assert second.state_hash() == first.state_hash()


def test_another_hash_seed_gives_the_same_history() -> None:
    """Separate processes, whose dictionaries and sets hash strings differently, print the same hashes."""
    root = Path(__file__).resolve().parents[2]

    def hashes(seed: str) -> str:
        environment = os.environ | {"PYTHONHASHSEED": seed}
        arguments = [sys.executable, "-m", "tests.determinism.print_hashes"]
        return subprocess.run(
            arguments, env=environment, cwd=root, capture_output=True, text=True, timeout=120, check=True
        ).stdout

    first = hashes("0")
    assert len(set(first.split())) > 20
    assert hashes("1") == hashes("4242") == first
