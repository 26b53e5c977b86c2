"""Names are found by a hash that nobody outside of the process can foresee."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from router.server._native import _keyed_hash

TEXTS = [bytes(range(200, 200 + length)) for length in range(1, 40)] + [b"call-0001", b"x" * 255]
_WITHOUT_A_KEY = "import sys; print(*(hash(bytes.fromhex(text)) for text in sys.argv[1:]))"


@pytest.mark.skipif(sys.hash_info.algorithm != "siphash13", reason="this Python hashes with something else")
def test_it_is_that_of_cpython() -> None:
    """CPython hashes bytes with SipHash-1-3, and with a key of zeros if told to."""
    said = subprocess.run(
        [sys.executable, "-c", _WITHOUT_A_KEY, *(text.hex() for text in TEXTS)],
        env=os.environ | {"PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert [_keyed_hash(text, 0, 0) for text in TEXTS] == [int(word) % 2**64 for word in said.stdout.split()]


def test_another_key_is_another_hash() -> None:
    keys = [(0, 0), (1, 0), (0, 1), (2**63, 5)]
    assert len({_keyed_hash(b"call-0001", low, high) for low, high in keys}) == len(keys)
