"""Reconcile without a server: each way in which client and router may differ, and what is done about it."""

from __future__ import annotations

from typing import Any

import pytest

from router.engine import commands as c
from router.engine import events as e
from router.engine.requirements import Requirement, SkillTerm, Step
from router.engine.settings import ChannelSettings, QueueSettings, Settings, WrapUp
from router.engine.vocabulary import AssignmentCause, Availability, CallState, Urgency, WrapUpMode
from router.fairness import check
from router.wire.sessions import Difference, LiveAgent, LiveCall
from tests.server.desk import Desk, kinds

SKILLED = Requirement((Step((SkillTerm("law", 1),)),))
SETTINGS = Settings(
    queues={
        "q": QueueSettings(wrap_up=WrapUp(WrapUpMode.MANUAL, 60_000_000)),
        "auto": QueueSettings(automatic=True),
        "law": QueueSettings(requirement=SKILLED),
        "full": QueueSettings(waiting_max=0),
    },
    channels={"voice": ChannelSettings(True), "chat": ChannelSettings(False)},
)


def agent(name: str, ready: bool = True, reason: str = "", **skills: int) -> LiveAgent:
    return LiveAgent(c.SignIn(name, skills, {}, ready), reason)


def waiting(call: str, queue: str = "") -> LiveCall:
    return LiveCall(call, enqueue=c.Enqueue(call, queue) if queue else None)


def talking(call: str, with_agent: str, queue: str = "", **wanted: Any) -> LiveCall:
    return LiveCall(call, talking=with_agent, enqueue=c.Enqueue(call, queue, **wanted) if queue else None)


def ringing(call: str, offer: int, queue: str = "") -> LiveCall:
    return LiveCall(call, ringing=offer, enqueue=c.Enqueue(call, queue) if queue else None)


@pytest.fixture
def desk() -> Desk:
    return Desk(SETTINGS)


def state(desk: Desk, call: str) -> str:
    view = desk.engine.call(call)
    words = view.state.name.lower()
    if view.state in (CallState.OFFERED, CallState.ASSIGNED):
        words += f" {view.agent}"
    return words + (" detached" if view.detached else "")


def availability(desk: Desk, name: str) -> str:
    view = desk.engine.agent(name)
    return f"{view.availability.name.lower()} {view.reason}".strip()


def contract_holds(desk: Desk) -> None:
    report = check(desk.history, desk.settings)
    assert report.ok, report.summary()


# Agreement


def test_where_both_agree_nothing_happens(desk: Desk) -> None:
    desk.all([c.SignIn("ada"), c.SignIn("bob"), c.SignIn("cyd", ready=False), c.Enqueue("c1", "auto")])
    desk.all([c.Enqueue("c2", "q"), c.Enqueue("c3", "q"), c.SetAvailability("cyd", False, "lunch")])
    offer = desk.engine.call("c2").offer
    assert offer is not None
    sequence = desk.engine.sequence
    agents = [agent("ada"), agent("bob"), agent("cyd", False)]
    found = desk.reconcile([talking("c1", "ada"), ringing("c2", offer), waiting("c3")], agents)
    assert (kinds(found.differences), found.agreed, desk.engine.sequence) == ([], 6, sequence)


def test_after_a_loss_the_calls_come_back_in_place_and_the_agents_as_the_client_has_them(desk: Desk) -> None:
    desk.begin()
    desk.all([c.SignIn("ada"), c.Enqueue("ring", "q")])
    desk.all([c.Enqueue(f"c{number}", "q", priority=number) for number in range(3)])
    desk.all([c.Enqueue("urgent", "q", urgency=Urgency.URGENT)])
    # another client's call that came last of all
    desk.all([c.Enqueue("theirs", "q")], "chat")
    line = desk.engine.waiting("q")
    assert line == ["urgent", "c2", "c1", "c0", "theirs"]
    desk.lose()
    assert desk.engine.waiting("q") == ["urgent", "c2", "c1", "ring", "c0", "theirs"]
    calls = [waiting(call) for call in ("c0", "c1", "c2", "ring", "urgent")]
    found = desk.reconcile(calls, [agent("ada")])
    assert [(one.kind.name, one.agent, one.found, one.repaired) for one in found.differences] == [
        ("AVAILABILITY", "ada", "not ready (connection_lost)", True)
    ]
    assert found.agreed == 5
    # ada was ready before the calls were back: theirs was the only one that could be taken
    assert state(desk, "theirs") == "offered ada"
    assert desk.engine.waiting("q") == ["urgent", "c2", "c1", "ring", "c0"]
    assert not any(desk.engine.call(call.call).detached for call in calls)
    assert desk.sessions.held == ("pbx",)
    contract_holds(desk)


