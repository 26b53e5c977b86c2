"""The situations of a call's life, one by one: what is asked of Asterisk and of the router, and what comes of it."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from router.bridge.asterisk.agents import AgentEntry, AgentTable
from router.bridge.asterisk.ari import events as ari
from router.bridge.asterisk.ari import requests as req
from router.bridge.asterisk.causes import Ending, LegEnd
from router.bridge.asterisk.floor_settings import Place
from router.engine import commands as c
from router.engine.vocabulary import Availability, CallState
from tests.bridge.situation import Situation
from tests.bridge.world import SECOND_US, floor_settings


@pytest.fixture
def play() -> Situation:
    return Situation().ready("ben")


def test_a_call_from_beginning_to_end(play: Situation) -> None:
    caller = play.calls()
    assert caller.state == "Up"
    assert caller.music
    leg = play.answers()
    assert leg.id == "asterisk-offer-1-leg"
    assert leg.args == ("agent", "ben", f"asterisk-{caller.id}")
    assert play.pbx.bridges == {f"asterisk-call-{caller.id}": [caller.id, leg.id]}
    assert not caller.music
    assert play.state(caller) is CallState.ASSIGNED
    play.pbx.hang_up(caller)
    play.deliver_all()
    assert play.state(caller) is CallState.COMPLETED
    play.rest()
    assert not play.pbx.channels
    assert not play.pbx.bridges
    assert play.agent("ben")[0] is Availability.READY


def test_the_mixing_bridge_is_made_before_the_agent_answers(play: Situation) -> None:
    play.calls()
    play.answers()
    asked = [line for line in play.log if "> " in line]
    rung, made, accepted, mixed = (
        next(place for place, line in enumerate(asked) if word in line)
        for word in ("Originate(", "MakeMixing(", "Accept(", "AddToMixing(")
    )
    assert rung < made < accepted < mixed


def test_a_caller_may_be_kept_ringing_until_an_agent_answers(play: Situation) -> None:
    caller = play.calls("ringing", "loans")
    assert caller.state == "Ring"
    assert caller.ringing
    play.answers()
    assert caller.state == "Up"
    play.check()


@pytest.mark.parametrize(
    ("cause", "rang", "word", "not_ready"),
    [
        (17, True, "busy", True),
        (21, True, "rejected", False),
        (19, True, "no answer", False),
        (34, False, "congestion", False),
        (19, False, "unreachable", True),
        (0, False, "unreachable", True),
        (1, False, "unreachable", True),
    ],
)
def test_a_telephone_that_does_not_answer(play: Situation, cause: int, rang: bool, word: str, not_ready: bool) -> None:
    caller = play.calls()
    (leg,) = play.pbx.legs("Down")
    if rang:
        play.rings()
    play.pbx.refuse(leg, cause)
    play.deliver_all()
    assert play.state(caller) is CallState.WAITING
    assert caller.music
    assert play.agent("ben") == ((Availability.NOT_READY, word) if not_ready else (Availability.READY, ""))
    assert play.counted[f"legs.{word}"] == 1
    assert not play.pbx.legs("Down", "Ringing", "Up"), "who has just rejected it is not rung again"


def test_a_telephone_that_only_tells_of_progress_has_rung(play: Situation) -> None:
    play.calls()
    (leg,) = play.pbx.legs("Down")
    play.pbx.emit(ari.Dial(leg.view(), "PROGRESS"))
    play.pbx.refuse(leg, 19)
    play.deliver_all()
    assert play.counted["legs.no answer"] == 1
    assert play.agent("ben")[0] is Availability.READY


def test_who_was_busy_is_ready_again_after_a_while(play: Situation) -> None:
    play.wait(3 * SECOND_US)
    play.calls()
    play.pbx.refuse(play.rings(), 17)
    play.deliver_all()
    play.wait(29 * SECOND_US)
    play.deliver_all()
    assert play.agent("ben") == (Availability.NOT_READY, "busy")
    play.wait(SECOND_US)
    play.deliver_all()
    assert play.agent("ben")[0] is Availability.READY
    assert [leg.args[1] for leg in play.pbx.legs("Down")] == ["ben"]


def test_what_somebody_else_has_set_is_not_taken_back(play: Situation) -> None:
    play.calls()
    play.pbx.refuse(play.rings(), 17)
    play.deliver_all()
    play.supervise(c.SetAvailability("ben", False, "lunch"))
    play.deliver_all()
    play.wait(60 * SECOND_US)
    play.deliver_all()
    assert play.agent("ben") == (Availability.NOT_READY, "lunch")


def test_the_settings_say_what_follows_for_the_agent() -> None:
    endings = {LegEnd.REJECTED: Ending(not_ready=True, ready_again_us=None)}
    play = Situation(floor_settings(endings=endings)).ready("ben")
    play.calls()
    play.pbx.refuse(play.rings(), 21)
    play.deliver_all()
    assert play.agent("ben") == (Availability.NOT_READY, "rejected")


def test_an_endpoint_that_does_not_exist(play: Situation) -> None:
    play.supervise(c.SetAvailability("ben", False, "not in this play"))
    play.pbx.dial_in(("agent", "sign_in"), "PJSIP/nowhere")
    play.deliver_all()
    caller = play.calls()
    play.rest()
    assert play.agent("dora") == (Availability.NOT_READY, "unreachable")
    assert play.state(caller) is CallState.WAITING
    play.check()


def test_an_agent_without_an_endpoint(play: Situation) -> None:
    play.supervise(c.SetAvailability("ben", False, "not in this play"))
    play.supervise(c.SignIn("stranger"))
    caller = play.calls()
    assert play.agent("stranger") == (Availability.NOT_READY, "no endpoint")
    assert play.state(caller) is CallState.WAITING


def test_an_offer_expires_and_the_telephone_stops_ringing(play: Situation) -> None:
    caller = play.calls()
    play.rings()
    play.wait(20 * SECOND_US)
    play.deliver_all()
    assert not play.pbx.legs("Ringing")
    assert play.agent("ben") == (Availability.NOT_READY, "no_answer")
    assert play.state(caller) is CallState.WAITING


def test_who_answers_too_late_is_hung_up(play: Situation) -> None:
    caller = play.calls()
    leg = play.rings()
    play.wait(20 * SECOND_US)  # it has expired, and nobody was told yet
    play.pbx.lift(leg)
    play.pbx.enter(leg)
    play.only(play.deliver_event)
    play.deliver_all()
    assert leg.id not in play.pbx.channels
    assert not play.pbx.mixings, "nobody was connected"
    assert caller.music
    play.check()


def test_the_music_ends_while_the_router_is_asked_whether_the_answer_counts(play: Situation) -> None:
    caller = play.calls()
    leg = play.picks_up()
    play.only(play.deliver_event, play.perform)
    assert not caller.music
    assert play.commands, "the router has not heard of it yet"
    play.deliver_all()
    assert play.pbx.mixings == [(caller.id, leg.id)]
    play.check()


def test_the_caller_hangs_up_in_the_instant_the_agent_answers(play: Situation) -> None:
    caller = play.calls()
    play.picks_up()
    play.only(play.deliver_event)
    assert play.carry_out(), "the answer has reached the router"
    play.pbx.hang_up(caller)
    play.deliver_all()
    assert play.state(caller) is CallState.COMPLETED
    assert not play.pbx.channels, "the agent is not left alone"
    assert not play.pbx.bridges


def test_the_caller_hangs_up_before_the_telephone_is_rung(play: Situation) -> None:
    play.supervise(c.SetAvailability("ben", False, "break"))
    caller = play.calls()
    play.supervise(c.SetAvailability("ben", True))
    play.only(play.deliver_watch)
    play.pbx.hang_up(caller)
    # Asterisk knows no such originator, and that the caller has hung up is still to be heard
    play.only(play.perform, play.deliver_outcome)
    play.deliver_all()
    assert play.agent("ben")[0] is Availability.READY, "the telephone is not to blame"
    assert play.state(caller) is CallState.ABANDONED
    play.rest()
    play.check()


def test_both_hang_up_at_once(play: Situation) -> None:
    caller = play.calls()
    leg = play.answers()
    play.pbx.hang_up(leg)
    play.pbx.hang_up(caller)
    play.deliver_all()
    assert play.state(caller) is CallState.COMPLETED
    play.rest()
    play.check()


def test_the_agent_hangs_up_and_the_caller_goes_on_in_the_dialplan() -> None:
    play = Situation(floor_settings(after_agent=Place("survey", "s", 1))).ready("ben")
    caller = play.calls()
    leg = play.answers()
    play.pbx.hang_up(leg)
    play.deliver_all()
    assert f"> Continue(channel='{caller.id}', context='survey', extension='s', priority=1" in "".join(play.log)
    assert play.state(caller) is CallState.COMPLETED


def test_an_agent_sends_the_caller_on(play: Situation) -> None:
    caller = play.calls()
    leg = play.answers()
    before = play.router.engine.call(f"asterisk-{caller.id}").effective_arrival_us
    play.wait(5 * SECOND_US)
    play.pbx.press(leg, "5*22#")
    play.deliver_all()
    view = play.router.engine.call(f"asterisk-{caller.id}")
    assert view.queue == "cards"
    assert view.effective_arrival_us == before, "the wait counts on"
    assert leg.id not in play.pbx.channels
    play.rest()
    play.check()


def test_digits_dialled_too_slowly_do_not_count(play: Situation) -> None:
    caller = play.calls()
    leg = play.answers()
    play.pbx.press(leg, "*2")
    play.deliver_all()
    play.wait(11 * SECOND_US)
    play.pbx.press(leg, "2#")
    play.deliver_all()
    assert play.router.engine.call(f"asterisk-{caller.id}").queue == "loans"
    assert play.pbx.bridges[f"asterisk-call-{caller.id}"] == [caller.id, leg.id]


def test_a_supervisor_assigns_a_call(play: Situation) -> None:
    play.supervise(c.SetAvailability("ben", False, "break"))
    caller = play.calls()
    play.supervise(c.Assign(f"asterisk-{caller.id}", "ben"))
    play.deliver_all()
    leg = play.answers()
    assert leg.id == "asterisk-assign-1-leg"
    assert play.asked(c.Accept) == 0
    play.check()


def test_an_assigned_agent_who_does_not_answer_gets_no_other_call(play: Situation) -> None:
    caller = play.calls("in", "vip")
    play.pbx.refuse(play.rings(), 19)
    play.deliver_all()
    assert play.state(caller) is CallState.WAITING
    assert play.agent("ben") == (Availability.NOT_READY, "no answer")


def test_a_refused_call_goes_on_in_the_dialplan(play: Situation) -> None:
    play.supervise(c.SetAvailability("ben", False, "break"))
    caller = play.calls("in", "tiny")
    assert play.state(caller) is CallState.REFUSED
    assert caller.id not in play.pbx.channels
    assert play.asked(req.Continue) == 1


def test_an_unknown_queue_and_no_rule(play: Situation) -> None:
    for args in (("in", "no such queue"), ("nonsense",)):
        assert play.calls(*args).id not in play.pbx.channels
    assert play.asked(req.Continue) == 2


def test_rules_that_need_channel_variables() -> None:
    play = Situation(floor_settings(variables=("QUEUE",))).ready("ben")
    caller = play.pbx.dial_in(("asks", ""))
    other = play.pbx.dial_in(("asks", ""))
    assert caller is not None
    assert other is not None
    caller.variables["QUEUE"] = "cards"
    play.deliver_all()
    assert play.router.engine.call(f"asterisk-{caller.id}").queue == "cards"
    assert play.router.engine.call(f"asterisk-{other.id}").queue == "loans"


def test_features_by_telephone(play: Situation) -> None:
    for kind, stand in (
        ("not_ready", (Availability.NOT_READY, "by telephone")),
        ("ready", (Availability.READY, "")),
        ("sign_out", (Availability.SIGNED_OUT, "")),
        ("sign_in", (Availability.READY, "")),
        ("sign_in", (Availability.READY, "")),
    ):
        play.pbx.dial_in(("agent", kind), "PJSIP/ben")
        play.deliver_all()
        assert play.agent("ben") == stand
    assert not play.pbx.channels, "who has dialled goes on in the dialplan"
    assert play.asked(req.Play) == 5
    play.pbx.dial_in(("agent", "sign_in"), "PJSIP/nobody")
    play.deliver_all()
    assert play.counted.get("features.sign_in_failed") is None
    assert "im-sorry" in "".join(play.log)


def test_a_telephone_that_is_busy_with_a_feature_code_is_tried_again_soon(play: Situation) -> None:
    play.supervise(c.SetAvailability("ben", False, "break"))
    play.calls()
    play.pbx.dial_in(("agent", "ready"), "PJSIP/ben")
    play.deliver_all()
    (leg,) = play.pbx.legs("Down")
    play.pbx.refuse(leg, 17)
    play.deliver_all()
    assert play.agent("ben") == (Availability.NOT_READY, "busy")
    play.wait(3 * SECOND_US)
    play.deliver_all()
    assert play.agent("ben")[0] is Availability.READY
    assert [leg.args[1] for leg in play.pbx.legs("Down")] == ["ben"]


def test_a_feature_whose_sound_never_ends(play: Situation) -> None:
    play.pbx.dial_in(("agent", "ready"), "PJSIP/ben")
    for _ in range(60):
        play.deliver_event()
        play.perform()
        play.deliver_outcome()
        play.carry_out()
        play.deliver_reply()
    assert play.pbx.playing, "it plays on and on"
    play.pbx.playing.clear()
    play.wait(11 * SECOND_US)
    play.deliver_all()
    assert not play.pbx.channels


def test_telephones_that_are_away_or_taken() -> None:
    play = Situation(floor_settings(device_states=True)).ready("ben")

    def device(state: str) -> None:
        play.pbx.emit(ari.DeviceStateChanged(ari.DeviceState("PJSIP/ben", state)))
        play.deliver_all()
        play.wait(2 * SECOND_US)
        play.deliver_all()

    device("UNAVAILABLE")
    assert play.agent("ben") == (Availability.NOT_READY, "unreachable")
    device("NOT_INUSE")
    assert play.agent("ben") == (Availability.READY, "")
    device("INUSE")
    assert play.agent("ben") == (Availability.NOT_READY, "busy")
    device("NOT_INUSE")
    play.supervise(c.SetAvailability("ben", False, "lunch"))
    play.deliver_all()
    device("UNAVAILABLE")
    device("NOT_INUSE")
    assert play.agent("ben") == (Availability.NOT_READY, "lunch")


def test_what_telephones_do_is_asked_since_only_changes_are_told() -> None:
    play = Situation(floor_settings(device_states=True)).ready("ben")
    play.drop_socket()
    play.pbx.devices["PJSIP/ben"] = "UNAVAILABLE"
    play.rest()
    assert play.agent("ben") == (Availability.NOT_READY, "unreachable")
    play.drop_socket()
    play.pbx.devices["PJSIP/ben"] = "NOT_INUSE"
    play.rest()
    assert play.agent("ben")[0] is Availability.READY, "not stuck"


def test_a_subscription_that_fails_is_tried_again() -> None:
    play = Situation(floor_settings(device_states=True))
    play.connect()
    while play.perform(fault="500"):
        play.deliver_outcome()
    play.ready("ben")
    play.log.clear()
    play.wait(6 * SECOND_US)
    assert play.asked(req.SubscribeDevices) == 1


def test_many_telephones_are_asked_for_in_lines_that_asterisk_takes() -> None:
    table = AgentTable([AgentEntry(f"a{n}", f"PJSIP/agent-{n:03}@branch", c.SignIn(f"a{n}")) for n in range(300)])
    play = Situation(floor_settings(device_states=True, agents=table))
    play.connect()
    asked = [request for request in play.requests if isinstance(request, req.SubscribeDevices)]
    assert sum(len(request.names) for request in asked) == 300
    assert all(len(urlencode(request.http("router").query)) < 2_000 for request in asked)


def test_our_own_call_does_not_make_a_telephone_busy() -> None:
    play = Situation(floor_settings(device_states=True)).ready("ben")
    play.calls()
    for state in ("RINGING", "INUSE"):
        play.pbx.emit(ari.DeviceStateChanged(ari.DeviceState("PJSIP/ben", state)))
    play.answers()
    play.wait(15 * SECOND_US)
    play.deliver_all()
    assert play.agent("ben")[0] is Availability.READY


def test_announcements_only_while_waiting(play: Situation) -> None:
    play.supervise(c.SetAvailability("ben", False, "break"))
    caller = play.calls()
    call = f"asterisk-{caller.id}"
    assert play.floor.announce("asterisk-nobody", ("sound:x",), play.now_us) == []
    play._take(play.floor.announce(call, ("sound:x",), play.now_us), "")
    assert play.floor.announce(call, ("sound:x",), play.now_us) == [], "one at a time"
    play.deliver_all()
    assert caller.music, "the music goes on afterwards"
    play.supervise(c.SetAvailability("ben", True))
    play.deliver_all()
    play.answers()
    assert play.floor.announce(call, ("sound:x",), play.now_us) == []


def test_an_announcement_whose_end_is_never_told(play: Situation) -> None:
    play.supervise(c.SetAvailability("ben", False, "break"))
    caller = play.calls()
    play._take(play.floor.announce(f"asterisk-{caller.id}", ("sound:x",), play.now_us), "")
    play.perform()
    play.deliver_outcome()
    play.pbx.playing.clear()
    assert not caller.music
    play.wait(181 * SECOND_US)
    play.deliver_all()
    assert caller.music, "not in silence"


def test_a_caller_comes_back_from_the_dialplan(play: Situation) -> None:
    play.supervise(c.SetAvailability("ben", False, "break"))
    caller = play.calls("in", "tiny")
    caller.args = ("in", "loans")
    for visit in ("~2", "~3"):
        play.pbx.come_back(caller)
        play.deliver_all()
        assert play.router.engine.call(f"asterisk-{caller.id}{visit}").state is CallState.WAITING
        play.check()
        play.restart()
        play.connect()
        play.join()
        play.deliver_all()
        play.check()
        assert play.router.engine.call(f"asterisk-{caller.id}{visit}").state is CallState.WAITING
        play.drop_router()
        play.wait(16 * SECOND_US)
        play.deliver_all()
        assert caller in play.pbx.left
        play.join()
        play.deliver_all()
    play.drop_router()
    play.pbx.come_back(caller)
    play.rest()
    assert play.router.engine.call(f"asterisk-{caller.id}~4").state is CallState.WAITING
    play.check()


def test_an_agent_who_hangs_up_before_the_connecting_is_answered_was_connected(play: Situation) -> None:
    caller = play.calls()
    leg = play.picks_up()
    play.only(play.deliver_event, play.carry_out, play.deliver_reply, play.deliver_watch, play.perform)
    assert caller.bridge == leg.bridge != ""
    play.pbx.hang_up(leg)
    play.only(play.deliver_event)  # all of it before the answer to AddToMixing
    play.deliver_all()
    assert play.state(caller) is CallState.COMPLETED, "the caller is not served again"
    assert caller.id not in play.pbx.channels
    play.check()
