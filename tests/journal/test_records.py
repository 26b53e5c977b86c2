"""Entries survive the way to bytes and back, whatever is in them; what is not of this format is refused."""

from __future__ import annotations

import typing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.engine import commands as c
from router.engine.settings import ByUrgency, ChannelSettings, EfficiencySettings, QueueSettings, Settings, WrapUp
from router.engine.vocabulary import Urgency, WrapUpMode
from router.journal import Change, ConfigText, Entry, Owned, ServiceState, Session, SessionChange
from router.journal.records import (
    Unreadable,
    decode_record,
    decode_service_state,
    encode_record,
    encode_service_state,
)
from router.journal.v1 import journal_pb2
from router.v1 import commands_pb2
from router.wire.commands import WIRE_COMMANDS, decode_any_command, encode_any_command
from tests.engine import strategies
from tests.journal.story import tell
from tests.server.test_wire import by_field

COMMANDS: tuple[type[Any], ...] = typing.get_args(c.Command)
IDS = st.text(max_size=12)
CONFIG_TEXTS = st.builds(ConfigText, IDS, IDS, st.booleans())
NOTES = st.none() | CONFIG_TEXTS | st.builds(SessionChange, IDS, st.sampled_from(Change))
NAMES = st.lists(IDS, max_size=3).map(tuple)


def entries_of(commands: st.SearchStrategy[Any]) -> st.SearchStrategy[Entry]:
    return st.builds(
        Entry,
        time_us=st.integers(0, 2**61),
        command=commands,
        client_id=IDS,
        request_id=IDS,
        content=st.binary(max_size=64),
        actor=IDS,
        note=NOTES,
    )


@pytest.mark.parametrize("kind", COMMANDS, ids=lambda kind: kind.__name__)
@settings(max_examples=15)
@given(st.data())
def test_every_command_survives(kind: type[Any], data: st.DataObject) -> None:
    commands = by_field(kind)
    if kind is c.Configure:
        # the engine takes no settings without a channel
        commands = commands.filter(lambda command: bool(command.settings.channels))
    entries = data.draw(st.lists(entries_of(commands), min_size=1, max_size=2))
    body = encode_record(entries)
    assert decode_record(body) == entries
    assert encode_record(decode_record(body)) == body


@settings(max_examples=40)
@given(strategies.settings(), st.dictionaries(IDS, IDS, max_size=3))
def test_any_settings_survive(wanted: Settings, moves: dict[str, str]) -> None:
    entry = Entry(time_us=1, command=c.Configure(wanted, moves))
    assert decode_record(encode_record([entry])) == [entry]


def test_zero_and_false_are_not_taken_for_the_default() -> None:
    nothing = QueueSettings(
        max_overtake_wait_us=ByUrgency(None, 0, None),
        offer_timeout_us=1,
        reject_backoff_us=0,
        wrap_up=WrapUp(WrapUpMode.NONE, 0),
        preferred_hold_us=0,
        waiting_max=0,
        wait_max_us=0,
    )
    wanted = Settings(
        queues={"q": nothing},
        channels={"voice": ChannelSettings(exclusive=False)},
        efficiency=EfficiencySettings(1, 0, 0, 0),
        customer_retention_us=0,
        customers_max=0,
    )
    entry = Entry(time_us=0, command=c.Configure(wanted))
    assert decode_record(encode_record([entry])) == [entry]


@pytest.mark.parametrize("kind", WIRE_COMMANDS, ids=lambda kind: kind.__name__)
@settings(max_examples=10)
@given(st.data())
def test_a_message_as_it_came_gives_the_same_bytes(kind: type[Any], data: st.DataObject) -> None:
    entry = data.draw(entries_of(by_field(kind)))
    fields = {name: getattr(entry, name) for name in entry.__struct_fields__ if name != "message"}
    came = Entry(**fields, message=encode_any_command(entry.command, "r-1"))
    assert encode_record([came]) == encode_record([entry])


def test_what_a_newer_client_sent_besides_is_left_out() -> None:
    known = encode_any_command(c.Enqueue("c", "q"), "r").SerializeToString()
    message = commands_pb2.Command.FromString(known + b"\xf8\x01\x07")
    command, _ = decode_any_command(message)
    (read,) = decode_record(encode_record([Entry(time_us=1, command=command, message=message)]))
    assert read.command == c.Enqueue("c", "q")


def test_a_whole_story_survives() -> None:
    entries = list(tell(300))
    assert {type(entry.command) for entry in entries} >= {c.Configure, c.Restart, c.Detach, c.Enqueue, c.Accept}
    assert decode_record(encode_record(entries)) == entries