def test_the_calls_that_come_back_seek_by_rank(desk: Desk) -> None:
    desk.begin()
    desk.all([c.Enqueue("c1", "q"), c.Enqueue("c2", "q"), c.Enqueue("c3", "q", priority=5)])
    desk.all([c.Enqueue("old", "q", credited_wait_us=5_000_000)])
    desk.lose()
    desk.all([c.SignIn("dan"), c.SignIn("eve")], "chat")
    desk.reconcile([waiting("c1"), waiting("c2"), waiting("c3"), waiting("old")])
    assert [state(desk, call) for call in ("c3", "old", "c1", "c2")] == [
        "offered dan",
        "offered eve",
        "waiting",
        "waiting",
    ]


# Calls, one difference each


def one(desk: Desk, calls: list[LiveCall], agents: list[LiveAgent]) -> Difference:
    """Reconcile, and return the one difference that there must be."""
    found = desk.reconcile(calls, agents)
    contract_holds(desk)
    assert len(found.differences) == 1, kinds(found.differences)
    return found.differences[0]


@pytest.mark.parametrize(
    ("queue", "found", "becomes"),
    [
        ("law", "waiting", "abandoned"),
        ("q", "offered to ada as offer 1", "abandoned"),
        ("auto", "with ada", "completed"),
    ],
)
def test_a_call_that_the_client_no_longer_has(desk: Desk, queue: str, found: str, becomes: str) -> None:
    desk.all([c.SignIn("ada"), c.Enqueue("c1", queue)])
    difference = one(desk, [], [agent("ada")])
    assert (difference.kind.name, difference.call, difference.found) == ("CALL_ENDED", "c1", found)
    assert difference.repaired
    assert state(desk, "c1") == becomes
    assert availability(desk, "ada") == "ready"


def test_an_unknown_call_that_waits_is_enqueued(desk: Desk) -> None:
    difference = one(desk, [waiting("c1", "q")], [])
    assert (difference.kind.name, difference.found, difference.repaired) == ("CALL_UNKNOWN", "unknown", True)
    assert state(desk, "c1") == "waiting"
    assert desk.sessions.calls.owner("c1") == "pbx"


def test_unknown_calls_are_enqueued_by_rank_after_the_agents(desk: Desk) -> None:
    calls = [
        LiveCall("c1", enqueue=c.Enqueue("c1", "q")),
        LiveCall("c2", enqueue=c.Enqueue("c2", "q", credited_wait_us=9_000_000)),
        LiveCall("c3", enqueue=c.Enqueue("c3", "q", priority=9)),
        LiveCall("c4", enqueue=c.Enqueue("c4", "q", urgency=Urgency.URGENT)),
    ]
    found = desk.reconcile(calls, [agent("ada"), agent("bob")])
    assert kinds(found.differences) == ["AGENT_UNKNOWN"] * 2 + ["CALL_UNKNOWN"] * 4
    assert [state(desk, call) for call in ("c4", "c3", "c2", "c1")] == ["offered ada", "offered bob"] + ["waiting"] * 2


def test_an_unknown_call_without_an_enqueue_is_left(desk: Desk) -> None:
    difference = one(desk, [waiting("c1")], [])
    assert (difference.kind.name, difference.repaired) == ("CALL_UNKNOWN", False)
    assert "`enqueue`" in difference.problem


