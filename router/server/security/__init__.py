"""TLS, principals and roles. Services need no more than who is asking; the server imports the rest from its modules."""

from router.server.security.principals import Principal, principal_of
from router.server.security.roles import Role

__all__ = ["Principal", "Role", "principal_of"]
