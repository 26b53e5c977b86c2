"""Structs survive the way to protobuf and back, and impossible messages are refused with the place."""

from __future__ import annotations

import functools
import typing
from typing import Any

import msgspec
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st

from router.engine import commands, events, views
from router.engine.commands import Advance, Attach, Configure, Detach, Enqueue, Restart
from router.engine.requirements import AgentTerm, AnyOf, Preference, Requirement, SkillTerm, Step
from router.engine.settings import Settings
from router.engine.vocabulary import Obstacle, RejectReason, Urgency
from router.v1 import commands_pb2, errors_pb2, events_pb2, explanations_pb2, requirements_pb2, vocabulary_pb2
from router.wire import views as wire_views
from router.wire.commands import (
    WIRE_COMMANDS,
    decode_any_command,
    decode_command,
    digest,
    encode_any_command,
    encode_command,
)
from router.wire.events import EVENT_TYPES, KINDS, decode_event, encode_event
from router.wire.problems import Malformed, wire_path
from router.wire.times import from_duration, from_timestamp, to_duration, to_timestamp

NAMES = st.text(min_size=1, max_size=8)
DURATIONS = st.integers(0, 366 * 86_400_000_000)
TIMES = st.integers(0, 253_402_300_799_999_999)
INTEGERS = st.integers(0, 2**31 - 1)


@functools.cache
def by_field(struct: type[Any]) -> st.SearchStrategy[Any]:
    """Any value of a struct, from its annotations; durations and times stay within what protobuf can say."""
    hints = typing.get_type_hints(struct)
    fields = {field.name: by_type(hints[field.name], field.name) for field in msgspec.structs.fields(struct)}
    return st.builds(struct, **fields)


def by_type(hint: Any, name: str) -> st.SearchStrategy[Any]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is int:
        return TIMES if name.endswith("_us") else INTEGERS
    if hint is str:
        return NAMES
    if hint is bool:
        return st.booleans()
    if hint is type(None):
        return st.none()
    if origin is tuple:
        # a requirement without steps means the same as one empty step, and comes back as that
        return st.lists(by_type(arguments[0], name), min_size=name == "steps", max_size=2).map(tuple)
    if arguments and origin is not None and issubclass_safe(origin, typing.Mapping):
        return st.dictionaries(by_type(arguments[0], ""), by_type(arguments[1], ""), max_size=2)
    if arguments:
        return st.one_of([by_type(argument, name) for argument in arguments])
    if issubclass(hint, msgspec.Struct):
        return by_field(hint)
    return st.sampled_from(list(hint))


def issubclass_safe(origin: Any, of: Any) -> bool:
    return isinstance(origin, type) and issubclass(origin, typing.get_origin(of) or of)


@pytest.mark.parametrize("struct", WIRE_COMMANDS, ids=lambda struct: struct.__name__)
@settings(max_examples=10)
@given(st.data())
def test_commands_survive(struct: type[Any], data: st.DataObject) -> None:
    command = data.draw(by_field(struct))
    message = encode_command(command)
    assert decode_command(type(message).FromString(message.SerializeToString())) == command
    batched = commands_pb2.Command.FromString(encode_any_command(command, "r-1").SerializeToString())
    again, part = decode_any_command(batched)
    assert again == command
    assert digest(part) == digest(message)
    assert batched.request_id == "r-1"


@pytest.mark.parametrize("struct", EVENT_TYPES, ids=lambda struct: struct.__name__)
@settings(max_examples=5)
@given(st.data())
def test_events_survive(struct: type[Any], data: st.DataObject) -> None:
    event = data.draw(by_field(struct))
    assert decode_event(events_pb2.Event.FromString(encode_event(event).SerializeToString())) == event