def test_an_unknown_call_of_an_unknown_queue_is_left_with_the_reason(desk: Desk) -> None:
    difference = one(desk, [waiting("c1", "nowhere")], [])
    assert (difference.kind.name, difference.repaired) == ("CALL_UNKNOWN", False)
    assert difference.problem == "no queue nowhere is configured"


def test_an_unknown_call_for_a_full_queue_is_refused_there(desk: Desk) -> None:
    difference = one(desk, [waiting("c1", "full")], [])
    assert (difference.kind.name, difference.repaired) == ("CALL_UNKNOWN", False)
    assert "full" in difference.problem
    assert state(desk, "c1") == "refused"


def test_an_unknown_call_that_is_malformed_is_left_with_the_reason(desk: Desk) -> None:
    call = LiveCall("c1", enqueue=c.Enqueue("c1", "q", priority=12))
    difference = one(desk, [call], [])
    assert not difference.repaired
    assert "enqueue.priority" in difference.problem


@pytest.mark.parametrize("queue", ["q", "auto"])
def test_an_unknown_call_that_talks_is_enqueued_and_assigned(desk: Desk, queue: str) -> None:
    # other agents who could take it are idle
    desk.all([c.SignIn("dan")], "chat")
    found = desk.reconcile([talking("c1", "ada", queue)], [agent("ada"), agent("bob")])
    assert sorted(kinds(found.differences)) == ["AGENT_UNKNOWN", "AGENT_UNKNOWN", "CALL_UNKNOWN"]
    assert state(desk, "c1") == "assigned ada"
    assert [availability(desk, name) for name in ("ada", "bob", "dan")] == ["ready"] * 3
    assert not desk.engine.agent("dan").engagements
    contract_holds(desk)


def test_an_unknown_call_that_rings_is_enqueued_and_stops_ringing(desk: Desk) -> None:
    found = desk.reconcile([ringing("c1", 77, "q")], [])
    assert kinds(found.differences) == ["OFFER_ENDED (left)", "CALL_UNKNOWN"]
    assert found.differences[0].offer == 77
    assert "stop ringing" in found.differences[0].problem


def test_a_finished_call_is_the_clients_to_end(desk: Desk) -> None:
    desk.all([c.Enqueue("c1", "q"), c.Cancel("c1")])
    difference = one(desk, [waiting("c1", "q")], [])
    assert (difference.kind.name, difference.found, difference.repaired) == ("CALL_FINISHED", "abandoned", False)
    assert "another id" in difference.problem


def test_who_talks_with_a_finished_call_gets_no_other(desk: Desk) -> None:
    desk.begin()
    desk.all([c.SignIn("ada"), c.Enqueue("c1", "auto")])
    desk.lose()
    desk.give_up()
    desk.all([c.Enqueue("theirs", "auto")], "chat")
    for _ in range(2):
        found = desk.reconcile([talking("c1", "ada")], [agent("ada")])
        assert kinds(found.differences)[0] == "CALL_FINISHED (left)"
        assert "c1" in found.differences[1].problem
        assert not found.differences[1].repaired
        assert availability(desk, "ada") == "not_ready unknown_call"
        assert state(desk, "theirs") == "waiting"
    # once the talk is over
    found = desk.reconcile([], [agent("ada")])
    assert kinds(found.differences) == ["AVAILABILITY"]
    assert state(desk, "theirs") == "assigned ada"


def test_who_chats_with_a_finished_call_may_have_others(desk: Desk) -> None:
    desk.all([c.Enqueue("c1", "q", "chat"), c.Cancel("c1")])
    found = desk.reconcile([talking("c1", "ada")], [agent("ada")])
    assert kinds(found.differences) == ["CALL_FINISHED (left)", "AGENT_UNKNOWN"]
    assert availability(desk, "ada") == "ready"


