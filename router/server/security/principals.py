"""Who is asking: the principal of the RPC that is being served.

Keeps one invariant: nobody is a principal unless the security layer said so. Without it, nothing is served.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Final

import msgspec

from router.server.errors import Refusal
from router.server.security.roles import COMMANDS, SESSION_ROLES, Role, Roles, roles_in_words


class Principal(msgspec.Struct, frozen=True):
    """Somebody who may do something: a name for the records, a role, and the client ids it may use.

    Without `clients` it may use every id but the `reserved` ones, which are those of other principals.
    """

    name: str
    role: Role
    clients: frozenset[str] = frozenset()
    reserved: frozenset[str] = frozenset()

    def lacks(self, what: str, roles: Roles) -> str:
        """Say in words that something is for other roles."""
        return f"{what} is for {roles_in_words(roles)}, {self.name} is {self.role}"

    def check_command(self, field: str) -> None:
        """Raise `Refusal` unless this principal may send the command in a field of `Command`."""
        roles = COMMANDS[field]
        if self.role not in roles:
            raise _denied(self.lacks(field, roles))

    @property
    def may_hold_session(self) -> bool:
        """Whether this principal may hold a session, and its commands count as signs of life."""
        return self.role in SESSION_ROLES

    def check_session(self) -> None:
        """Raise `Refusal` unless this principal may hold a session."""
        if not self.may_hold_session:
            raise _denied(self.lacks("hold_session", SESSION_ROLES))

    def check_client(self, client_id: str) -> None:
        """Raise `Refusal` unless this principal may act under a client id."""
        if not self.may_use(client_id):
            raise _denied(f"{self.name} may not use the client_id {client_id}")

    def may_use(self, client_id: str) -> bool:
        """Whether this principal may act under a client id. The empty one is nobody's."""
        if not client_id:
            return True
        return client_id in self.clients if self.clients else client_id not in self.reserved


LOCAL: Final = Principal("local", Role.ADMIN)
"""Whoever calls where nobody has to say who it is."""


class Caller:
    """Who made one RPC. The principal of a long one may change while it runs.

    `report` is told of what is denied to it in the course of the RPC.
    """

    __slots__ = ("principal", "report")

    def __init__(self, principal: Principal, report: Callable[[Refusal], None]) -> None:
        self.principal = principal
        self.report = report


_caller: ContextVar[Caller] = ContextVar("caller")


def _denied(what: str) -> Refusal:
    """Return the refusal of something, having reported it."""
    refusal = Refusal("PERMISSION_DENIED", what)
    caller = _caller.get(None)
    if caller is not None:
        caller.report(refusal)
    return refusal


def set_caller(caller: Caller) -> None:
    """Say who made the RPC that this task, and those that it starts, are about to serve."""
    _caller.set(caller)


def principal_of() -> Principal:
    """Return the principal of the RPC that this task serves. Raises `RuntimeError` outside of an RPC."""
    try:
        return _caller.get().principal
    except LookupError:
        raise RuntimeError("this is no RPC: nobody said who is asking") from None


def check_request(request: object) -> None:
    """Raise `Refusal` if a request is under a client id that its sender may not use."""
    client_id = getattr(request, "client_id", "")
    if client_id:
        principal_of().check_client(client_id)
