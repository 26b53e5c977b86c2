"""Generate router/v1 from the protos: `python protos/generate.py [OUTPUT]`, OUTPUT being the checkout by default.

Keeps one invariant: what it writes depends on the protos and the versions of the tools only, so that a test can tell
whether the committed code is stale.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import google.rpc
from grpc_tools import protoc

PROTOS = Path(__file__).resolve().parent


def generate(output: Path) -> None:
    """Write messages, services and their type stubs below `output`. Raises `RuntimeError` when protoc fails."""
    # protoc finds its mypy plugins, installed beside this interpreter, on the path
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    common_protos = Path(next(iter(google.rpc.__path__))).parent.parent
    well_known_protos = Path(protoc.__file__).parent / "_proto"
    files = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.glob("router/**/*.proto"))
    services = [file for file in files if file.endswith("_service.proto")]
    includes = [f"-I{PROTOS}", f"-I{common_protos}", f"-I{well_known_protos}"]
    output.mkdir(parents=True, exist_ok=True)
    _run([*includes, f"--python_out={output}", f"--mypy_out=quiet:{output}", *files])
    _run([*includes, f"--grpc_python_out={output}", f"--mypy_grpc_out=quiet,only_async:{output}", *services])


def _run(arguments: list[str]) -> None:
    if protoc.main(["protoc", *arguments]) != 0:
        raise RuntimeError("protoc failed; its message is above")


if __name__ == "__main__":
    generate(Path(sys.argv[1]) if len(sys.argv) > 1 else PROTOS.parent)
