"""Roles, and the one table of what each may do: every RPC, and by it every command of the stream.

Keeps one invariant: an RPC that is not in the table is not for anybody; a command in a batch is for exactly those who
may send it alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from router.v1 import commands_pb2


class Role(StrEnum):
    """What kind of caller somebody is."""

    VIEWER = "viewer"
    PBX = "pbx"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"


Roles = frozenset[Role]

EVERYBODY: Final[Roles] = frozenset(Role)
PBX: Final[Roles] = frozenset({Role.PBX, Role.ADMIN})
DESK: Final[Roles] = frozenset({Role.PBX, Role.SUPERVISOR, Role.ADMIN})
SUPERVISION: Final[Roles] = frozenset({Role.SUPERVISOR, Role.ADMIN})
ADMIN: Final[Roles] = frozenset({Role.ADMIN})

_BY_SERVICE: Final[Mapping[str, Mapping[Roles, tuple[str, ...]]]] = {
    "router.v1.CallService": {
        PBX: (
            "Enqueue",
            "UpdateCall",
            "Cancel",
            "Requeue",
            "Transfer",
            "TurnIntoCallback",
            "Accept",
            "Reject",
            "Complete",
            "RecordOutcome",
        ),
        # a supervisor decides, or an outside ACD did already
        DESK: ("Assign",),
        EVERYBODY: ("GetCall", "GetWaitEstimate", "WatchWaitEstimates"),
    },
    "router.v1.AgentService": {
        DESK: ("SignIn", "SignOut", "SetAvailability", "UpdateAgent", "EndWrapUp"),
        EVERYBODY: ("GetAgent", "ListAgents"),
    },
    "router.v1.SessionService": {
        PBX: ("Heartbeat", "EndSession", "Reconcile"),
    },
    "router.v1.CommandService": {
        # each command of a batch is judged by itself
        DESK: ("Apply",),
    },
    "router.v1.WatchService": {
        EVERYBODY: ("Watch",),
    },
    "router.v1.AdministrationService": {
        SUPERVISION: ("PauseQueue", "ResumeQueue", "ValidateConfig"),
        ADMIN: ("ApplyConfig",),
        EVERYBODY: (
            "GetQueue",
            "ListQueues",
            "GetConfig",
            "ExplainCall",
            "ExplainAgent",
            "ListDecisions",
            "GetStatistics",
        ),
    },
    "grpc.reflection.v1alpha.ServerReflection": {
        EVERYBODY: ("ServerReflectionInfo",),
    },
}

RPCS: Final[Mapping[str, Roles]] = {
    f"/{service}/{name}": roles
    for service, rows in _BY_SERVICE.items()
    for roles, names in rows.items()
    for name in names
}
"""Every RPC that asks who is calling, by its path, and the roles that may call it."""

OPEN_RPCS: Final = frozenset(f"/grpc.health.v1.Health/{name}" for name in ("Check", "List", "Watch"))
"""The RPCs that do not ask who is calling: probes have no credentials, and the answer tells nothing but up or down."""

SESSION_ROLES: Final = RPCS["/router.v1.SessionService/Heartbeat"]
"""Who may hold a session, on a command stream as well."""

_ROLES_BY_NAME = {path.rpartition("/")[2]: roles for path, roles in RPCS.items()}
_FIELDS: Any = commands_pb2.Command.DESCRIPTOR.oneofs_by_name["command"].fields
COMMANDS: Final[Mapping[str, Roles]] = {field.name: _ROLES_BY_NAME[field.message_type.name] for field in _FIELDS}
"""The commands of a batch, by their field in `Command`: who may send the one of that name alone."""


def roles_in_words(roles: Roles) -> str:
    """Return roles as one reads them in a sentence, the least first."""
    names = [role.value for role in Role if role in roles]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
