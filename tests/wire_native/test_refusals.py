"""What is not in the plain form, or not within the limits, is refused natively: it is for the full reader to judge."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from router.server import _native
from router.v1 import commands_pb2 as pb
from router.v1 import requirements_pb2 as req
from tests.wire_native.reading import read_alike


def field(number: int, content: bytes) -> bytes:
    """Return a field with a length, of a number below 16 and less than 128 bytes."""
    return bytes([number << 3 | 2, len(content)]) + content


def enqueue(content: bytes) -> bytes:
    return b"2" + bytes([len(content)]) + content


CALL, QUEUE = field(1, b"c1"), field(2, b"loans")
GOOD = enqueue(CALL + QUEUE)

OTHER_FORMS = {
    "nothing": b"",
    "no command": field(1, b"r1"),
    "an empty request id": b"\x0a\x00" + GOOD,
    "a request id after the command": GOOD + field(1, b"r1"),
    "two request ids": field(1, b"r1") + field(1, b"r2") + GOOD,
    "two commands": GOOD + field(8, CALL),
    "one command twice": GOOD + GOOD,
    "a field that nobody knows": GOOD + b"\xf8\x07\x01",
    "a field within that nobody knows": enqueue(CALL + QUEUE + b"\xf0\x01\x01"),
    "field 0": enqueue(b"\x02\x01x" + CALL + QUEUE),
    "a group": enqueue(CALL + QUEUE + b"\x1b\x1c"),
    "another order": enqueue(QUEUE + CALL),
    "a name twice": enqueue(CALL + CALL + QUEUE),
    "an empty text": enqueue(CALL + QUEUE + field(10, b"")),
    "a flag that is not set": enqueue(CALL + QUEUE + b"\x60\x00"),
    "a flag of two": enqueue(CALL + QUEUE + b"\x60\x02"),
    "a flag in two bytes": enqueue(CALL + QUEUE + b"\x60\x81\x00"),
    "a number of 0": enqueue(CALL + QUEUE + b"\x30\x00"),
    "a number in eleven bytes": enqueue(CALL + QUEUE + b"\x30" + b"\x81" * 10 + b"\x00"),
    "a number of more than 64 bits": enqueue(CALL + QUEUE + b"\x30" + b"\xff" * 9 + b"\x02"),
    "a key in two bytes": enqueue(b"\x8a\x00\x02c1" + QUEUE),
    "a length in two bytes": enqueue(b"\x0a\x82\x00c1" + QUEUE),
    "a number as fixed64": enqueue(CALL + QUEUE + b"\x31" + b"\x01" + b"\x00" * 7),
    "a number as fixed32": enqueue(CALL + QUEUE + b"\x35" + b"\x01" + b"\x00" * 3),
    "a text as a number": enqueue(b"\x08\x01" + QUEUE),
    "a number as a text": enqueue(CALL + QUEUE + field(6, b"\x01")),
    "an attribute without a value": enqueue(CALL + QUEUE + field(11, field(1, b"a"))),
    "an attribute without a key": enqueue(CALL + QUEUE + field(11, field(2, b"a"))),
    "an empty attribute": enqueue(CALL + QUEUE + field(11, b"")),
    "an attribute with its value first": enqueue(CALL + QUEUE + field(11, field(2, b"a") + field(1, b"a"))),
    "an attribute with a field more": enqueue(CALL + QUEUE + field(11, field(1, b"a") + field(2, b"a") + b"\x18\x01")),
    "attributes apart": enqueue(
        CALL
        + QUEUE
        + field(11, field(1, b"a") + field(2, b""))
        + b"\x60\x01"
        + field(11, field(1, b"b") + field(2, b""))
    ),
    "a term of two kinds": enqueue(
        CALL + QUEUE + field(4, field(1, field(1, field(1, field(1, b"a")) + field(2, field(1, b"b")))))
    ),
    "a term of no kind": enqueue(CALL + QUEUE + field(4, field(1, field(1, b"")))),
    "a duration with 0 seconds said": enqueue(CALL + QUEUE + field(8, b"\x08\x00")),
    "a level in two bytes": enqueue(
        CALL + QUEUE + field(4, field(1, field(1, field(1, field(1, b"a") + b"\x10\x85\x00"))))
    ),
}


def test_the_plain_form_of_these_is_read() -> None:
    assert read_alike(GOOD)
    assert read_alike(field(1, b"r1") + GOOD)
    assert read_alike(enqueue(CALL + QUEUE + field(8, b"")))
    assert read_alike(enqueue(CALL + QUEUE + field(4, b"")))
    assert read_alike(enqueue(CALL + QUEUE + field(4, field(1, b""))))
    assert read_alike(enqueue(CALL + QUEUE + field(11, field(1, b"a") + field(2, b""))))
    assert read_alike(b"\x6a\x00")  # an offer of number 0


@pytest.mark.parametrize("content", OTHER_FORMS.values(), ids=OTHER_FORMS)
def test_other_forms_are_refused(content: bytes) -> None:
    assert _native._read_command(content) is None


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        field(1, b"r1") + GOOD,
        pb.Command(
            enqueue=pb.Enqueue(
                call="c1",
                queue="loans",
                requirement=req.Requirement(
                    steps=[req.Step(terms=[req.RequirementTerm(skill=req.SkillTerm(skill="german", level=3))])]
                ),
                preferred_agents=["ada", "ben"],
                hold=Duration(seconds=5, nanos=7000),
                attributes={"lang": "de"},
                explain=True,
            )
        ).SerializeToString(),
    ],
)
def test_what_is_cut_off_is_refused_at_every_byte(content: bytes) -> None:
    assert read_alike(content)
    assert [size for size in range(len(content)) if _native._read_command(content[:size]) is not None] == []


def skill(name: str, level: int = 1) -> req.RequirementTerm:
    return req.RequirementTerm(skill=req.SkillTerm(skill=name, level=level))


def demanding(*steps: req.Step) -> pb.Enqueue:
    return pb.Enqueue(call="c1", queue="loans", requirement=req.Requirement(steps=steps))


def later(*seconds: int) -> pb.Enqueue:
    return demanding(*[req.Step(after=Duration(seconds=after)) for after in seconds])


def any_of(count: int) -> pb.Enqueue:
    terms = [req.SkillTerm(skill=f"s{index}") for index in range(count)]
    return demanding(req.Step(terms=[req.RequirementTerm(any_of=req.AnyOf(terms=terms))]))


def holding(**fields: int) -> pb.Enqueue:
    return pb.Enqueue(call="c1", queue="loans", hold=Duration(**fields))


def with_texts(**fields: Any) -> pb.Enqueue:
    return pb.Enqueue(**{"call": "c1", "queue": "loans", **fields})


DAYS_366 = 366 * 86_400
OFTEN = {f"k{index:02}": "" for index in range(64)}
BARELY: dict[str, Message] = {
    "the longest name": with_texts(call="x" * 255),
    "the longest name of other letters": with_texts(queue="é" * 127),
    "every plane of letters": with_texts(call="\u00a0\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff"),
    "the most attributes": with_texts(attributes=OFTEN),
    "the longest attributes": with_texts(attributes={"a" * 84: "v" * 8_000, "b" * 100: "v" * 8_200}),
    "the most preferred agents": with_texts(preferred_agents=[f"a{index}" for index in range(16)]),
    "the longest hold": holding(seconds=DAYS_366),
    "the highest priority": with_texts(priority=9),
    "the most steps": later(*range(16)),
    "the most alternatives": any_of(32),
    "the most terms": demanding(req.Step(terms=[skill(f"s{index}") for index in range(32)])),
    "the most preferences": demanding(req.Step(prefer=[req.Preference(skill=f"s{index}") for index in range(32)])),
    "the highest level": demanding(req.Step(terms=[skill("german", 10)])),
    "the highest importance": demanding(req.Step(prefer=[req.Preference(skill="german", importance=10)])),
    "the last offer": pb.Accept(offer=2**63 - 1),
    "the best outcome": pb.RecordOutcome(call="c1", satisfaction=5),
    "no priority": pb.UpdateCall(call="c1", priority=0),
    "no attributes any more": pb.UpdateCall(call="c1", attributes=pb.Attributes()),
    "nobody preferred any more": pb.UpdateCall(call="c1", preferred_agents=pb.AgentNames()),
    "a place that is lost": pb.Requeue(call="c1", keep_place=False),
}
BEYOND: dict[str, Message] = {
    "a longer name": with_texts(call="x" * 256),
    "a longer name of other letters": with_texts(queue="é" * 128),
    "a longer customer": with_texts(customer="x" * 256),
    "a longer reason": pb.Cancel(call="c1", reason="x" * 256),
    "a control character": with_texts(call="c\x1f12345678"),
    "the character DEL": with_texts(call="c\x7f12345678"),
    "a control character of two bytes": with_texts(call="c\u008512345678"),
    "a control character far behind": with_texts(call="x" * 77 + "\x00"),
    "a control character in a reason": pb.Cancel(call="c1", reason="\n"),
    "a control character in an attribute": with_texts(attributes={"a": "1\t2"}),
    "more attributes": with_texts(attributes={**OFTEN, "more": ""}),
    "longer attributes": with_texts(attributes={"a" * 85: "v" * 8_000, "b" * 100: "v" * 8_200}),
    "an attribute without a name": with_texts(attributes={"": "1"}),
    "more preferred agents": with_texts(preferred_agents=[f"a{index}" for index in range(17)]),
    "more preferred agents later": pb.UpdateCall(
        call="c1", preferred_agents=pb.AgentNames(values=[f"a{index}" for index in range(17)])
    ),
    "a preferred agent without a name": with_texts(preferred_agents=["ada", ""]),
    "a longer hold": holding(seconds=DAYS_366, nanos=1_000),
    "a much longer hold": holding(seconds=315_576_000_001),
    "too many nanoseconds": holding(nanos=1_000_000_000),
    "a hold before the call": holding(seconds=-1),
    "a hold a little before the call": holding(nanos=-1),
    "a higher priority": with_texts(priority=10),
    "a priority below 0": with_texts(priority=-1),
    "another urgency": with_texts(urgency=4),
    "an urgency below 0": with_texts(urgency=-1),
    "more steps": later(*range(17)),
    "a first step that is late": later(1),
    "steps at the same time": later(0, 5, 5),
    "steps that go back": later(0, 5, 4),
    "more alternatives": any_of(33),
    "no alternative": any_of(0),
    "more terms": demanding(req.Step(terms=[skill(f"s{index}") for index in range(33)])),
    "more preferences": demanding(req.Step(prefer=[req.Preference(skill=f"s{index}") for index in range(33)])),
    "a higher level": demanding(req.Step(terms=[skill("german", 11)])),
    "a level of 0": demanding(req.Step(terms=[skill("german", 0)])),
    "a higher importance": demanding(req.Step(prefer=[req.Preference(skill="german", importance=11)])),
    "a skill without a name": demanding(req.Step(terms=[skill("")])),
    "an agent without a name": demanding(req.Step(terms=[req.RequirementTerm(agent=req.AgentTerm())])),
    "an offer below 0": pb.Accept(offer=-1),
    "a better outcome": pb.RecordOutcome(call="c1", satisfaction=6),
    "a worse outcome": pb.RecordOutcome(call="c1", satisfaction=0),
    "no outcome": pb.RecordOutcome(call="c1", agent="ada"),
    "no call": pb.Cancel(reason="tired"),
    "no queue": pb.Transfer(call="c1"),
    "no agent": pb.SetAvailability(ready=True),
    "no agent in wrap-up": pb.EndWrapUp(call="c1"),
}


def as_command(message: Message) -> pb.Command:
    fields: Any = pb.Command.DESCRIPTOR.oneofs_by_name["command"].fields
    name = next(one.name for one in fields if one.message_type.name == message.DESCRIPTOR.name)
    return pb.Command(**{name: message})


@pytest.mark.parametrize("message", BARELY.values(), ids=BARELY)
def test_what_is_just_within_the_limits_is_read(message: Message) -> None:
    assert read_alike(as_command(message).SerializeToString(deterministic=True))


@pytest.mark.parametrize("message", BEYOND.values(), ids=BEYOND)
def test_what_is_beyond_a_limit_is_refused(message: Message) -> None:
    assert _native._read_command(as_command(message).SerializeToString(deterministic=True)) is None


@pytest.mark.parametrize(
    "text",
    [
        b"\x80",
        b"\xc0\x80",
        b"\xc1\xbf",
        b"\xc3",
        b"\xc3\x28",
        b"\xe0\x9f\xbf",
        b"\xe2\x82",
        b"\xe2\x28\xa1",
        b"\xed\xa0\x80",
        b"\xed\xbf\xbf",
        b"\xf0\x8f\xbf\xbf",
        b"\xf0\x9f\x98",
        b"\xf4\x90\x80\x80",
        b"\xf5\x80\x80\x80",
        b"\xff",
    ],
)
def test_what_is_no_utf_8_is_refused_wherever_it_stands(text: bytes) -> None:
    for before in range(12):
        for after in (0, 1, 9):
            name = b"a" * before + text + b"b" * after
            assert _native._read_command(enqueue(field(1, name) + QUEUE)) is None
            assert _native._read_command(field(1, name) + GOOD) is None


@pytest.mark.parametrize("request_id", [b"x" * 100, "é".encode()])
def test_request_ids_come_back_as_they_are(request_id: bytes) -> None:
    read = _native._read_command(field(1, request_id) + GOOD)
    assert read == (6, request_id, CALL + QUEUE, GOOD)


@pytest.mark.parametrize("request_id", [b"\n", b"a\x7f", "\u0085".encode(), b"\xff"])
def test_request_ids_that_are_none_are_refused(request_id: bytes) -> None:
    assert _native._read_command(field(1, request_id) + GOOD) is None
