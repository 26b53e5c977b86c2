"""Requests go out with the parameters that a real Asterisk was asked with."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
from yarl import URL

from router.bridge.asterisk.ari import requests as ari
from router.bridge.asterisk.ari.requests import Http
from tests.bridge import transcripts

APP = "router"


@pytest.mark.parametrize(
    ("query", "target"),
    [
        ({}, "/channels"),
        ({"channel": "1795302761.0,leg-1"}, "/channels?channel=1795302761.0%2Cleg-1"),
        ({"callerId": '"Ann & Bob + 1" <+49 1>', "empty": ""}, None),
        ({"name": "näme/ü=?#;", "other": "a%20b\n"}, None),
    ],
)
def test_a_query_says_what_it_said(query: dict[str, str], target: str | None) -> None:
    written = Http("POST", "/channels", query).target
    assert target is None or written == target
    assert written.isascii()
    assert dict(parse_qsl(urlsplit(written).query, keep_blank_values=True)) == query
    assert str(URL(written, encoded=True)) == written


@pytest.mark.parametrize(
    ("request_", "http"),
    [
        (ari.Answer("1.2"), Http("POST", "/channels/1.2/answer")),
        (ari.Ring("1.2"), Http("POST", "/channels/1.2/ring")),
        (ari.StopRing("1.2"), Http("DELETE", "/channels/1.2/ring")),
        (ari.StartMusic("1.2"), Http("POST", "/channels/1.2/moh")),
        (ari.StartMusic("1.2", "jazz"), Http("POST", "/channels/1.2/moh", {"mohClass": "jazz"})),
        (ari.StopMusic("1.2"), Http("DELETE", "/channels/1.2/moh")),
        (
            ari.Play("1.2", "say-1", ("sound:queue-youarenext", "number:3")),
            Http("POST", "/channels/1.2/play", {"media": "sound:queue-youarenext,number:3", "playbackId": "say-1"}),
        ),
        (ari.StopPlay("say-1"), Http("DELETE", "/playbacks/say-1")),
        (
            ari.Originate("leg", "PJSIP/ada", ("agent", "ada"), "", 30),
            Http(
                "POST",
                "/channels",
                {"endpoint": "PJSIP/ada", "app": APP, "appArgs": "agent,ada", "channelId": "leg", "timeout": "30"},
            ),
        ),
        (ari.HangUp("a/b;2"), Http("DELETE", "/channels/a%2Fb%3B2")),
        (ari.HangUp("1", "no_answer"), Http("DELETE", "/channels/1", {"reason": "no_answer"})),
        (ari.Continue("1"), Http("POST", "/channels/1/continue")),
        (
            ari.Continue("1", "after", "s", 2),
            Http("POST", "/channels/1/continue", {"context": "after", "extension": "s", "priority": "2"}),
        ),
        (
            ari.SetVariable("1", "COLOUR", "blue"),
            Http("POST", "/channels/1/variable", {"variable": "COLOUR", "value": "blue"}),
        ),
        (ari.GetVariable("1", "COLOUR"), Http("GET", "/channels/1/variable", {"variable": "COLOUR"})),
        (ari.MakeMixing("b"), Http("POST", "/bridges", {"type": "mixing", "bridgeId": "b"})),
        (
            ari.MakeMixing("b", "call", hears_digits=True),
            Http("POST", "/bridges", {"type": "mixing,dtmf_events", "bridgeId": "b", "name": "call"}),
        ),
        (ari.AddToMixing("b", ("1", "2")), Http("POST", "/bridges/b/addChannel", {"channel": "1,2"})),
        (ari.RemoveFromMixing("b", ("1",)), Http("POST", "/bridges/b/removeChannel", {"channel": "1"})),
        (ari.DestroyMixing("b"), Http("DELETE", "/bridges/b")),
        (ari.ListChannels(), Http("GET", "/channels")),
        (ari.ListBridges(), Http("GET", "/bridges")),
        (ari.GetApplication(), Http("GET", "/applications/router")),
        (
            ari.SubscribeDevices(("PJSIP/ada", "PJSIP/ben")),
            Http(
                "POST",
                "/applications/router/subscription",
                {"eventSource": "deviceState:PJSIP/ada,deviceState:PJSIP/ben"},
            ),
        ),
        (ari.GetDevice("PJSIP/ada"), Http("GET", "/deviceStates/PJSIP%2Fada")),
        (
            ari.ShunEvents(("ChannelVarset",)),
            Http("PUT", "/applications/router/eventFilter", {}, {"disallowed": [{"type": "ChannelVarset"}]}),
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, ari.Request) else "",
)
def test_on_the_wire(request_: ari.Request, http: Http) -> None:
    assert request_.http(APP) == http


def test_originate_as_a_real_asterisk_was_asked() -> None:
    for name in ("p03-sip-agent-486-busy", "s07-agent-busy"):
        for line in transcripts.read(name):
            if not line.rest or line.app != APP or line.rest["path"] != "/channels":
                continue
            query = line.rest["query"]
            ours = ari.Originate(
                query["channelId"],
                query["endpoint"],
                tuple(query["appArgs"].split(",")),
                query["callerId"],
                int(query["timeout"]),
                query["originator"],
            )
            other = {"otherChannelId": f"{query['channelId']};2"} if "otherChannelId" in query else {}
            assert ours.http(APP).query == query | other


def test_variables_of_a_leg_go_in_the_body() -> None:
    leg = ari.Originate("leg", "PJSIP/ada", (), "", 30, variables={"SKILL_ROUTER_CALL": "c"})
    assert leg.http(APP).body == {"variables": {"SKILL_ROUTER_CALL": "c"}}


def test_what_requests_touch() -> None:
    assert ari.AddToMixing("b", ("1", "2")).touches == ("b", "1", "2")
    assert ari.AddToMixing("b", ("1", "2")).key == "b"
    assert ari.Play("1", "say", ()).touches == ("1", "say")
    assert ari.HangUp("1").key == "1"
    assert ari.ListChannels().key == ""
    assert ari.SubscribeDevices(("PJSIP/ada", "PJSIP/ben")).touches == ("PJSIP/ada", "PJSIP/ben")
    assert ari.GetDevice("PJSIP/ben").touches == ("PJSIP/ben",)


def test_answers_are_read() -> None:
    assert ari.GetVariable("1", "X").read(b'{"value": "blue"}') == "blue"
    assert ari.Answer("1").read(b"") is None
    channels = ari.ListChannels().read(b'[{"id": "1", "state": "Up"}]')
    assert [channel.id for channel in channels] == ["1"]
    with pytest.raises(msgspec.DecodeError):
        ari.ListChannels().read(b"{}")
