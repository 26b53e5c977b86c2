"""Goal: an option may take several values in a row, and nothing else changes in how arguments are read."""

from __future__ import annotations

import pytest

from router.cli.variadic import repeat_option


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("a b", "a b"),
        ("a --train b c", "a --train b --train c"),
        ("a --train b c --json", "a --train b --train c --json"),
        ("--train b --train c", "--train b --train c"),
        ("--train b c -- d e", "--train b --train c -- d e"),
        ("--train b c --futures 5 d", "--train b --train c --futures 5 d"),
        ("--train=b c", "--train=b c"),
        ("--train --json b", "--train --json b"),
        ("a --train", "a --train"),
        ("--other a b", "--other a b"),
        ("", ""),
    ],
)
def test_the_name_comes_before_each_value(given: str, read: str) -> None:
    assert repeat_option(given.split(), ["--train"]) == read.split()
