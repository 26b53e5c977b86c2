"""A small world for the floor: the model of Asterisk, the real engine with sessions, and all that is under way.

Everything happens one step at a time: whoever drives it decides what is delivered next. What travels on one line keeps
its order there (events of the WebSocket; requests that touch the same channel; commands; answers to them; the watch),
and otherwise anything may overtake anything.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from router.bridge.asterisk.actions import (
    Action,
    Applied,
    Count,
    LearnAgents,
    Learned,
    Note,
    Reconcile,
    Refused,
    Send,
    Unanswered,
    Wait,
    WaitOver,
)
from router.bridge.asterisk.agents import AgentEntry, AgentTable
from router.bridge.asterisk.ari import events as ari
from router.bridge.asterisk.ari import requests as req
from router.bridge.asterisk.calls import LegPhase
from router.bridge.asterisk.floor import HEEDED, Floor
from router.bridge.asterisk.floor_settings import (
    CALLBACK,
    Admit,
    Arrival,
    Callbacks,
    Decision,
    Feature,
    FeatureKind,
    FloorSettings,
    Place,
    Transfers,
    Unwanted,
)
from router.bridge.asterisk.ids import CALLBACK_VARIABLE
from router.client import Reconciled, Reply
from router.engine import commands as c
from router.engine import events as e
from router.engine.requirements import Requirement
from router.engine.settings import QueueSettings, Settings, WrapUp
from router.engine.vocabulary import CallState, WrapUpMode
from router.server.writing.requests import Submission
from router.wire.sessions import DifferenceKind
from tests.bridge.at_rest import CLIENT as CLIENT
from tests.bridge.at_rest import AtRest
from tests.bridge.model_pbx import UNKNOWN_ENDPOINT, ModelChannel, ModelPbx
from tests.server.desk import Desk

SECOND_US = 1_000_000
AGENTS = ("ada", "ben", "cleo")
QUEUES = ("loans", "cards", "vip")
REST_US = 26 * SECOND_US

SETTINGS = Settings(
    queues={
        "loans": QueueSettings(requirement=Requirement(), wrap_up=WrapUp(WrapUpMode.FIXED, 3 * SECOND_US)),
        "cards": QueueSettings(waiting_max=3, wait_max_us=60 * SECOND_US, overflow="loans"),
        "vip": QueueSettings(automatic=True),
        "tiny": QueueSettings(waiting_max=0),
    }
)


def rules(arrival: Arrival) -> Decision:
    match arrival.args:
        case ("in", queue):
            return Admit(c.Enqueue("", queue))
        case ("ringing", queue):
            return Admit(c.Enqueue("", queue), answer=False)
        case ("asks", _):
            return Admit(c.Enqueue("", arrival.variables["QUEUE"] or "loans"))
        case ("agent", kind):
            return Feature(FeatureKind(kind))
    return Unwanted("no rule")


def table() -> AgentTable:
    entries = [
        AgentEntry(name, f"PJSIP/{name}", c.SignIn(name, {"loans": 5}), at_start=name == "ada") for name in AGENTS
    ]
    return AgentTable([*entries, AgentEntry("dora", UNKNOWN_ENDPOINT, c.SignIn("dora"))])


def floor_settings(**changes: object) -> FloorSettings:
    given: dict[str, object] = {
        "rules": rules,
        "agents": table(),
        "name": CLIENT,
        "transfers": Transfers({"1": "loans", "2": "cards"}),
        "patience_us": 15 * SECOND_US,
        "keys": {"0": Place("operator", "s", 1), "1": CALLBACK, "9": None},
        "callbacks": Callbacks(
            "PJSIP/{number}@trunk",
            lambda arrival: arrival.caller_number,
            allows=bool,
            ring_us=5 * SECOND_US,
            tries=2,
            pause_us=20 * SECOND_US,
        ),
    }
    return FloorSettings(**(given | changes))  # type: ignore[arg-type]


class World(AtRest):
    def __init__(self, settings: FloorSettings | None = None, engine_settings: Settings = SETTINGS) -> None:
        self.settings = settings or floor_settings()
        self.pbx = ModelPbx()
        self.engine_settings = engine_settings
        self.router = Desk(engine_settings)
        self.now_us = self.router.time_us
        self.told = 0
        self.watch: deque[e.Event] = deque()
        self.log: list[str] = []
        self.notes: list[Note] = []
        self.waits: set[str] = set()
        self.ended: set[int] = set()
        """Offers of which the bridge has heard that they are over."""
        self.granted: set[int] = set()
        """Pairings to which the router has agreed, as the bridge has heard, or which it could not be asked about."""
        self.counted: dict[str, float] = {}
        self.pbx_up = True
        self.router_up = True
        self.muted = False
        self.insist: set[str] = set()
        """Agents of whom a feature code or a supervisor has said that they are ready, come what may."""
        self.ended_by_others: set[str] = set()
        """Calls that a supervisor has ended."""
        self.promised: set[str] = set()
        """Callbacks that callers were promised."""
        self.promises: dict[str, str] = {}
        """By what is played: the callback that is promised by it."""
        self.forgotten: set[str] = set()
        """Those that the router has lost with its memory; a bridge that is started then cannot know of them."""
        self.start()

    # --- the bridge

    def start(self) -> None:
        """Start the bridge, which knows nothing."""
        self.requests: list[req.Request] = []
        self.outcomes: list[tuple[req.Request, req.Outcome]] = []
        self.commands: deque[Send | Reconcile | LearnAgents] = deque()
        self.replies: deque[tuple[Send | Reconcile | LearnAgents, object]] = deque()
        self.pbx.events.clear()
        self.watch.clear()
        self.waits.clear()
        self.ended.clear()
        self.granted.clear()
        self.floor = Floor(self.settings, self.now_us)
        self.joined = False
        self.pbx.connected = False

    def restart(self) -> None:
        """The bridge ends without a word, and is started again; what it had sent may arrive or not."""
        self.log.append("--- the bridge restarts")
        self.start()

    def connect(self) -> None:
        if self.pbx_up and not self.pbx.connected:
            self.pbx.connected = True
            self._hear(ari.Back())

    def join(self) -> None:
        if self.router_up and not self.joined:
            self.joined = True
            self._take(self.floor.router_back(self.now_us), "router back")

    def drop_socket(self, lost_events: int = 0) -> None:
        """The WebSocket is gone, with the last events that were on their way."""
        if self.pbx.connected:
            for _ in range(min(lost_events, len(self.pbx.events))):
                self.pbx.events.pop()
            while self.pbx.events:
                self._hear(self.pbx.events.popleft())
            self.pbx.connected = False
            self._hear(ari.Lost())

    def drop_router(self, carried_out: int = 0, *, gap: bool = False, session_lost: bool = False) -> None:
        """The stream is gone: some commands were carried out, and nobody knows which."""
        if not self.joined:
            return
        self.joined = False
        for _ in range(min(carried_out, len(self.commands))):
            self.carry_out()
        self.commands.clear()
        self.replies.clear()
        self._take(self.floor.router_lost(self.now_us), "router lost")
        if session_lost:
            if self.router.sessions.state_of(CLIENT) is None:
                self.router.begin(CLIENT)
            if self.router.sessions.is_held(CLIENT):
                self.router.lose(CLIENT)
        self._see()
        if gap:
            self.watch.clear()

    def restart_router(self) -> None:
        """The router is started again without a journal: it knows nothing, and counts offers anew.

        What it tells comes after the answer to the first comparison: before, old and new numbers are not told apart.
        """
        self.drop_router()
        self.muted = True
        self.log.append("--- the router restarts without memory")
        self.forgotten |= {view.call for view in self.router.engine.calls()}
        self.router, self.told = Desk(self.engine_settings), 0
        self.ended.clear()
        self.router.time_us = self.now_us
        self.watch.clear()

    def announce(self, call: str, *media: str) -> None:
        """Something is to be said to a caller."""
        self._take(self.floor.announce(call, media, self.now_us), "announce")

    def restart_asterisk(self) -> None:
        self.drop_socket()
        self.pbx.restart()

    # --- what is under way

    def _take(self, actions: Iterable[Action], why: str) -> None:
        for action in actions:
            match action:
                case Note():
                    self.notes.append(action)
                    if action.text == "connected":
                        self._check_connected(action.offer)
                    self.log.append(f"      # {action.text} {action.call} {action.agent} {action.channel}")
                case Count(name=name, label=label, value=value):
                    key = f"{name}.{label}" if label else name
                    self.counted[key] = self.counted.get(key, 0) + value
                case Wait(call=call):
                    assert call not in self.waits, f"{call} waits twice"
                    self.waits.add(call)
                case WaitOver(call=call):
                    self.waits.remove(call)
                case Send() | Reconcile() | LearnAgents():
                    self.log.append(f"      > {action}")
                    assert self.joined, f"{action} while the router is out of reach"
                    assert not any(isinstance(one, Reconcile) for one in self.commands), f"{action} during Reconcile"
                    assert not any(isinstance(one, Reconcile) for one, _ in self.replies), f"{action} during Reconcile"
                    self.commands.append(action)
                    if isinstance(action, Reconcile):
                        self._grant(call.call for call in action.calls if call.talking)
                case req.Play(media=(self.settings.sounds.callback_agreed,), channel=channel):
                    self.promises[action.playback] = self.floor._desk.callers[channel].id.removesuffix("!")
                    self.requests.append(action)
                case req.Request():
                    self.log.append(f"      > {action}")
                    if isinstance(action, req.AddToMixing):
                        self._check_mixing(action)
                    self.requests.append(action)
                case _:
                    raise AssertionError(action)

    def _check_mixing(self, request: req.AddToMixing) -> None:
        """A caller is mixed only with the call's own leg, and while the offer stands as far as is known."""
        caller, leg = self.floor._desk.callers.get(request.channels[0]), self.floor._desk.legs.get(request.channels[1])
        if caller is None or leg is None or leg.phase is LegPhase.ENDING:
            return  # it has ended in the same breath
        assert caller.leg is leg, f"{leg.id} is not the call's own"
        if not self.floor.router_together:
            self.granted.add(leg.offer)
        granted = leg.offer in self.granted or leg.offer == 0
        assert granted or leg.offer not in self.ended, f"offer {leg.offer} is over, and {leg.id} is mixed"

    def _check_connected(self, offer: int) -> None:
        """Two are connected only once the router has agreed. (An agent who talks on has no number after a loss.)"""
        asked = self.floor.router_together
        assert not asked or offer == 0 or offer in self.granted, f"the router has not agreed to offer {offer}"

    def _grant(self, talking: Iterable[str]) -> None:
        """The router is told of talks that it could not be asked about."""
        legs = (self.floor._desk.calls[call].leg for call in talking)
        self.granted |= {leg.offer for leg in legs if leg is not None}

    def _heard_of_offer(self, event: e.Event) -> None:
        match event:
            case e.OfferWithdrawn(offer=offer) | e.OfferExpired(offer=offer) | e.OfferRejected(offer=offer):
                self.ended.add(offer)
            case e.CallAssigned(offer=offer):
                self.granted.add(offer)

    def _heard_of_accept(self, offer: int, answer: object) -> None:
        (self.granted if isinstance(answer, Applied) else self.ended).add(offer)

    def _check_parted(self, offer: int) -> None:
        """Whom the router has refused to an agent is not the agent's any more."""
        for leg in self.floor._desk.legs.values():
            theirs = leg.offer == offer and not leg.agreed and self.floor._desk.call_of(leg) is not None
            assert not theirs, f"offer {offer} is over, and {leg.id} is still the call's own"

    def _hear(self, event: ari.Event) -> None:
        self.log.append(f"hear {type(event).__name__} {getattr(getattr(event, 'channel', None), 'id', '')}")
        self._take(self.floor.hear(event, self.now_us), "heard")

    def deliver_event(self) -> bool:
        if not self.pbx.events:
            return False
        self._hear(self.pbx.events.popleft())
        return True

    def free_requests(self) -> list[req.Request]:
        """Return the requests before which none goes that touches the same."""
        touched: set[str] = set()
        free = []
        for request in self.requests:
            if touched.isdisjoint(request.touches):
                free.append(request)
            touched.update(request.touches)
        return free

    def perform(self, which: int = 0, fault: str = "") -> bool:
        """Carry out a request: `fault` is "500", "slow" (done, but nobody knows) or "lost" (not done)."""
        free = self.free_requests()
        if not free:
            return False
        request = free[which % len(free)]
        self.requests = [one for one in self.requests if one is not request]
        if not self.pbx_up or fault == "lost":
            outcome: req.Outcome = req.Unreachable()
        elif fault == "500":
            outcome = req.Failed(500, "Allocation failed")
        else:
            outcome = self.pbx.do(request)
            self._hear_promise(request, outcome)
            if fault == "slow":
                outcome = req.Unreachable()
        self.log.append(f"   pbx {type(request).__name__} {request.key} -> {type(outcome).__name__}")
        self.outcomes.append((request, outcome))
        return True

    def _hear_promise(self, request: req.Request, outcome: req.Outcome) -> None:
        heard = isinstance(request, req.Play) and isinstance(outcome, req.Done) and request.playback in self.promises
        # a bridge that is started in the midst of it finds the mark
        if heard and self.pbx.channels[request.channel].variables.get(CALLBACK_VARIABLE):
            self.promised.add(self.promises[request.playback])

    def deliver_outcome(self, which: int = 0) -> bool:
        if not self.outcomes:
            return False
        # one at a time of those that touch the same
        request, outcome = self.outcomes.pop(which % len(self.outcomes) if self._apart() else 0)
        self.log.append(f"answered {type(request).__name__} {request.key} {type(outcome).__name__}")
        self._take(self.floor.answered(request, outcome, self.now_us), "answered")
        return True

    def _apart(self) -> bool:
        touched: set[str] = set()
        for request, _ in self.outcomes:
            if not touched.isdisjoint(request.touches):
                return False
            touched.update(request.touches)
        return True

    def carry_out(self) -> bool:
        """The router carries out the next command, or compares the lists."""
        if not self.commands or (not self.joined and not self.router_up):
            return False
        asked = self.commands.popleft()
        answer: object
        match asked:
            case Send(command=command):
                if isinstance(command, c.SetAvailability) and any(
                    visit.agent == command.agent for visit in self.floor._parts.visits.by_channel.values()
                ):
                    self.insist.add(command.agent)
                done = self.router.submit(Submission(command, client_id=CLIENT, actor="bridge"))
                answer = Applied(Reply(done.result)) if done.result else Refused(done.refusal.reason)  # type: ignore[union-attr]
                self.log.append(f"   router {command} -> {answer if isinstance(answer, Refused) else 'ok'}")
            case Reconcile(calls=calls, agents=agents):
                found = self.router.reconcile(calls, agents, CLIENT)
                answer = Reconciled(self.router.engine.sequence, self.now_us, tuple(found.differences), found.agreed)
                for difference in found.differences:
                    self.log.append(f"   differs: {difference}")
            case LearnAgents():
                found = self.router.reconcile(asked.known, (), CLIENT, dry_run=True)
                ended = [one.call for one in found.differences if one.kind is DifferenceKind.CALL_ENDED]
                views = [self.router.engine.call(call) for call in ended]
                gone = [one.agent for one in found.differences if one.kind is DifferenceKind.AGENT_GONE]
                known = {view.call for view in self.router.engine.calls() if view.state is CallState.ASSIGNED}
                talks = tuple(call for call in asked.calls if call in known)
                answer = Learned(
                    tuple(self.router.engine.agent(name) for name in gone),
                    talks,
                    tuple(view for view in views if view.callback),
                )
        self.replies.append((asked, answer))
        self._see()
        return True

    def deliver_reply(self) -> bool:
        if not self.replies:
            return False
        asked, answer = self.replies.popleft()
        self.muted = self.muted and not isinstance(answer, Reconciled)
        self.log.append(f"reply to {getattr(asked, 'command', asked)}: {type(answer).__name__}")
        accepted = asked.command.offer if isinstance(asked, Send) and isinstance(asked.command, c.Accept) else None
        if accepted is not None:
            self._heard_of_accept(accepted, answer)
        self._take(self.floor.answered(asked, answer, self.now_us), "reply")  # type: ignore[arg-type]
        if accepted in self.ended and accepted is not None:
            self._check_parted(accepted)
        return True

    def lose_reply(self) -> bool:
        """An answer does not come in time."""
        if not self.replies:
            return False
        asked, _ = self.replies.popleft()
        self.replies.clear()
        self.commands.clear()
        self._take(self.floor.answered(asked, Unanswered("too late"), self.now_us), "lost reply")
        self.commands.clear()
        self.joined = False
        self._take(self.floor.router_lost(self.now_us), "router lost")
        return True

    def _see(self) -> None:
        for happening in self.router.happenings[self.told :]:
            self.watch.extend(event for event in happening.events if isinstance(event, HEEDED))
        self.told = len(self.router.happenings)

    def deliver_watch(self) -> bool:
        self._see()
        if not self.watch or not self.joined or self.muted:
            return False
        event = self.watch.popleft()
        self.log.append(f"told {event}")
        self._heard_of_offer(event)
        self._take(self.floor.told(event, self.now_us), "told")
        return True

    def supervise(self, command: c.Command) -> None:
        """Somebody else tells the router something."""
        if isinstance(command, c.SetAvailability) and command.ready:
            self.insist.add(command.agent)
        if isinstance(command, c.Cancel | c.Complete):
            self.ended_by_others.add(command.call)
        answer = self.router.submit(Submission(command, client_id="desk", actor="supervisor"))
        self.log.append(f"supervisor {command} -> {answer.refusal.reason if answer.refusal else 'ok'}")
        self._see()

    # --- time

    def wait(self, duration_us: int) -> None:
        """Let time pass, deadline by deadline."""
        until = self.now_us + duration_us
        while True:
            mine, theirs = self.floor.next_deadline_us, self.router.engine.next_deadline()
            at = min(max(self.now_us, one) for one in (mine, theirs, until) if one is not None)
            if at > until:
                at = until
            self.now_us = self.router.time_us = at
            if theirs is not None and theirs <= at:
                self.router.submit(Submission(c.Advance()))
                self._see()
            if mine is not None and mine <= at:
                self._take(self.floor.tick(at), "tick")
            if at >= until:
                return

    def only(self, *steps: Callable[[], bool]) -> None:
        """Let only such steps be taken, the first that can be each time, until there is nothing left for them."""
        while any(step() for step in steps):
            pass

    def perform_all(self, fault: str, *kinds: type[req.Request], told: bool = True) -> None:
        """Carry out all requests, and tell what came of each; those of some kinds go wrong."""
        while self.requests:
            self.perform(fault=fault if isinstance(self.free_requests()[0], kinds) else "")
            if told:
                self.deliver_outcome()

    def deliver_all(self) -> None:
        """Deliver everything that is under way, until nothing is."""
        for _ in range(20_000):
            for playback in list(self.pbx.playing):
                self.pbx.finish_playing(playback)
            for leg in [*self.pbx.legs("Up"), *self.pbx.lines("Up")]:
                if not leg.stasis:
                    self.pbx.enter(leg)
            steps = (
                self.deliver_event,
                self.perform,
                self.deliver_outcome,
                self.carry_out,
                self.deliver_reply,
                self.deliver_watch,
            )
            if not any([step() for step in steps]):
                return
        raise AssertionError("it does not come to rest")

    def deliver_asterisk(self) -> None:
        """Deliver all that is under way between Asterisk and the bridge: the router is slower."""
        while self.deliver_event() or self.perform() or self.deliver_outcome():
            pass

    def rest(self) -> None:
        """Everything is in reach again, and nothing happens any more, for a while."""
        self.log.append("--- rest")
        self.pbx_up = self.router_up = True
        for _ in range(REST_US // SECOND_US):
            self.connect()
            self.join()
            self.deliver_all()
            self.wait(SECOND_US)
            self.deliver_all()

    # --- shortcuts for those who drive

    def line(self, which: int, *states: str) -> ModelChannel | None:
        lines = self.pbx.lines(*states)
        return lines[which % len(lines)] if lines else None

    def caller(self, which: int) -> ModelChannel | None:
        callers = self.pbx.callers()
        return callers[which % len(callers)] if callers else None

    def leg(self, which: int, *states: str) -> ModelChannel | None:
        legs = self.pbx.legs(*states)
        return legs[which % len(legs)] if legs else None
