"""The points of the contract as checks on the picture: some when a call is taken, some when the engine rests.

Only what a command touched is looked at again: an agent and a call that could not come together before it and were not
touched by it cannot after it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from router.engine.vocabulary import CallState, EngagementState, Tier
from router.fairness.follower import Follower
from router.fairness.model import Agent, Call, held_at, next_change_us, overdue_at, step_at
from router.fairness.report import Findings, Point


class Checks:
    """The checks; `taken` runs just before an agent takes a call, `at_rest` after each command."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.picture: Follower
        self._clock: list[tuple[int, str]] = []

    # Who may take what

    def obstacle(self, agent: Agent, call: Call) -> str:
        """Return why the agent may not take the waiting call, empty if it may."""
        if call.detached:
            return "would take it while it is detached"
        if call.channel not in agent.open:
            return f"is not ready with capacity on {call.channel}"
        if not call.active_step.satisfied_by(agent.name, agent.profile):
            return "does not meet the active step"
        if call.queue in self.picture.paused:
            return f"would serve the paused queue {call.queue}"
        if call.barred(agent.name, self.findings.time_us):
            return "rejected it or let it expire a short while ago"
        if call.held and agent.name not in call.preferred_agents:
            return "is not one of those that it is held for"
        return ""

    def _may_take_for_sure(self, agent: Agent, call: Call) -> bool:
        """Say whether the agent may take the call, a bar that ends this very moment counting as still there."""
        return not call.bar_ends_now(agent.name, self.findings.time_us) and not self.obstacle(agent, call)

    # When a call is taken

    def taken(self, agent: Agent, call: Call, forced: bool) -> None:
        """Check a pairing against everything that waits and everyone who is free."""
        if forced:
            return
        obstacle = self.obstacle(agent, call)
        if obstacle:
            self._add(Point.RULES, f"agent {agent.name} was given call {call.name}, but {obstacle}", call, agent)
        self._check_kin(agent, call)
        self._check_tiers(agent, call)
        self._check_idle(agent, call)

    def _check_kin(self, agent: Agent, call: Call) -> None:
        for name in self.picture.waiting.older_kin(call):
            older = self.picture.calls[name]
            if self._may_take_for_sure(agent, older):
                sentence = f"agent {agent.name} was given call {call.name} while its older kin {name} waited"
                self._add(Point.KIN_IN_ORDER, sentence, call, agent, older)
                if older.returned:
                    sentence = f"call {name} came back to its place, but was passed over by the later {call.name}"
                    self._add(Point.PLACE_KEPT, sentence, call, agent, older)
                return

    def _check_tiers(self, agent: Agent, call: Call) -> None:
        for better in self._waiting_for(agent, range(call.tier)):
            if not better.bar_ends_now(agent.name, self.findings.time_us):
                overdue = better.tier in (Tier.URGENT_OVERDUE, Tier.OVERDUE)
                self._add(
                    Point.BOUNDED_WAIT if overdue else Point.RULES,
                    f"agent {agent.name} was given call {call.name} ({call.tier.name.lower()}) while {better.name} "
                    f"({better.tier.name.lower()}) waited",
                    call,
                    agent,
                    better,
                )
                return

    def _check_idle(self, agent: Agent, call: Call) -> None:
        rivals = [
            rival
            for rival in self.picture.open_agents.get(call.channel, {}).values()
            if rival is not agent and rival.idle_key() < agent.idle_key() and self._alike(agent, rival, call)
        ]
        for rival in sorted(rivals, key=Agent.idle_key):
            if self._may_take_for_sure(rival, call):
                self._add(
                    Point.LONGEST_IDLE,
                    f"call {call.name} went to agent {agent.name}, but {rival.name}, equal otherwise, was idle longer",
                    call,
                    agent,
                    rival,
                )
                return

    def _alike(self, agent: Agent, rival: Agent, call: Call) -> bool:
        """Say whether the two are known to be equal for the call in every weighted term but idle time."""
        weights = self.picture.queue_settings(call.queue).agent_weights
        learned = self.picture.learned
        return (
            (not (weights.skill_fit or weights.reserve) or agent.profile is rival.profile)
            and (not weights.load or not (agent.ever_engaged or rival.ever_engaged))
            and (
                not weights.efficiency
                or not ((agent.name, call.queue) in learned or (rival.name, call.queue) in learned)
            )
            and (not weights.affinity or (agent.name in call.preferred_agents) == (rival.name in call.preferred_agents))
        )

    # When the engine rests

    def at_rest(self) -> None:
        """Check, after a command, everything that it or the passing of time touched."""
        self._end_bars()
        self._check_limits()
        self._check_clocks()
        found: set[tuple[str, str]] = set()
        for agent in self.picture.touched_agents.values():
            for call in self._waiting_for(agent, range(len(Tier))):
                found.add((agent.name, call.name))
                break
        for call in self.picture.touched_calls.values():
            if call.state == CallState.WAITING:
                found.update((agent.name, call.name) for agent in self._able(call))
        for agent_name, call_name in sorted(found):
            sentence = f"agent {agent_name} is free and may take call {call_name}, which waits"
            self.findings.add(Point.WORK_CONSERVED, sentence, calls=(call_name,), agents=(agent_name,))
        self.picture.touched_agents.clear()
        self.picture.touched_calls.clear()

    def _end_bars(self) -> None:
        ends = self.picture.bar_ends
        while ends and ends[0][0] <= self.findings.time_us:
            _, name, _ = heapq.heappop(ends)
            call = self.picture.calls.get(name)
            if call is not None:
                self.picture.touched_calls[name] = call

    def _check_limits(self) -> None:
        """Every offer and wrap-up ends by its time."""
        limits = self.picture.limits
        while limits and limits[0][0] <= self.findings.time_us:
            until_us, offer = heapq.heappop(limits)
            one = self.picture.engagements.get(offer)
            if one is None or one.until_us != until_us:
                continue
            if one.state == EngagementState.OFFERED:
                sentence = f"the offer of call {one.call} to agent {one.agent} should have expired at {until_us}"
                self.findings.add(Point.NOT_LOST, sentence, calls=(one.call,), agents=(one.agent,))
            else:
                sentence = f"the wrap-up of agent {one.agent} after call {one.call} should have ended at {until_us}"
                self.findings.add(Point.WORK_CONSERVED, sentence, calls=(one.call,), agents=(one.agent,))

    def _check_clocks(self) -> None:
        """Every waiting call that was touched, or whose moment has come, stands where the clock puts it."""
        due = dict(self.picture.touched_calls)
        while self._clock and self._clock[0][0] <= self.findings.time_us:
            _, name = heapq.heappop(self._clock)
            if name in self.picture.calls:
                due[name] = self.picture.calls[name]
        for call in due.values():
            if call.state == CallState.WAITING:
                self._check_clock(call)

    def _check_clock(self, call: Call) -> None:
        queue = self.picture.queue_settings(call.queue)
        now_us = self.findings.time_us
        step, overdue, held = step_at(call, now_us), overdue_at(call, queue, now_us), held_at(call, queue, now_us)
        if (step, overdue, held) != (call.step, call.overdue, call.held):
            if call.step != step:
                self._add(Point.RULES, f"call {call.name} is at step {call.step}, by its wait it is {step}", call)
            if call.overdue != overdue:
                self._add(Point.BOUNDED_WAIT, f"call {call.name} is past its bound, but was not called overdue", call)
            if call.held and not held:
                point = Point.BOUNDED_WAIT if overdue else Point.RULES
                self._add(point, f"call {call.name} is held past its end or bound", call)
            self.picture.waiting.remove(call)
            call.step, call.overdue, call.held = step, overdue, held
            self.picture.waiting.add(call)
            self.picture.touched_calls[call.name] = call
        next_us = next_change_us(call, queue)
        if next_us is not None:
            heapq.heappush(self._clock, (next_us, call.name))

    def _waiting_for(self, agent: Agent, tiers: range) -> Iterator[Call]:
        """Yield the waiting calls of the given tiers that the agent may take."""
        if not agent.open:
            return
        now_us = self.findings.time_us
        paused = self.picture.paused
        for one in self.picture.waiting.classes(tiers):
            if (
                one.channel in agent.open
                and one.queue not in paused
                and one.step.satisfied_by(agent.name, agent.profile)
            ):
                yield from (call for call in one.calls.values() if not call.barred(agent.name, now_us))
        for call in self.picture.waiting.held_for.get(agent.name, {}).values():
            if call.tier in tiers and not self.obstacle(agent, call):
                yield call

    def _able(self, call: Call) -> Iterator[Agent]:
        """Yield the agents who may take a waiting call."""
        if call.detached:
            return iter(())
        if call.held:
            agents = [self.picture.agents[name] for name in call.preferred_agents if name in self.picture.agents]
        else:
            agents = list(self.picture.open_agents.get(call.channel, {}).values())
        return (agent for agent in agents if not self.obstacle(agent, call))

    def _add(self, point: Point, sentence: str, call: Call, *others: Agent | Call) -> None:
        calls = [call.name] + [one.name for one in others if isinstance(one, Call)]
        agents = tuple(one.name for one in others if isinstance(one, Agent))
        self.findings.add(point, sentence, calls=tuple(calls), agents=agents)
