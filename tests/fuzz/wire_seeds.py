"""What the fuzzer of the native reader begins with: `python -m tests.fuzz.wire_seeds FOLDER` writes commands there."""

from __future__ import annotations

import sys
from pathlib import Path

from router.v1 import commands_pb2
from tests.fuzz.messages import Messages

SEEDS = 400


def main(folder: Path) -> None:
    """Write valid commands in deterministic form, one to a file."""
    folder.mkdir(parents=True, exist_ok=True)
    messages = Messages(1)
    for number in range(SEEDS):
        message = messages.message(commands_pb2.Command.DESCRIPTOR)
        (folder / str(number)).write_bytes(message.SerializeToString(deterministic=True))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
