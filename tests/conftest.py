"""What all tests share: where recorded data lies, and Hypothesis profiles that give the same tests each time."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# before gRPC, which must know that servers here make children
import router.server  # noqa: F401

settings.register_profile(
    "default", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("long", parent=settings.get_profile("default"), max_examples=2000, derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Return the folder of recorded days: ROUTER_DATA_DIR (default: ../shared/data). Skips where it is absent."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("ROUTER_DATA_DIR") or default)
    if not folder.is_dir():
        pytest.skip("there are no recorded days here: set ROUTER_DATA_DIR to their folder")
    return folder


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C as a terminal has it: other tests run servers, which take the signal, and shells may ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, signal.SIG_DFL if before is None else before)
