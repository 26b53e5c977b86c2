"""One Asterisk for the tests of a module, and a router and a bridge for each of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.bridge.real.asterisk import RealAsterisk, why_not
from tests.bridge.real.site import FILES


@pytest.fixture(scope="module")
def pbx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealAsterisk]:
    """An Asterisk with the example configuration, and more telephones and numbers."""
    if why := why_not():
        pytest.skip(why)
    asterisk = RealAsterisk(tmp_path_factory.mktemp("asterisk"), FILES)
    asterisk.start()
    yield asterisk
    asterisk.end()