# A default that changes needs a new format: old journals were written with these.
def test_what_is_left_out_has_the_defaults_of_this_format() -> None:
    def read(**fields: Any) -> c.Command:
        message = journal_pb2.Entry(command=commands_pb2.Command(**fields))
        return decode_record(journal_pb2.Record(entries=[message]).SerializeToString())[0].command

    enqueue = read(enqueue=commands_pb2.Enqueue(call="c", queue="q"))
    assert enqueue == c.Enqueue(
        "c", "q", "voice", None, Urgency.NORMAL, 0, (), None, 0, "", {}, callback=False, explain=False
    )
    assert read(sign_in=commands_pb2.SignIn(agent="a")) == c.SignIn("a", {}, {}, ready=True)
    assert read(requeue=commands_pb2.Requeue(call="c")) == c.Requeue("c", keep_place=True, reason="")
    transfer = read(transfer=commands_pb2.Transfer(call="c", queue="q"))
    assert transfer == c.Transfer("c", "q", True, None, None, None)
    update = read(update_call=commands_pb2.UpdateCall(call="c"))
    assert update == c.UpdateCall("c", None, None, None, None, None)
    assert read(update_agent=commands_pb2.UpdateAgent(agent="a")) == c.UpdateAgent("a", None, None)
    outcome = read(record_outcome=commands_pb2.RecordOutcome(call="c"))
    assert outcome == c.RecordOutcome("c", None, None, "", "")
    steps = commands_pb2.Enqueue(call="c", queue="q", requirement={"steps": [{"terms": [{"skill": {"skill": "s"}}]}]})
    requirement = read(enqueue=steps).requirement  # type: ignore[union-attr]
    assert requirement.steps[0].terms[0].level == 1
    assert requirement.steps[0].after_us == 0


def test_the_bytes_of_a_small_record_are_those_of_format_1() -> None:
    entries = [
        Entry(time_us=1_000_000, command=c.Accept(7), client_id="pbx", request_id="r", content=b"12345678", actor="me"),
        Entry(time_us=1_000_001, command=c.Advance(), note=SessionChange("pbx", Change.LOST)),
        Entry(time_us=1_000_002, command=c.Detach("c-1"), actor="server"),
    ]
    body = bytes.fromhex(
        "0a2008c0843d12037062781a0172220831323334353637382a026d6552046a020807"
        "0a0f08c1843d320912070a037062781002"
        "0a1308c2843d2a067365727665726a050a03632d31"
    )
    assert encode_record(entries) == body
    assert decode_record(body) == entries


def record_with(unknown: bytes) -> bytes:
    """A record of one entry that has some bytes appended."""
    entry = journal_pb2.Entry(time_us=1).SerializeToString() + unknown
    return b"\x0a" + bytes([len(entry)]) + entry


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"\x0a\x05", "2 bytes are no router.journal.v1.Record"),
        (b"\xff" * 9, "9 bytes are no router.journal.v1.Record"),
        (record_with(b"\x78\x01"), "a field that this version does not know"),  # 15: a number
        (record_with(b"\x92\x01\x00"), "a field that this version does not know"),  # 18: a newer command
        (record_with(b"\x52\x02\x78\x01"), "a field that this version does not know"),  # in the command
        (b"\x10\x01", "a field that this version does not know"),  # in the record
        (record_with(b"\x32\x02\x1a\x00"), "a field that this version does not know"),  # a newer note
        (record_with(b"\x32\x00"), "note: none is set"),
        (record_with(b"\x52\x00"), "command: none is set"),
        (record_with(b"\x32\x06\x12\x04\x0a\x00\x10\x63"), "99 is no value of router.journal.v1.SessionChange.Change"),
    ],
)
def test_what_is_not_of_this_format_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(Unreadable, match=said):
        decode_record(body)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        entries = decode_record(body)
    except Unreadable:
        return
    assert decode_record(encode_record(entries)) == entries


@given(
    st.builds(
        ServiceState,
        CONFIG_TEXTS,
        IDS,
        st.lists(st.builds(Session, IDS, st.none() | st.integers(0, 2**61)), max_size=3).map(tuple),
        st.lists(st.builds(Owned, IDS, NAMES, NAMES), max_size=3).map(tuple),
        st.binary(max_size=30),
    )
)
def test_the_service_state_survives(state: ServiceState) -> None:
    body = encode_service_state(state)
    assert decode_service_state(body) == state
    with pytest.raises(Unreadable, match="does not know"):
        decode_service_state(body + b"\x78\x01")
