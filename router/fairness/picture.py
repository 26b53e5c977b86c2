"""The checker's own picture of calls and agents, and the few ways in which it changes.

Its indexes always hold exactly the calls that wait and the agents that are free. What an event says that
cannot be is noted as a violation; the picture then goes on from the event.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from typing import Any

from router.engine import commands, events
from router.engine.settings import QueueSettings, Settings
from router.engine.vocabulary import CallState, EngagementState
from router.fairness import model
from router.fairness.demands import Catalogue
from router.fairness.measures import Measures
from router.fairness.model import Agent, Call, Engagement, in_use_ppm, is_exclusive, open_channels
from router.fairness.report import Findings, Point
from router.fairness.waiting import WaitingCalls


class Picture:
    """Calls, agents and engagements as commands and events tell of them.

    `touched_agents` and `touched_calls` gather whose chances may have grown since they were last cleared.
    `on_taken(agent, call, forced)` is called just before the agent takes the call. `command` is the present one,
    `last_us` the time of the one before; `back_from_offer` gathers the calls whose offers a restart takes back.
    """

    def __init__(self, settings: Settings, findings: Findings, on_taken: Callable[[Agent, Call, bool], None]) -> None:
        self.settings = settings
        self.findings = findings
        self.on_taken = on_taken
        self.measures = Measures()
        self.catalogue = Catalogue()
        self.calls: dict[str, Call] = {}
        self.agents: dict[str, Agent] = {}
        self.engagements: dict[int, Engagement] = {}
        self.waiting = WaitingCalls()
        self.open_agents: dict[str, dict[str, Agent]] = {}
        self.paused: set[str] = set()
        self.learned: set[tuple[str, str]] = set()
        self.touched_agents: dict[str, Agent] = {}
        self.touched_calls: dict[str, Call] = {}
        self.bar_ends: list[tuple[int, str, str]] = []
        self.limits: list[tuple[int, int]] = []
        self.last_offer = 0
        self.command: commands.Command = commands.Advance()
        self.last_us = 0
        self.back_from_offer: set[str] = set()
        self.ended: tuple[Engagement, int] | None = None

    def begin(self, command: commands.Command, last_us: int) -> None:
        """Start with the next command."""
        self.command = command
        self.last_us = last_us
        self.back_from_offer.clear()

    def queue_settings(self, queue: str) -> QueueSettings:
        """Return the settings of a queue; the defaults if it is gone."""
        return self.settings.queues.get(queue) or QueueSettings()

    def live(self, call: str, doing: str, *states: CallState) -> Call | None:
        found = self.calls.get(call)
        if found is None:
            self.lost(f"call {call} is {doing}, but it is not in the system", call)
        elif states and found.state not in states:
            self.lost(f"call {call} is {doing}, but it is {found.state.name.lower()}", call)
        return found

    def agent(self, agent: str, doing: str) -> Agent | None:
        found = self.agents.get(agent)
        if found is None:
            self.findings.add(Point.RULES, f"agent {agent} {doing}, but never signed in", agents=(agent,))
        return found

    def lost(self, sentence: str, call: str, *agents: str) -> None:
        self.findings.add(Point.NOT_LOST, sentence, calls=(call,), agents=agents)

    def command_for(self, wanted: type, event: events.Event, name: str) -> Any:
        """Return the command if it is the one that can have brought the event, else None with a violation."""
        own = getattr(self.command, "call" if hasattr(event, "call") else "agent", None)
        if isinstance(self.command, wanted) and own == name:
            return self.command
        self.findings.add(Point.RULES, f"{type(event).__name__} of {name} without the command for it")
        return None

    def known(self, agents: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted({agent for agent in agents if agent in self.agents}))

    def before_change(self, agent: Agent, time_us: int) -> None:
        self.measures.account(agent, in_use_ppm(agent, self.settings), time_us)

    def agent_changed(self, agent: Agent) -> None:
        """Find the agent's open channels anew after any change."""
        now_open = open_channels(agent, self.settings)
        for channel in agent.open - now_open:
            del self.open_agents[channel][agent.name]
        for channel in now_open - agent.open:
            self.open_agents.setdefault(channel, {})[agent.name] = agent
        agent.open = now_open
        self.touched_agents[agent.name] = agent

    def full_capacity(self, given: Mapping[str, int]) -> dict[str, int]:
        return dict(given) if given else dict.fromkeys(self.settings.channels, 1)

    def engage(self, engagement: Engagement, time_us: int) -> None:
        agent = self.agents[engagement.agent]
        self.before_change(agent, time_us)
        agent.engagements[engagement.offer] = engagement
        agent.ever_engaged = True
        self.engagements[engagement.offer] = engagement
        if engagement.until_us is not None:
            heapq.heappush(self.limits, (engagement.until_us, engagement.offer))
        self._check_capacity(agent, engagement)
        self.agent_changed(agent)

    def _check_capacity(self, agent: Agent, engagement: Engagement) -> None:
        held = agent.engagements.values()
        alone = not any(is_exclusive(one.channel, self.settings) for one in held) or len(held) == 1
        most = agent.capacity.get(engagement.channel, 0)
        if not alone or agent.engaged_on(engagement.channel) > most:
            self.lost(
                f"agent {agent.name} holds {len(held)} engagements with call {engagement.call}: over capacity",
                engagement.call,
                agent.name,
            )

    def release(self, engagement: Engagement, time_us: int) -> None:
        agent = self.agents[engagement.agent]
        self.before_change(agent, time_us)
        del agent.engagements[engagement.offer]
        del self.engagements[engagement.offer]
        if engagement.state != EngagementState.OFFERED:
            agent.idle_since_us = time_us
        self.agent_changed(agent)

    def end_assignment(self, call: Call, time_us: int) -> None:
        engagement = self.engagements.get(call.offer) if call.offer is not None else None
        if engagement is not None:
            before_us = self.agents[engagement.agent].idle_since_us
            self.release(engagement, time_us)
            self.ended = (engagement, before_us)

    def take_out(self, call: Call) -> None:
        """Take a call out of the indexes before it changes."""
        self.waiting.remove(call)

    def put_in(self, call: Call) -> None:
        """Enter a waiting call as it is now."""
        self.waiting.remove(call)
        self.waiting.add(call)
        self.touched_calls[call.name] = call

    def assess(self, call: Call, time_us: int) -> None:
        self.take_out(call)
        model.assess(call, self.queue_settings(call.queue), time_us)
        self.put_in(call)

    def come_back(self, call: Call, time_us: int) -> None:
        """A call comes back to its queue in its place."""
        call.returned = True
        self.wait_again(call, time_us)

    def wait_again(self, call: Call, time_us: int) -> None:
        call.state = CallState.WAITING
        call.offer = None
        self.assess(call, time_us)

    def finish(self, call: Call) -> None:
        self.waiting.remove(call)
        self.touched_calls.pop(call.name, None)
        if call.offer in self.engagements:
            self.release(self.engagements[call.offer], self.findings.time_us)
        del self.calls[call.name]

    def check_wait(self, name: str, wait_us: int, time_us: int) -> None:
        call = self.calls.get(name)
        if call is not None and wait_us != time_us - call.wait_started_us:
            self.findings.add(
                Point.PLACE_KEPT,
                f"call {name} waited {time_us - call.wait_started_us} us, but {wait_us} us were reported",
                calls=(name,),
            )

    def change_queue(self, call: Call, queue: str) -> None:
        self.take_out(call)
        call.queue = queue
        if not call.own_requirement:
            call.demand = self.catalogue.demand(self.queue_settings(queue).requirement)
