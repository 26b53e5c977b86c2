"""Sessions on the wire: what is written is read again as it was, and what a newer server says does no harm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.engine.commands import Enqueue, SignIn
from router.engine.vocabulary import Urgency
from router.v1 import session_service_pb2 as pb
from router.wire.problems import Malformed
from router.wire.sessions import (
    Difference,
    DifferenceKind,
    LiveAgent,
    LiveCall,
    SessionState,
    check_name,
    decode_difference,
    decode_live_agent,
    decode_live_call,
    encode_difference,
    encode_live_agent,
    encode_live_call,
)

names = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=60)
offers = st.integers(1, 2**63 - 1)
places = st.one_of(
    st.fixed_dictionaries({}),
    st.fixed_dictionaries({"ringing": offers}),
    st.fixed_dictionaries({"talking": names}),
)


@st.composite
def live_calls(draw: st.DrawFn) -> LiveCall:
    call = draw(names)
    enqueue = draw(
        st.none()
        | st.builds(Enqueue, st.just(call), names, urgency=st.sampled_from(Urgency), priority=st.integers(0, 9))
    )
    return LiveCall(call, enqueue=enqueue, **draw(places))


@given(live_calls())
def test_calls_come_back_as_they_went(call: LiveCall) -> None:
    assert decode_live_call(pb.LiveCall.FromString(encode_live_call(call).SerializeToString())) == call


@given(names, st.dictionaries(names, st.integers(1, 10), max_size=3), st.booleans(), st.one_of(st.just(""), names))
def test_agents_come_back_as_they_went(agent: str, skills: dict[str, int], ready: bool, reason: str) -> None:
    live = LiveAgent(SignIn(agent, skills, {"voice": 1}, ready), reason)
    assert decode_live_agent(pb.LiveAgent.FromString(encode_live_agent(live).SerializeToString())) == live


@given(
    st.builds(
        Difference,
        kind=st.sampled_from([kind for kind in DifferenceKind if kind]),
        call=st.just("") | names,
        agent=st.just("") | names,
        offer=st.just(0) | offers,
        found=names,
        repaired=st.booleans(),
        problem=st.just("") | names,
    )
)
def test_differences_come_back_as_they_went(difference: Difference) -> None:
    message = pb.Difference.FromString(encode_difference(difference).SerializeToString())
    assert decode_difference(message) == difference


def test_the_kinds_and_states_are_the_contracts() -> None:
    kinds = {name.removeprefix("DIFFERENCE_KIND_"): number for name, number in pb.DifferenceKind.items()}
    assert kinds == {kind.name: kind.value for kind in DifferenceKind}
    states = {name.removeprefix("SESSION_STATE_"): number for name, number in pb.SessionState.items()}
    assert states == {"UNSPECIFIED": 0, **{state.name: state.value for state in SessionState}}


def test_a_kind_that_only_a_newer_server_knows_is_borne() -> None:
    message = pb.Difference(kind=99, call="c1", problem="something new")  # type: ignore[arg-type]
    assert decode_difference(message) == Difference(kind=DifferenceKind.UNSPECIFIED, call="c1", problem="something new")


@pytest.mark.parametrize("name", ["", "a\x1fb", "a\x7f", "a\x9f", "ä" * 128])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(Malformed):
        check_name("call", name)


@pytest.mark.parametrize("name", ["a", "ä" * 127, "a b", "\u2028", "\u200b", "日本"])
def test_what_is_a_name(name: str) -> None:
    check_name("call", name)
