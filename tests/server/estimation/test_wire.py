"""Wait estimates on the wire: what is there survives, what is not there stays away, what is unknown has a name."""

from __future__ import annotations

import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.client.replies import decode_wait_estimate, decode_wait_update
from router.engine.vocabulary import CallState
from router.server._native import estimate_bytes
from router.v1 import call_service_pb2, results_pb2, vocabulary_pb2
from router.wait import Method, WaitEstimate
from router.wire.results import METHODS, encode_wait_estimate

TIMES = st.integers(0, 366 * 86_400_000_000)
ESTIMATES = st.builds(
    WaitEstimate,
    st.sampled_from(sorted(METHODS)),
    st.none() | TIMES,
    st.none() | st.integers(1, 1_000_000),
    st.integers(0, 2**40),
    p10_us=st.none() | TIMES,
    p50_us=st.none() | TIMES,
    p80_us=st.none() | TIMES,
    p90_us=st.none() | TIMES,
    interval_us=st.none() | st.tuples(TIMES, TIMES),
    answered_within=st.lists(st.tuples(TIMES, st.floats(0, 1)), max_size=4).map(tuple),
    futures=st.integers(0, 1_000_000),
)
FIELDS = ("mean_us", "p10_us", "p50_us", "p80_us", "p90_us", "interval_us", "answered_within", "position", "futures")


@given(ESTIMATES, st.booleans())
def test_an_estimate_survives(estimate: WaitEstimate, callback_offered: bool) -> None:
    message = encode_wait_estimate(estimate, callback_offered=callback_offered)
    found = decode_wait_estimate(results_pb2.WaitEstimate.FromString(message.SerializeToString()))
    assert (found.method, found.samples, found.callback_offered) == (
        estimate.method,
        estimate.samples,
        callback_offered,
    )
    for field in FIELDS:
        assert getattr(found, field) == getattr(estimate, field), field


@given(ESTIMATES, st.booleans())
def test_the_compiled_part_writes_the_same_bytes(estimate: WaitEstimate, callback_offered: bool) -> None:
    written = estimate_bytes(estimate, METHODS[estimate.method], callback_offered)
    message = encode_wait_estimate(estimate, callback_offered=callback_offered)
    assert written == message.SerializeToString(deterministic=True)


def test_every_method_has_its_number() -> None:
    assert set(METHODS) == set(typing.get_args(Method))
    assert {number: name for name, number in METHODS.items()} == {
        number: name.removeprefix("WAIT_ESTIMATE_METHOD_").lower()
        for name, number in results_pb2.WaitEstimateMethod.items()
        if number
    }


def test_a_method_of_a_newer_server_is_named_by_its_number() -> None:
    assert decode_wait_estimate(results_pb2.WaitEstimate(method=99)).method == "99"  # type: ignore[arg-type]


@pytest.mark.parametrize("state", list(CallState))
def test_the_end_of_a_wait_has_the_calls_state_and_no_estimate(state: CallState) -> None:
    number = vocabulary_pb2.CallState.Value(f"CALL_STATE_{state.name}")
    update = decode_wait_update(call_service_pb2.WaitUpdate(call="c1", queue="q", call_state=number))
    assert (update.call, update.queue, update.state, update.estimate) == ("c1", "q", state, None)


def test_a_call_that_is_forgotten_has_no_state() -> None:
    assert decode_wait_update(call_service_pb2.WaitUpdate(call="c1", queue="q")).state is None
