"""Learning: what the router has of an earlier run of ours.

Keeps one invariant: nothing is changed there by asking.
"""

from __future__ import annotations

from router.bridge.asterisk.actions import LearnAgents, Learned
from router.client import DifferenceKind, Reconciled, RouterClient, RouterError
from router.engine.views import AgentView, CallView
from router.engine.vocabulary import CallState


class Learning:
    """Questions to the router."""

    def __init__(self, client: RouterClient, time_limit_s: float) -> None:
        self._client = client
        self._time_limit_s = time_limit_s

    async def ask(self, action: LearnAgents) -> Learned:
        """Return the agents and callbacks that the router has as ours, and which calls are assigned."""
        found = await self._client.reconcile(action.known, (), dry_run=True, timeout_s=self._time_limit_s)
        agents = await self._our_agents(found)
        return Learned(agents, await self._assigned(action.calls), await self._callbacks(found))

    async def _our_agents(self, found: Reconciled) -> tuple[AgentView, ...]:
        """Return the agents that the router has as ours: those that it would sign out if we had none."""
        names = [one.agent for one in found.differences if one.kind is DifferenceKind.AGENT_GONE]
        views = []
        for name in names:
            try:
                views.append(await self._client.agent(name))
            except RouterError as error:
                if error.reason != "UNKNOWN_AGENT":
                    raise
        return tuple(views)

    async def _assigned(self, calls: tuple[str, ...]) -> tuple[str, ...]:
        """Return those of the calls that an agent has."""
        assigned = []
        for call in calls:
            try:
                view = await self._client.call(call)
            except RouterError as error:
                if error.reason != "UNKNOWN_CALL":
                    raise
            else:
                if view.state is CallState.ASSIGNED:
                    assigned.append(call)
        return tuple(assigned)

    async def _callbacks(self, found: Reconciled) -> tuple[CallView, ...]:
        """Return the callbacks among the calls that the router has as ours, and that it would end."""
        callbacks = []
        for one in found.differences:
            if one.kind is not DifferenceKind.CALL_ENDED:
                continue
            try:
                view = await self._client.call(one.call)
            except RouterError as error:
                if error.reason != "UNKNOWN_CALL":
                    raise
            else:
                if view.callback:
                    callbacks.append(view)
        return tuple(callbacks)
