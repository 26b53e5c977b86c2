"""The table of roles is complete, says what DESIGN.md says, and is the one in the docs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from google.protobuf import descriptor_pool
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from router.server.security.roles import COMMANDS, OPEN_RPCS, RPCS, Role, roles_in_words
from router.v1 import (
    administration_service_pb2,
    agent_service_pb2,
    call_service_pb2,
    command_service_pb2,
    commands_pb2,
    session_service_pb2,
    watch_service_pb2,
)

FILES = (
    administration_service_pb2,
    agent_service_pb2,
    call_service_pb2,
    command_service_pb2,
    session_service_pb2,
    watch_service_pb2,
    health_pb2,
    reflection_pb2,
)
DOCS = Path(__file__).resolve().parents[2] / "docs" / "security.md"
PROTOS = Path(__file__).resolve().parents[2] / "protos"


def every_rpc() -> set[str]:
    """List every RPC that the server serves, by its path."""
    return {
        f"/{service.full_name}/{method.name}"
        for module in FILES
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }


def test_every_rpc_has_its_row_and_no_row_is_too_many() -> None:
    assert set(RPCS) | OPEN_RPCS == every_rpc()
    assert not set(RPCS) & OPEN_RPCS


def test_every_service_of_the_contract_is_among_them() -> None:
    names = [
        f"router.v1.{name}"
        for file in (PROTOS / "router" / "v1").glob("*.proto")
        for name in re.findall(r"^service (\w+)", file.read_text(), re.M)
    ]
    for name in names:
        assert descriptor_pool.Default().FindServiceByName(name)
        assert any(path.startswith(f"/{name}/") for path in RPCS), name


def test_every_command_has_its_roles_and_they_are_those_of_its_rpc() -> None:
    fields = commands_pb2.Command.DESCRIPTOR.oneofs_by_name["command"].fields
    assert set(COMMANDS) == {field.name for field in fields}
    for field in fields:
        (path,) = (path for path in RPCS if path.endswith(f"/{field.message_type.name}"))
        assert COMMANDS[field.name] is RPCS[path]
    apply = RPCS["/router.v1.CommandService/Apply"]
    assert apply == frozenset().union(*COMMANDS.values()), "who may send any command may open the stream"


def test_an_admin_may_do_everything_and_everybody_may_read() -> None:
    assert all(Role.ADMIN in roles for roles in RPCS.values())
    reads = {path for path in RPCS if re.search(r"/(Get|List|Explain|Watch)|Reflection", path)}
    assert all(RPCS[path] == frozenset(Role) for path in reads)
    assert all(Role.VIEWER not in roles for path, roles in RPCS.items() if path not in reads)


@pytest.mark.parametrize(
    ("name", "roles"),
    [
        ("Enqueue", {"pbx", "admin"}),
        ("Assign", {"pbx", "supervisor", "admin"}),
        ("SignIn", {"pbx", "supervisor", "admin"}),
        ("PauseQueue", {"supervisor", "admin"}),
        ("ApplyConfig", {"admin"}),
        ("Reconcile", {"pbx", "admin"}),
    ],
)
def test_the_roles_are_those_of_the_design(name: str, roles: set[str]) -> None:
    (found,) = (found for path, found in RPCS.items() if path.endswith(f"/{name}"))
    assert {role.value for role in found} == roles


def test_the_docs_have_the_same_table() -> None:
    section = DOCS.read_text().partition("\n## Roles\n")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if line.startswith("|")]
    assert rows[0] == ["service", "RPCs", *Role]
    documented = {
        f"{service.strip('`')}/{name}": {role.value for role, mark in zip(Role, marks, strict=True) if mark}
        for service, names, *marks in rows[2:]
        for name in re.findall(r"\w+", names)
    }
    table = {path.rpartition(".")[2]: {role.value for role in roles} for path, roles in RPCS.items()}
    assert documented == table


def test_roles_read_well() -> None:
    assert roles_in_words(frozenset({Role.ADMIN})) == "admin"
    assert roles_in_words(frozenset({Role.ADMIN, Role.PBX, Role.SUPERVISOR})) == "pbx, supervisor or admin"
