"""Whether this process may make a child of itself, which gRPC has to be told before it is loaded.

Keeps one invariant: no child is made where gRPC would begin to work in it.

Unless told otherwise, gRPC's core stops and starts its threads around each fork, in the child as well, where nothing
of what they need is left. A child of ours uses nothing of gRPC's, so those handlers must not be there. Whoever wants
them, and sets the variable, has snapshots written in place.
"""

from __future__ import annotations

import os
import sys
from typing import Final

_VARIABLE: Final = "GRPC_ENABLE_FORK_SUPPORT"
_NO: Final = frozenset({"0", "f", "false", "n", "no"})

if "grpc" not in sys.modules:
    os.environ.setdefault(_VARIABLE, "0")

MAY_FORK: Final = sys.platform == "linux" and os.environ.get(_VARIABLE, "").lower() in _NO
"""Whether `Child` may be used. False if gRPC was loaded before this module, and nobody had told it."""
