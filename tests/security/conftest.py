"""Fixtures of the security's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.security.support import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)