def test_an_offer_that_rings_nowhere_goes_back_and_the_call_is_offered_again(desk: Desk) -> None:
    desk.all([c.SignIn("ada"), c.Enqueue("c1", "q"), c.Enqueue("c2", "q")])
    sequence = desk.engine.sequence
    difference = one(desk, [waiting("c1"), waiting("c2")], [agent("ada")])
    assert (difference.kind.name, difference.agent, difference.offer) == ("OFFER_NOT_RINGING", "ada", 1)
    assert difference.repaired
    assert [type(event).__name__ for event in desk.since(sequence)] == [
        "OfferWithdrawn",
        "CallDetached",
        "OfferMade",
        "CallAttached",
    ]
    # it kept its place; but c2 was there when ada was free
    assert [state(desk, call) for call in ("c1", "c2")] == ["waiting", "offered ada"]
    assert desk.engine.position("c1") == 1


def test_an_offer_that_is_over_is_the_clients_to_stop(desk: Desk) -> None:
    desk.all([c.SignIn("ada"), c.Enqueue("c1", "q"), c.Reject(1)])
    difference = one(desk, [ringing("c1", 1)], [agent("ada")])
    assert (difference.kind.name, difference.offer, difference.found) == ("OFFER_ENDED", 1, "waiting")
    assert not difference.repaired


def test_an_offer_after_the_one_that_rings_goes_back(desk: Desk) -> None:
    desk.all([c.SignIn("ada"), c.SignIn("bob"), c.Enqueue("c1", "q"), c.Reject(1)])
    assert state(desk, "c1") == "offered bob"
    found = desk.reconcile([ringing("c1", 1)], [agent("ada"), agent("bob")])
    assert kinds(found.differences) == ["OFFER_ENDED (left)", "OFFER_NOT_RINGING"]
    contract_holds(desk)


def test_an_answer_that_did_not_arrive_is_accepted(desk: Desk) -> None:
    desk.all([c.SignIn("ada"), c.Enqueue("c1", "q")])
    sequence = desk.engine.sequence
    difference = one(desk, [talking("c1", "ada")], [agent("ada")])
    assert (difference.kind.name, difference.agent, difference.repaired) == ("TALKING", "ada", True)
    assert difference.found == "offered to ada as offer 1"
    assigned = [event for event in desk.since(sequence) if isinstance(event, e.CallAssigned)]
    assert [(event.offer, event.cause) for event in assigned] == [(1, AssignmentCause.ACCEPTED)]


def test_a_call_that_waits_here_and_talks_there_is_assigned(desk: Desk) -> None:
    desk.begin()
    desk.all([c.SignIn("ada"), c.Enqueue("c1", "q"), c.Enqueue("c2", "q")])
    desk.lose()
    found = desk.reconcile([talking("c1", "ada"), waiting("c2")], [agent("ada")])
    assert kinds(found.differences) == ["TALKING", "AVAILABILITY"]
    assert [state(desk, call) for call in ("c1", "c2")] == ["assigned ada", "waiting"]
    contract_holds(desk)


def test_calls_whose_agents_were_swapped(desk: Desk) -> None:
    desk.all([c.SignIn("ada"), c.SignIn("bob"), c.Enqueue("c1", "auto"), c.Enqueue("c2", "auto")])
    desk.all([c.Enqueue("c3", "auto")])
    calls = [talking("c1", "bob"), talking("c2", "ada"), waiting("c3")]
    found = desk.reconcile(calls, [agent("ada"), agent("bob")])
    assert [(one.kind.name, one.found) for one in found.differences] == [
        ("TALKING", "with ada"),
        ("TALKING", "with bob"),
    ]
    assert [state(desk, call.call) for call in calls] == ["assigned bob", "assigned ada", "waiting"]
    assert [availability(desk, name) for name in ("ada", "bob")] == ["ready", "ready"]
    contract_holds(desk)
    sequence = desk.engine.sequence
    assert not desk.reconcile(calls, [agent("ada"), agent("bob")]).differences
    assert desk.engine.sequence == sequence


def test_a_call_with_an_agent_who_does_not_have_it_waits_in_its_place(desk: Desk) -> None:
    desk.begin()
    desk.all([c.SignIn("ada"), c.Enqueue("c1", "auto"), c.Enqueue("c2", "auto")])
    desk.lose()
    difference = desk.reconcile([waiting("c1"), waiting("c2")], [agent("ada", False, "lunch")]).differences[0]
    assert (difference.kind.name, difference.agent, difference.found) == ("NOT_TALKING", "ada", "with ada")
    assert desk.engine.waiting("auto") == ["c1", "c2"]
    assert availability(desk, "ada") == "not_ready lunch"
    assert not desk.engine.agent("ada").engagements
    contract_holds(desk)


