"""Visits: an agent dials a feature code, it is done, a sound says so, and the agent goes on in the dialplan.

Keeps one invariant: a visit ends, whatever is not answered or not heard.
"""

from __future__ import annotations

from enum import Enum

from router.bridge.asterisk.actions import Applied, Refused, Unanswered
from router.bridge.asterisk.agent_book import AgentBook
from router.bridge.asterisk.ari.requests import Answer, Continue, Done, Gone, Outcome, Play, Request
from router.bridge.asterisk.desk import Desk
from router.bridge.asterisk.floor_settings import Arrival, Feature, FeatureKind
from router.bridge.asterisk.link import Link
from router.engine.commands import Command, EndWrapUp, SetAvailability, SignOut

_STEP_US = 10_000_000
"""How long the router, and then the sound, may take."""
_LEAVE_US = 2_000_000
_LEAVE_TRIES = 5

# What the router refuses because it is so already.
_FINE = {
    FeatureKind.SIGN_IN: frozenset({"ALREADY_SIGNED_IN"}),
    FeatureKind.SIGN_OUT: frozenset({"AGENT_SIGNED_OUT", "UNKNOWN_AGENT"}),
    FeatureKind.END_WRAP_UP: frozenset({"NOT_IN_WRAP_UP"}),
}


class VisitPhase(Enum):
    """Where a visit is."""

    DOING = "doing"
    SAYING = "saying"
    LEAVING = "leaving"


class Visit:
    """One agent who has dialled a feature code."""

    __slots__ = ("agent", "channel", "feature", "going", "phase", "playback", "tries")

    def __init__(self, channel: str, feature: Feature, agent: str) -> None:
        self.channel = channel
        self.feature = feature
        self.agent = agent
        self.phase = VisitPhase.DOING
        self.playback = ""
        self.going = False
        """Whether Asterisk is being asked to send the channel on: once is enough until it has answered."""
        self.tries = 0


class Visits:
    """All visits."""

    def __init__(self, desk: Desk, link: Link, book: AgentBook) -> None:
        self._desk = desk
        self._link = link
        self._book = book
        self.by_channel: dict[str, Visit] = {}

    def begin(self, arrival: Arrival, feature: Feature) -> None:
        """An agent has dialled a feature code."""
        agent = feature.agent or self._desk.settings.agents.agent_of(arrival.name) or ""
        visit = self.by_channel[arrival.channel] = Visit(arrival.channel, feature, agent)
        self._book.visit(agent, 1)
        self._desk.request(Answer(arrival.channel))
        self._step(visit, _STEP_US)
        command = self._command(visit)
        if command is None:
            text = f"{arrival.name} dialled {feature.kind.value}, and belongs to no agent who can be signed in"
            self._desk.note("warning", text, channel=visit.channel)
            self._say(visit, False)
            return
        self._link.send(command, then=lambda answer: self._did(visit, answer))

    def _command(self, visit: Visit) -> Command | None:
        agent, feature = visit.agent, visit.feature
        if not agent:
            return None
        match feature.kind:
            case FeatureKind.SIGN_IN:
                entry = self._desk.settings.agents.entry(agent)
                return None if entry is None else entry.sign_in
            case FeatureKind.SIGN_OUT:
                return SignOut(agent)
            case FeatureKind.READY:
                return SetAvailability(agent, True)
            case FeatureKind.NOT_READY:
                return SetAvailability(agent, False, feature.reason or "by telephone")
            case FeatureKind.END_WRAP_UP:
                return EndWrapUp(agent)

    def _did(self, visit: Visit, answer: Applied | Refused | Unanswered) -> None:
        kind = visit.feature.kind
        done = isinstance(answer, Applied)
        if isinstance(answer, Refused):
            done = answer.reason in _FINE.get(kind, ())
        if isinstance(answer, Applied) and kind is FeatureKind.SIGN_IN:
            self._book.signed_in(visit.agent)
        elif done and kind is FeatureKind.SIGN_IN:
            self._link.send(SetAvailability(visit.agent, True))
        self._desk.count("features", kind.value if done else f"{kind.value}_failed")
        self._desk.note(
            "info" if done else "warning",
            f"{visit.agent} by telephone: {kind.value.replace('_', ' ')}{'' if done else f' failed: {answer}'}",
            channel=visit.channel,
        )
        if visit.phase is VisitPhase.DOING:
            self._say(visit, done)

    def _say(self, visit: Visit, done: bool) -> None:
        sounds = self._desk.settings.sounds
        said = {
            FeatureKind.SIGN_IN: sounds.signed_in,
            FeatureKind.SIGN_OUT: sounds.signed_out,
            FeatureKind.READY: sounds.ready,
            FeatureKind.NOT_READY: sounds.not_ready,
            FeatureKind.END_WRAP_UP: sounds.wrap_up_ended,
        }
        media = said[visit.feature.kind] if done else sounds.failed
        visit.phase = VisitPhase.SAYING
        if not media or visit.channel not in self.by_channel:
            self._leave(visit)
            return
        visit.playback = self._desk.ids.playback(visit.channel)
        self._desk.request(Play(visit.channel, visit.playback, (media,)))
        self._step(visit, _STEP_US)

    def _leave(self, visit: Visit) -> None:
        visit.phase = VisitPhase.LEAVING
        if visit.going:
            self._step(visit, _LEAVE_US)
            return
        visit.tries += 1
        if visit.channel not in self.by_channel or visit.tries > _LEAVE_TRIES:
            self.gone(visit.channel)
            return
        visit.going = True
        self._desk.request(Continue(visit.channel))
        self._step(visit, _LEAVE_US)

    def _step(self, visit: Visit, within_us: int) -> None:
        if visit.channel in self.by_channel:
            self._desk.timers.set(("visit", visit.channel), self._desk.now_us + within_us)

    def late(self, channel: str) -> None:
        """A visit has stood still for too long."""
        visit = self.by_channel.get(channel)
        if visit is None:
            return
        if visit.phase is VisitPhase.DOING:
            self._say(visit, False)
        else:
            self._leave(visit)

    def said(self, playback: str) -> None:
        """Something has been said."""
        for visit in self.by_channel.values():
            if visit.playback == playback and visit.phase is VisitPhase.SAYING:
                self._leave(visit)
                return

    def gone(self, channel: str) -> None:
        """The channel is gone."""
        visit = self.by_channel.pop(channel, None)
        if visit is not None:
            self._book.visit(visit.agent, -1)
        self._desk.timers.clear(("visit", channel))

    def answered(self, visit: Visit, request: Request, outcome: Outcome) -> None:
        """A request about a visitor's channel was answered."""
        if isinstance(request, Continue):
            visit.going = False
        if isinstance(outcome, Done):
            return
        if isinstance(outcome, Gone) and not isinstance(request, Play):
            self.gone(visit.channel)
        elif isinstance(request, Play) and visit.phase is VisitPhase.SAYING:
            self._leave(visit)
