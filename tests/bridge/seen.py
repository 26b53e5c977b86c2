"""What the router has, waited for: with the stand-in for Asterisk and with a real one."""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import TypeVar

from router.client import RouterClient, RouterError
from router.engine import Availability, CallState
from router.engine.views import AgentView, CallView

_PAUSE_S = 0.005
View = TypeVar("View")


class Seen(ABC):
    """A centre that is watched from outside."""

    client: RouterClient

    @abstractmethod
    def describe(self) -> str:
        """Return what there is to see, for a message."""

    async def call_named(self, name: str, *states: CallState, time_limit_s: float = 8) -> CallView:
        """Wait until the router has a call in one of these states."""
        return await self._until(
            lambda: self.client.call(name), lambda view: view.state in states, f"call {name}", time_limit_s
        )

    async def agent_is(
        self, agent: str, availability: Availability, *, engaged: bool | None = None, time_limit_s: float = 8
    ) -> AgentView:
        """Wait until the router has an agent so."""

        def fits(view: AgentView) -> bool:
            return view.availability is availability and engaged in (None, bool(view.engagements))

        return await self._until(lambda: self.client.agent(agent), fits, agent, time_limit_s)

    async def _until(
        self, look: Callable[[], Awaitable[View]], fits: Callable[[View], bool], what: str, time_limit_s: float
    ) -> View:
        view: View | None = None
        try:
            async with asyncio.timeout(time_limit_s):
                while True:
                    with contextlib.suppress(RouterError):
                        view = await look()
                        if fits(view):
                            return view
                    await asyncio.sleep(_PAUSE_S)
        except TimeoutError:
            raise AssertionError(f"{what} is {view}\n{self.describe()}") from None
