"""Rejections are worded as router.server.errors words them, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.engine.vocabulary import RejectReason
from router.server import _native
from router.server.errors import refusal_of_reason, wordings
from router.v1 import results_pb2
from router.wire.results import encode_header

WORDINGS = wordings()
PLAIN = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=300)
SEQUENCES = st.integers(1, 2**63 - 1)
TIMES = st.integers(0, 2**61)


def expected(reason: RejectReason, subject: str, sequence: int, time_us: int) -> results_pb2.CommandResult:
    error = refusal_of_reason(reason, subject, sequence, time_us).status()
    return results_pb2.CommandResult(header=encode_header(sequence, time_us), error=error)


@pytest.mark.parametrize("reason", RejectReason, ids=lambda reason: reason.name)
@given(PLAIN, SEQUENCES, TIMES)
def test_every_rejection_has_the_same_words(reason: RejectReason, subject: str, sequence: int, time_us: int) -> None:
    written = _native._rejection(WORDINGS, reason, subject.encode(), sequence, time_us)
    assert written == expected(reason, subject, sequence, time_us).SerializeToString(deterministic=True)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=320))
def test_what_has_to_be_made_fit_to_be_shown_is_left_alone(subject: str) -> None:
    written = _native._rejection(WORDINGS, RejectReason.UNKNOWN_CALL, subject.encode(), 7, 1)
    is_plain = len(subject) <= 300 and subject.isascii() and subject.isprintable()
    assert (written is not None) == is_plain


def test_without_words_nothing_is_worded() -> None:
    none = WORDINGS._replace(reasons=[])
    assert _native._rejection(none, RejectReason.UNKNOWN_CALL, b"c1", 7, 1) is None


def test_no_rejection_has_no_words() -> None:
    with pytest.raises(Exception, match="number > 0"):
        _native._rejection(WORDINGS, 0, b"c1", 7, 1)
