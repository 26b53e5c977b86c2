"""The agents' table: who has which telephone, and how they are signed in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from router.engine.commands import SignIn

_AGENT: Final = "{agent}"


class AgentEntry(msgspec.Struct, frozen=True):
    """One agent of the table. `device_state` None takes what the settings say; `at_start` signs in by itself."""

    agent: str
    endpoint: str
    sign_in: SignIn
    device_state: bool | None = None
    at_start: bool = False


class AgentTable:
    """Agents and their endpoints. Those who are not in it may have one by a pattern, such as `PJSIP/{agent}`."""

    def __init__(
        self, entries: Iterable[AgentEntry] = (), pattern: str = "", pattern_sign_in: SignIn | None = None
    ) -> None:
        self._entries = {entry.agent: entry for entry in entries}
        self._agents = {_plain(entry.endpoint): entry.agent for entry in self._entries.values()}
        if pattern and pattern.count(_AGENT) != 1:
            raise ValueError(f"{pattern!r} is no pattern of an endpoint: {_AGENT} once is right")
        self._pattern = pattern
        self._pattern_sign_in = pattern_sign_in

    def __iter__(self) -> Iterator[AgentEntry]:
        return iter(self._entries.values())

    def entry(self, agent: str) -> AgentEntry | None:
        """Return what is known of an agent, None if nothing is."""
        entry = self._entries.get(agent)
        endpoint = self.endpoint_of(agent)
        if entry is None and endpoint is not None and self._pattern_sign_in is not None:
            sign_in = msgspec.structs.replace(self._pattern_sign_in, agent=agent)
            return AgentEntry(agent, endpoint, sign_in)
        return entry

    def endpoint_of(self, agent: str) -> str | None:
        """Return whom to dial for an agent, None if nobody knows."""
        entry = self._entries.get(agent)
        if entry is not None:
            return entry.endpoint
        return self._pattern.replace(_AGENT, agent) if self._pattern else None

    def agent_of(self, channel_name: str) -> str | None:
        """Return the agent to whom a telephone belongs, by the name of its channel, such as `PJSIP/ada-0000001f`."""
        return self.agent_at(channel_name.rpartition("-")[0])

    def agent_at(self, endpoint: str) -> str | None:
        """Return the agent to whom an endpoint belongs, None if nobody knows."""
        plain = _plain(endpoint)
        agent = self._agents.get(plain)
        if agent is not None:
            return agent
        before, _, after = _plain(self._pattern).partition(_AGENT)
        if self._pattern and plain.startswith(before) and plain.endswith(after):
            return plain[len(before) : len(plain) - len(after)] or None
        return None


def _plain(endpoint: str) -> str:
    """Return an endpoint without the options of a Local channel, which its channels' names do not have."""
    if not endpoint.startswith("Local/"):
        return endpoint
    extension, at, rest = endpoint.partition("@")
    return extension + at + rest.partition("/")[0]