@pytest.mark.parametrize(
    "name", ["CALL_VIEW", "AGENT_VIEW", "QUEUE_VIEW", "STATISTICS", "CALL_EXPLANATION", "ELIGIBILITY"]
)
@settings(max_examples=10)
@given(st.data())
def test_views_survive(name: str, data: st.DataObject) -> None:
    codec = getattr(wire_views, name)
    view = data.draw(by_field(codec.struct))
    assert codec.decode(codec.message.FromString(codec.encode(view).SerializeToString())) == view


def test_every_command_and_event_is_on_the_wire() -> None:
    assert {*WIRE_COMMANDS, Configure, Detach, Attach, Restart, Advance} == set(typing.get_args(commands.Command))
    assert set(EVENT_TYPES) == set(typing.get_args(events.Event))
    fields = {field.name: field.number for field in events_pb2.Event.DESCRIPTOR.oneofs_by_name["event"].fields}
    kinds = {name.removeprefix("EVENT_KIND_").lower(): number for name, number in events_pb2.EventKind.items()}
    assert kinds.pop("unspecified") == 0
    assert kinds == fields
    assert len(KINDS) == len(EVENT_TYPES)


def test_rejections_have_the_engines_numbers() -> None:
    for reason in RejectReason:
        assert errors_pb2.ErrorReason.Value(f"ERROR_REASON_{reason.name}") == reason


@pytest.mark.parametrize("command", [Advance(), Configure(Settings()), Detach("c1"), Attach("c1"), Restart()])
def test_what_clients_may_not_send_is_refused(command: Any) -> None:
    with pytest.raises(TypeError, match="cannot be sent"):
        encode_command(command)


def test_what_is_left_out_takes_the_structs_default() -> None:
    assert decode_command(commands_pb2.Enqueue(call="c", queue="q")) == Enqueue("c", "q")
    assert decode_command(commands_pb2.SignIn(agent="a")) == commands.SignIn("a")
    assert decode_command(commands_pb2.SignIn(agent="a", ready=False)) == commands.SignIn("a", ready=False)
    assert decode_command(commands_pb2.Requeue(call="c")) == commands.Requeue("c", keep_place=True)
    assert decode_command(commands_pb2.UpdateAgent(agent="a")) == commands.UpdateAgent("a")
    emptied = commands_pb2.UpdateAgent(agent="a", skills=commands_pb2.SkillLevels())
    assert decode_command(emptied) == commands.UpdateAgent("a", skills={})


def _enqueue(**fields: Any) -> commands_pb2.Enqueue:
    return commands_pb2.Enqueue(call="c", queue="q", **fields)


def _requirement(**fields: Any) -> commands_pb2.Enqueue:
    message = _enqueue()
    message.requirement.steps.add().terms.add(**fields)
    return message


def _steps(**fields: Any) -> commands_pb2.Enqueue:
    message = _enqueue()
    message.requirement.steps.add(**fields)
    return message


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (_enqueue(urgency=77), "urgency"),
        (_enqueue(urgency=-1), "urgency"),
        (_enqueue(hold=Duration(seconds=2**62)), "hold.seconds"),
        (_enqueue(hold=Duration(seconds=1, nanos=-1)), "hold.nanos"),
        (_enqueue(hold=Duration(nanos=2_000_000_000)), "hold.nanos"),
        (_enqueue(credited_wait=Duration(seconds=-(2**62))), "credited_wait.seconds"),
        (_requirement(), "requirement.steps[0].terms[0]"),
        (_enqueue(preferred_agents=["a"] * 17), "preferred_agents"),
        (_enqueue(requirement=requirements_pb2.Requirement(steps=[{}] * 17)), "requirement.steps"),
        (_steps(terms=[{}] * 33), "requirement.steps[0].terms"),
        (_steps(prefer=[{}] * 33), "requirement.steps[0].prefer"),
        (_requirement(any_of={"terms": [{}] * 33}), "requirement.steps[0].terms[0].any_of.terms"),
        (commands_pb2.UpdateCall(call="c", preferred_agents={"values": ["a"] * 17}), "preferred_agents"),
        (_enqueue(attributes={str(number): "" for number in range(65)}), "attributes"),
        (commands_pb2.SignIn(agent="a", skills={str(number): 1 for number in range(65)}), "skills"),
    ],
)
def test_impossible_messages_are_refused_with_the_place(message: Any, field: str) -> None:
    with pytest.raises(Malformed) as caught:
        decode_command(message)
    assert caught.value.field == field
    assert caught.value.problem
    assert caught.value.wanted


