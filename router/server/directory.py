"""The names of all agents that ever signed in, sorted, so that they can be listed page by page.

Keeps one invariant: the names are those that the engine remembers, since it never forgets an agent.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Sequence

from router.engine.events import AgentSignedIn
from router.server.writing.work import Happening


class AgentDirectory:
    """Sorted names. Noting a new name costs O(log n) comparisons, a page O(log n + page)."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = sorted(set(names))
        self._known = set(self._names)

    def observe(self, happening: Happening) -> None:
        """Learn the names of agents that have signed in."""
        for event in happening.events:
            if type(event) is AgentSignedIn and event.agent not in self._known:
                self._known.add(event.agent)
                insort(self._names, event.agent)

    def __len__(self) -> int:
        return len(self._names)

    def page(self, after: str, names_max: int) -> tuple[Sequence[str], bool]:
        """Return up to `names_max` names after a name, and whether there are more."""
        start = bisect_right(self._names, after)
        return self._names[start : start + names_max], start + names_max < len(self._names)
