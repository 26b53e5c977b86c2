"""Goal: the formulas give the values of theory, exactly where they are sums and closely where they are completed."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.wait import ql_modified


def test_known_values() -> None:
    assert ql_modified(4, 10, 1.0, 0.0) == pytest.approx(0.5)
    assert ql_modified(9, 10, 1.0, 0.5) == pytest.approx(0.82783, abs=5e-6)
    assert ql_modified(0, 1, 2.0, 3.0) == pytest.approx(0.5)


@given(
    ahead=st.integers(0, 3000),
    servers=st.integers(1, 500),
    service=st.floats(1e-3, 1e3),
    patience=st.floats(0, 1e3),
)
def test_the_sum_itself(ahead: int, servers: int, service: float, patience: float) -> None:
    plain = math.fsum(1 / (servers * service + place * patience) for place in range(ahead + 1))
    assert ql_modified(ahead, servers, service, patience) == pytest.approx(plain, rel=1e-9)


def test_microseconds_are_as_good_as_any_unit() -> None:
    assert ql_modified(4, 10, 1 / 1e6, 0.0) == pytest.approx(0.5e6)


@pytest.mark.parametrize(
    "wrong", [(-1, 1, 1.0, 0.0), (0, 0, 1.0, 0.0), (0, 1, 0.0, 0.0), (0, 1, 1.0, -1.0), (0, 1, math.inf, 0.0),
              (0, 1, math.nan, 0.0), (0, 1, 1.0, math.nan)]
)  # fmt: skip
def test_out_of_range(wrong: tuple[int, int, float, float]) -> None:
    with pytest.raises(ValueError, match="are right"):
        ql_modified(*wrong)
