"""The generated code is that of the committed protos."""

from __future__ import annotations

import re
import runpy
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_generated_code_is_not_stale(tmp_path: Path) -> None:
    committed = {path.name: path for path in (ROOT / "router").rglob("v1/*_pb2*.py*") if path.suffix in (".py", ".pyi")}
    made_with = re.search(r"GRPC_GENERATED_VERSION = '(.+)'", committed["call_service_pb2_grpc.py"].read_text())
    assert made_with is not None
    if version("grpcio-tools") != made_with[1]:
        pytest.skip(f"made with grpcio-tools {made_with[1]}; {version('grpcio-tools')} is installed")
    runpy.run_path(str(ROOT / "protos" / "generate.py"))["generate"](tmp_path)
    fresh = {path.name: path for path in (tmp_path / "router").rglob("v1/*_pb2*")}
    assert sorted(fresh) == sorted(committed)
    stale = [name for name, path in fresh.items() if path.read_bytes() != committed[name].read_bytes()]
    assert not stale, "run `make protos`"


def test_every_part_of_the_contract_says_what_it_is() -> None:
    """Every message, enum, service and method of the contract has a comment: the protos are documentation."""
    silent = []
    for path in sorted((ROOT / "protos" / "router" / "v1").glob("*.proto")):
        lines = path.read_text().splitlines()
        assert lines[0].startswith("// "), f"{path.name} does not say what it is for"
        for before, line in pairwise(lines):
            declared = re.match(r"\s*(message|enum|service|rpc) (\w+)", line)
            if declared is None or re.search(r"(Request|Response)$", declared[2]):
                continue
            if not before.strip().startswith("//") and declared[1] != "service" and declared[2] != "ErrorReason":
                silent.append(f"{path.name}: {declared[1]} {declared[2]}")
    assert not silent