def test_a_call_that_still_rings_after_its_answer_waits_and_stops_ringing(desk: Desk) -> None:
    desk.all([c.SignIn("ada"), c.Enqueue("c1", "q"), c.Accept(1)])
    found = desk.reconcile([ringing("c1", 1)], [agent("ada")])
    assert kinds(found.differences) == ["OFFER_ENDED (left)", "NOT_TALKING"]
    contract_holds(desk)


def test_who_talks_is_no_longer_in_wrap_up(desk: Desk) -> None:
    desk.begin()
    desk.all([c.SignIn("ada"), c.Enqueue("c1", "q"), c.Accept(1), c.Complete("c1"), c.Enqueue("c2", "q")])
    assert desk.engine.agent("ada").engagements
    desk.lose()
    difference = desk.reconcile([talking("c2", "ada")], [agent("ada")]).differences[0]
    assert (difference.kind.name, difference.repaired) == ("TALKING", True)
    assert state(desk, "c2") == "assigned ada"
    contract_holds(desk)


def test_an_agent_of_another_client_may_have_the_clients_call(desk: Desk) -> None:
    desk.all([c.SignIn("ada")], "desktop")
    desk.all([c.SetAvailability("ada", False, "lunch")], "desktop")
    desk.all([c.Enqueue("c1", "law")])
    difference = one(desk, [talking("c1", "ada")], [])
    assert (difference.kind.name, difference.repaired) == ("TALKING", True)
    assert state(desk, "c1") == "assigned ada"
    assert availability(desk, "ada") == "not_ready lunch"


def test_a_talk_that_cannot_be_is_left_and_offered_to_nobody(desk: Desk) -> None:
    desk.all([c.SignIn("dan")], "chat")
    desk.all([c.Enqueue("theirs", "auto")], "chat")
    desk.all([c.SignIn("ada"), c.Enqueue("c1", "law"), c.Enqueue("c2", "law")])
    calls = [talking("c1", "dan"), talking("c2", "nobody")]
    for _ in range(2):
        found = desk.reconcile(calls, [agent("ada")])
        assert kinds(found.differences) == ["TALKING (left)", "TALKING (left)"]
        assert "no free capacity" in found.differences[0].problem
        assert "no agent nobody" in found.differences[1].problem
        assert all("nobody is offered the call" in one.problem for one in found.differences)
        assert [state(desk, call) for call in ("c1", "c2", "theirs")] == ["waiting detached"] * 2 + ["assigned dan"]
    contract_holds(desk)


def test_two_calls_cannot_be_with_one_agent(desk: Desk) -> None:
    desk.all([c.SignIn("ada", ready=False), c.Enqueue("c1", "q"), c.Enqueue("c2", "q")])
    found = desk.reconcile([talking("c1", "ada"), talking("c2", "ada")], [agent("ada")])
    assert kinds(found.differences)[:2] == ["TALKING", "TALKING (left)"]
    assert [state(desk, call) for call in ("c1", "c2")] == ["assigned ada", "waiting detached"]
    contract_holds(desk)


# Agents


