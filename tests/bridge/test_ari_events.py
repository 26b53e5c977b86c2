"""Events of Asterisk are read as far as they are of use, and whatever else comes is survived and counted."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.bridge.asterisk.ari.events import (
    Channel,
    ChannelHangupRequest,
    ChannelLeftBridge,
    DeviceStateChanged,
    Dialplan,
    EventReader,
    Misread,
    StasisStart,
)
from tests.bridge import transcripts

CHANNEL = {"id": "1.2", "name": "PJSIP/ada-00000001", "state": "Up", "dialplan": {"exten": "500", "priority": 2}}


def read(**fields: object) -> object:
    return EventReader().read(json.dumps(fields))


def test_an_event_of_use() -> None:
    event = read(type="StasisStart", args=["inbound", "500"], channel=CHANNEL, replaced="a field of some other release")
    assert isinstance(event, StasisStart)
    assert event.args == ("inbound", "500")
    assert (event.channel.id, event.channel.state, event.channel.dialplan.exten) == ("1.2", "Up", "500")


def test_what_may_be_missing() -> None:
    assert read(type="ChannelHangupRequest", channel=CHANNEL).cause is None  # type: ignore[attr-defined]
    request = read(type="ChannelHangupRequest", channel=CHANNEL, cause=32, soft=True)
    assert isinstance(request, ChannelHangupRequest)
    assert (request.cause, request.soft) == (32, True)
    left = read(type="ChannelLeftBridge", channel={"id": "1"}, bridge={"id": "b", "channels": ["2"]})
    assert isinstance(left, ChannelLeftBridge)
    assert left.bridge.channels == ("2",)
    device = read(type="DeviceStateChanged", device_state={"name": "PJSIP/ada", "state": "INUSE"})
    assert isinstance(device, DeviceStateChanged)
    assert device.device_state.state == "INUSE"


def test_where_a_channel_is_in_stasis() -> None:
    inside = Channel("1", dialplan=Dialplan(app_name="Stasis", app_data="router,agent,ada,asterisk-7.1"))
    assert inside.stasis() == ("router", ["agent", "ada", "asterisk-7.1"])
    assert Channel("1", dialplan=Dialplan(app_name="Stasis", app_data="router")).stasis() == ("router", [])
    assert Channel("1", dialplan=Dialplan(app_name="Wait", app_data="router")).stasis() is None


@pytest.mark.parametrize(
    ("message", "misread"),
    [
        ('{"type": "ChannelVarset", "channel": {}}', (Misread.UNHEEDED, "ChannelVarset")),
        ('{"type": "SomethingNew"}', (Misread.UNKNOWN, "SomethingNew")),
        ('{"type": "StasisStart"}', (Misread.MISSHAPEN, "StasisStart: Object missing required field `channel`")),
        ('{"type": 7}', (Misread.MISSHAPEN, "Expected `str` - at `$.type`")),
        ("[]", (Misread.MISSHAPEN, "Expected `object`, got `array`")),
        ("", (Misread.MISSHAPEN, "Input data was truncated")),
    ],
)
def test_what_gives_no_event(message: str, misread: tuple[Misread, str]) -> None:
    reader = EventReader()
    assert reader.read(message) == misread
    assert reader.read(message) == misread
    # A type that Asterisk makes up must not fill the memory.
    name = misread[1] if misread[0] is Misread.UNHEEDED else ""
    assert reader.misread == {(misread[0], name): 2}


@given(st.binary(max_size=200))
def test_any_bytes_are_survived(message: bytes) -> None:
    assert isinstance(EventReader().read(message), tuple)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(["StasisStart", "Dial", "ChannelDestroyed", "PlaybackFinished"]), json_values, json_values)
def test_any_fields_are_survived(kind: str, channel: object, other: object) -> None:
    message = {"type": kind, "channel": channel, "peer": other, "cause": other, "args": other, "playback": channel}
    event = EventReader().read(json.dumps(message))
    assert isinstance(event, tuple) or type(event).__name__ == kind


@pytest.mark.parametrize("name", transcripts.names() or ["none"])
def test_all_events_of_a_real_asterisk_are_known(name: str) -> None:
    reader = EventReader()
    for line in transcripts.read(name):
        if line.event:
            event = reader.read(json.dumps(line.event))
            kind = event[1] if isinstance(event, tuple) else type(event).__name__
            assert kind == line.event["type"]
    assert {misread for misread, _ in reader.misread} <= {Misread.UNHEEDED}