def test_the_order_of_a_map_does_not_matter_to_the_digest() -> None:
    skills = {f"skill-{number}": number % 10 + 1 for number in range(40)}
    forwards = commands_pb2.SignIn(agent="a", skills=skills)
    backwards = commands_pb2.SignIn(agent="a", skills=dict(reversed(skills.items())))
    assert digest(forwards) == digest(backwards)
    assert digest(forwards) == digest(commands_pb2.SignIn.FromString(backwards.SerializeToString()))


def test_an_empty_command_is_refused() -> None:
    with pytest.raises(Malformed, match="none is set"):
        decode_any_command(commands_pb2.Command())


@given(st.integers(-(315_576_000_000 * 10**6), 315_576_000_000 * 10**6))
def test_durations_are_exact(duration_us: int) -> None:
    message = to_duration(duration_us)
    assert from_duration(message) == duration_us
    assert message.ToMicroseconds() == duration_us


@given(TIMES)
def test_times_are_exact(time_us: int) -> None:
    message = to_timestamp(time_us)
    assert from_timestamp(message) == time_us
    assert message.ToMicroseconds() == time_us


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**31), 2**31 - 1))
def test_any_timestamp_is_read_or_refused(seconds: int, nanos: int) -> None:
    try:
        time_us = from_timestamp(Timestamp(seconds=seconds, nanos=nanos))
    except Malformed:
        return
    assert abs(time_us) < 2**63


def test_the_end_of_engine_time_can_be_said() -> None:
    assert to_timestamp(2**61).ToJsonString() == "9999-12-31T23:59:59.999999Z"


def test_paths_have_the_protos_names() -> None:
    assert wire_path("requirement.steps[1].after_us") == "requirement.steps[1].after"
    assert wire_path("hold_us") == "hold"
    assert wire_path("status") == "status"


def test_a_requirement_with_everything_survives() -> None:
    requirement = Requirement(
        (
            Step(
                (SkillTerm("a", 3), AnyOf((SkillTerm("b"), SkillTerm("c", 5))), AgentTerm("x")), (Preference("z", 7),)
            ),
            Step(after_us=5_000_001),
        )
    )
    command = Enqueue("c", "q", requirement=requirement, urgency=Urgency.URGENT, hold_us=0)
    assert decode_command(encode_command(command)) == command


def test_views_module_has_every_view() -> None:
    on_the_wire = {codec.struct for codec in vars(wire_views).values() if hasattr(codec, "struct")}
    assert {views.CallView, views.AgentView, views.QueueView, views.Decision, views.Eligibility} <= on_the_wire


def test_obstacles_of_a_newer_server_are_left_out() -> None:
    eligibility = explanations_pb2.Eligibility(call="c", agent="a", obstacles=[99, vocabulary_pb2.OBSTACLE_BARRED])
    assert wire_views.ELIGIBILITY.decode(eligibility).obstacles == (Obstacle.BARRED,)
    counts = [explanations_pb2.ObstacleCount(obstacle=number, agents=2) for number in (99, 8)]  # type: ignore[arg-type]
    explanation = explanations_pb2.CallExplanation(
        call="c", state=vocabulary_pb2.CALL_STATE_WAITING, tier=vocabulary_pb2.TIER_NORMAL, obstacles=counts
    )
    assert wire_views.CALL_EXPLANATION.decode(explanation).obstacles == {Obstacle.SKILLS_LACKING: 2}
