"""Holdings in plain Python, event by event: what the native ones are held against."""

from __future__ import annotations

from collections.abc import Iterable

from router.engine import events as e


class PlainHoldings:
    """Names of one kind, each with at most one owner."""

    def __init__(self) -> None:
        self._owners: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._owners)

    def owner(self, name: str) -> str:
        return self._owners.get(name, "")

    def of(self, client_id: str) -> tuple[str, ...]:
        return tuple(name for name, owner in self._owners.items() if owner == client_id)

    def clients(self) -> set[str]:
        return set(self._owners.values())

    def give(self, name: str, client_id: str) -> None:
        self.drop(name)
        if client_id:
            self._owners[name] = client_id

    def drop(self, name: str) -> None:
        self._owners.pop(name, None)


class PlainOwned:
    """Which client brought which agents and calls."""

    def __init__(self) -> None:
        self.agents = PlainHoldings()
        self.calls = PlainHoldings()

    def observe(self, events: Iterable[e.Event], client_id: str) -> None:
        for event in events:
            if isinstance(event, e.CallEnqueued):
                self.calls.give(event.call, client_id)
            elif isinstance(event, (e.CallCompleted, e.CallAbandoned, e.CallRefused)):
                self.calls.drop(event.call)
            elif isinstance(event, e.AgentSignedIn):
                self.agents.give(event.agent, client_id)
            elif isinstance(event, e.AgentSignedOut):
                self.agents.drop(event.agent)
