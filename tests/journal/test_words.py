"""Every command has its words, and every field of it comes out in an export."""

from __future__ import annotations

import json
import typing
from typing import Any

import pytest

from router.engine import commands as c
from router.engine.events import Configured, OfferMade
from router.engine.requirements import AgentTerm, AnyOf, Preference, Requirement, SkillTerm, Step
from router.engine.settings import QueueSettings, Settings
from router.engine.vocabulary import Urgency
from router.journal import Change, ConfigText, SessionChange
from router.journal.words import as_data, describe, describe_event, describe_note, subjects

DEMAND = Requirement(
    (
        Step((SkillTerm("german", 3), AnyOf((SkillTerm("cards"), SkillTerm("loans", 5)))), (Preference("fraud", 2),)),
        Step((AgentTerm("ann"),), (), 2_500_000),
        Step(after_us=60_000_000),
    )
)

CASES: list[tuple[c.Command, str]] = [
    (c.SignIn("ann", {"b": 3, "a": 1}, {"voice": 1}), "sign in agent ann, skills a=1 b=3, capacity voice=1"),
    (c.SignIn("ann", ready=False), "sign in agent ann, not ready"),
    (c.SignOut("ann"), "sign out agent ann"),
    (c.SetAvailability("ann", True), "set agent ann ready"),
    (
        c.SetAvailability("ann", False, "lunch", after_call=True),
        "set agent ann not ready, after the current call, reason 'lunch'",
    ),
    (c.UpdateAgent("ann", {}, {}), "update agent ann, skills none, capacity all channels"),
    (c.Enqueue("c-1", "loans"), "enqueue call c-1 in loans"),
    (
        c.Enqueue(
            "c-1",
            "loans",
            "chat",
            DEMAND,
            Urgency.URGENT,
            7,
            ("ann", "bob"),
            0,
            1_500_000,
            "dave",
            {"secret": "4711"},
            True,
            True,
        ),
        "enqueue call c-1 in loans, chat, urgent, priority 7, "
        "requirement german>=3 + (cards>=1 or loans>=5), rather fraud; agent ann after 2.5 s; anybody after 60 s, "
        "preferred ann bob, held for 0 s, credited 1.5 s, customer dave, "
        "attributes secret, callback, explain",
    ),
    (
        c.UpdateCall("c-1", Urgency.IMPORTANT, 0, None, (), {}),
        "update call c-1, important, priority 0, preferred nobody, attributes none",
    ),
    (c.Cancel("c-1", "hung up"), "cancel call c-1, reason 'hung up'"),
    (c.Requeue("c-1"), "requeue call c-1"),
    (c.Requeue("c-1", False, "lost"), "requeue call c-1 at the end, reason 'lost'"),
    (c.Transfer("c-1", "cards", False), "transfer call c-1 to cards, at the end"),
    (c.Assign("c-1", "ann"), "assign call c-1 to agent ann"),
    (c.TurnIntoCallback("c-1"), "turn call c-1 into a callback"),
    (c.Accept(17), "accept offer 17"),
    (c.Reject(17, "busy"), "reject offer 17, reason 'busy'"),
    (c.Complete("c-1"), "complete call c-1"),
    (c.EndWrapUp("ann"), "end wrap-up of agent ann"),
    (c.EndWrapUp("ann", "c-1"), "end wrap-up of agent ann for call c-1"),
    (
        c.RecordOutcome("c-1", False, 4, "ann", "loans"),
        "record outcome of call c-1, not resolved, satisfaction 4, agent ann, queue loans",
    ),
    (
        c.Configure(Settings(queues={"b": QueueSettings(), "a": QueueSettings()}), {"old": "a"}),
        "configure a, b, calls of old go to a",
    ),
    (c.PauseQueue("loans"), "pause queue loans"),
    (c.ResumeQueue("loans"), "resume queue loans"),
    (c.Detach("c-1"), "detach call c-1"),
    (c.Attach("c-1"), "attach call c-1"),
    (c.Restart(), "restart"),
    (c.Advance(), "advance"),
]


def test_every_command_is_among_them() -> None:
    assert {type(command) for command, _ in CASES} == set(typing.get_args(c.Command))


@pytest.mark.parametrize(("command", "words"), CASES, ids=lambda case: type(case).__name__)
def test_words(command: c.Command, words: str) -> None:
    assert describe(command) == words
    assert "4711" not in words


def test_notes() -> None:
    assert describe_note(None) == ""
    assert describe_note(ConfigText("x = 1", "e-1", True)) == "from the config file, etag e-1"
    assert describe_note(ConfigText("x = 1", "e-1", False)) == "from a client, etag e-1"
    assert describe_note(SessionChange("pbx", Change.GIVEN_UP)) == "session of pbx given up"


def test_events() -> None:
    made = OfferMade(
        time_us=1, sequence=2, offer=3, call="c-1", agent="ann", queue="loans", expires_us=9, callback=False
    )
    assert describe_event(made) == "offer made (call c-1, agent ann, queue loans)"
    assert describe_event(Configured(time_us=1, sequence=2)) == "configured"


@pytest.mark.parametrize(
    ("command", "calls", "agents"),
    [
        (c.Enqueue("c-1", "q", preferred_agents=("ann", "bob")), {"c-1"}, {"ann", "bob"}),
        (c.Assign("c-1", "ann"), {"c-1"}, {"ann"}),
        (c.EndWrapUp("ann"), set(), {"ann"}),
        (c.Advance(), set(), set()),
    ],
)
def test_subjects(command: c.Command, calls: set[str], agents: set[str]) -> None:
    assert subjects(command) == (calls, agents)


def test_data_has_every_field() -> None:
    command = c.Enqueue("c-1", "loans", requirement=DEMAND, urgency=Urgency.URGENT, attributes={"secret": "4711"})
    data: Any = as_data(command)
    assert json.loads(json.dumps(data)) == data
    assert data["type"] == "Enqueue"
    assert set(data) == {"type", *command.__struct_fields__}
    assert data["urgency"] == "urgent"
    assert data["attributes"] == {"secret": "4711"}
    assert data["requirement"]["steps"][0]["terms"][1]["terms"][1] == {"type": "skill", "skill": "loans", "level": 5}
    settings: Any = as_data(c.Configure(Settings(queues={"a": QueueSettings()})))
    assert settings["settings"]["queues"]["a"]["no_answer_action"] == "not_ready"
    assert as_data(b"\x01\xff") == "01ff"
    assert as_data(None) is None