@pytest.mark.parametrize(
    ("signed_in", "listed", "difference", "found", "becomes"),
    [
        (None, agent("ada"), "AGENT_UNKNOWN", "signed out", "ready"),
        (None, agent("ada", False, "lunch"), "AGENT_UNKNOWN", "signed out", "not_ready lunch"),
        ((True, ""), agent("ada", False, "lunch"), "AVAILABILITY", "ready", "not_ready lunch"),
        ((False, "lunch"), agent("ada"), "AVAILABILITY", "not ready (lunch)", "ready"),
        ((False, "lunch"), agent("ada", False), "", "", "not_ready lunch"),
        ((False, "lunch"), agent("ada", False, "tea"), "AVAILABILITY", "not ready (lunch)", "not_ready tea"),
        ((False, "connection_lost"), agent("ada", False), "AVAILABILITY", "not ready (connection_lost)", "not_ready"),
    ],
)
def test_agents_become_as_the_client_has_them(
    desk: Desk, signed_in: tuple[bool, str] | None, listed: LiveAgent, difference: str, found: str, becomes: str
) -> None:
    if signed_in is not None:
        desk.all([c.SignIn("ada"), c.SetAvailability("ada", *signed_in)])
    reconciled = desk.reconcile([], [listed])
    assert kinds(reconciled.differences) == ([difference] if difference else [])
    assert [one.found for one in reconciled.differences] == ([found] if found else [])
    assert availability(desk, "ada") == becomes
    assert desk.sessions.agents.owner("ada") == "pbx"
    sequence = desk.engine.sequence
    assert desk.reconcile([], [listed]).agreed == 1
    assert desk.engine.sequence == sequence


def test_an_agent_that_goes_not_ready_after_the_call_agrees_with_not_ready(desk: Desk) -> None:
    desk.all([c.SignIn("ada"), c.Enqueue("c1", "auto"), c.SetAvailability("ada", False, "lunch", after_call=True)])
    assert not desk.reconcile([talking("c1", "ada")], [agent("ada", False)]).differences
    assert availability(desk, "ada") == "closing lunch"
    assert kinds(desk.reconcile([talking("c1", "ada")], [agent("ada", False, "tea")]).differences) == ["AVAILABILITY"]
    assert availability(desk, "ada") == "closing tea"
    assert kinds(desk.reconcile([talking("c1", "ada")], [agent("ada")]).differences) == ["AVAILABILITY"]
    assert availability(desk, "ada") == "ready"


def test_an_agent_whom_the_client_has_not_is_signed_out(desk: Desk) -> None:
    desk.all([c.SignIn("ada"), c.SignIn("bob"), c.Enqueue("c1", "auto"), c.Enqueue("c2", "q")])
    found = desk.reconcile([talking("c1", "ada"), waiting("c2")], [])
    assert kinds(found.differences) == ["OFFER_NOT_RINGING", "AGENT_GONE", "AGENT_GONE"]
    assert [availability(desk, name) for name in ("ada", "bob")] == ["signed_out", "signed_out"]
    # a talk runs on to its end
    assert [state(desk, call) for call in ("c1", "c2")] == ["assigned ada", "waiting"]
    contract_holds(desk)


def test_an_agent_who_cannot_be_signed_in_is_left_with_the_reason(desk: Desk) -> None:
    listed = LiveAgent(c.SignIn("ada", {}, {"telex": 1}))
    difference = one(desk, [], [listed])
    assert (difference.kind.name, difference.repaired) == ("AGENT_UNKNOWN", False)
    assert difference.problem == "no channel telex is configured"
    difference = one(desk, [], [LiveAgent(c.SignIn("bob", {"law": 11}))])
    assert "sign_in.skills" in difference.problem


# What belongs to others


def test_what_others_brought_is_left_alone(desk: Desk) -> None:
    desk.all([c.SignIn("dan"), c.Enqueue("c1", "auto"), c.Enqueue("c2", "law")], "chat")
    desk.all([c.SignIn("eve", ready=False), c.Enqueue("c3", "law")], "")
    before = desk.engine.state_hash()
    found = desk.reconcile(
        [talking("c1", "nobody"), waiting("c2"), ringing("c3", 4)], [agent("dan", False), agent("eve")]
    )
    assert kinds(found.differences) == ["OTHER_OWNER (left)"] * 5
    assert [one.found for one in found.differences] == ["brought by chat"] * 2 + [
        "brought without a client id",
        "brought by chat",
        "brought without a client id",
    ]
    assert all(one.problem for one in found.differences)
    assert found.agreed == 0
    assert desk.engine.state_hash() == before


def test_an_empty_report_ends_what_is_the_clients_and_nothing_else(desk: Desk) -> None:
    desk.all([c.SignIn("dan"), c.Enqueue("theirs", "auto")], "chat")
    desk.all([c.SignIn("ada", ready=False), c.Enqueue("c1", "law")])
    found = desk.reconcile()
    assert kinds(found.differences) == ["CALL_ENDED", "AGENT_GONE"]
    assert [state(desk, call) for call in ("c1", "theirs")] == ["abandoned", "assigned dan"]
    assert [availability(desk, name) for name in ("ada", "dan")] == ["signed_out", "ready"]


# The whole


def test_a_dry_run_says_the_same_and_changes_nothing(desk: Desk) -> None:
    desk.begin()
    desk.all([c.SignIn("ada"), c.SignIn("bob"), c.SignIn("gone"), c.Enqueue("c1", "auto"), c.Enqueue("c2", "q")])
    desk.all([c.Enqueue("ended", "law"), c.Enqueue("over", "q"), c.Cancel("over")])
    desk.lose()
    before, sequence = desk.engine.state_hash(), desk.engine.sequence
    calls = [
        waiting("c1"),
        talking("c2", "ada"),
        talking("new", "eve", "q"),
        waiting("newer", "q"),
        ringing("newest", 3, "q"),
        waiting("over"),
    ]
    agents = [agent("ada"), agent("bob", False, "lunch"), agent("eve")]
    dry = desk.reconcile(calls, agents, dry_run=True)
    assert (desk.engine.sequence, desk.engine.state_hash()) == (sequence, before)
    assert desk.sessions.lost == ("pbx",)
    assert not any(one.repaired for one in dry.differences)
    wet = desk.reconcile(calls, agents)
    assert sorted(one.kind.name for one in dry.differences) == sorted(one.kind.name for one in wet.differences)
    assert {
        (one.kind, one.call, one.agent, one.found) for one in dry.differences if one.kind.name != "CALL_UNKNOWN"
    } == {(one.kind, one.call, one.agent, one.found) for one in wet.differences if one.kind.name != "CALL_UNKNOWN"}
    assert dry.agreed == wet.agreed
    assert desk.sessions.held == ("pbx",)
    contract_holds(desk)


def test_a_router_that_knows_nothing_is_told_everything(desk: Desk) -> None:
    agents = [agent(f"a{number:02}") for number in range(40)]
    calls = [talking(f"t{number:02}", f"a{number:02}", "auto" if number % 2 else "q") for number in range(30)]
    calls += [waiting(f"w{number:02}", "q") for number in range(100)]
    found = desk.reconcile(calls, agents)
    assert sorted(kinds(found.differences)) == ["AGENT_UNKNOWN"] * 40 + ["CALL_UNKNOWN"] * 130
    assert [state(desk, f"t{number:02}") for number in range(30)] == [f"assigned a{number:02}" for number in range(30)]
    # ten agents were idle
    assert sum(one.state is CallState.OFFERED for one in desk.engine.calls()) == 10
    assert all(one.availability is Availability.READY for one in desk.engine.agents())
    contract_holds(desk)


def test_what_the_client_brings_meanwhile_is_not_ended(desk: Desk) -> None:
    desk.all([c.Enqueue(f"c{number}", "law") for number in range(200)])
    from router.server.sessions.reconcile import Reconciliation, Report

    reconciliation = Reconciliation(desk.engine, desk.sessions, Report("pbx", {}, {}), "test")
    plans = reconciliation.plans()
    desk.carry_out(next(plans))
    desk.all([c.Enqueue("late", "law")])
    for plan in plans:
        desk.carry_out(plan)
    assert [one.call for one in desk.engine.calls() if one.state is CallState.WAITING] == ["late"]


def test_who_did_it_is_known(desk: Desk) -> None:
    desk.begin()
    desk.all([c.SignIn("ada")])
    desk.lose()
    before = len(desk.happenings)
    desk.reconcile([waiting("c1", "q")], [agent("ada")])
    assert {happening.client_id for happening in desk.happenings[before:]} == {"pbx"}
    assert set(desk.actors[before:]) == {"test"}
