"""Events about calls: entering, moving, returning, the clock. A call that waits is always indexed as it is."""

from __future__ import annotations

from router.engine import commands, events
from router.engine.vocabulary import CallState
from router.fairness.model import Call, held_at, overdue_at, step_at
from router.fairness.report import Point
from router.fairness.restarts import Restarts


class CallEvents(Restarts):
    """The way of a call through queues and time."""

    def _enqueued(self, event: events.CallEnqueued) -> None:
        command = self.command_for(commands.Enqueue, event, event.call)
        if command is None:
            return
        if event.call in self.calls:
            self.lost(f"call {event.call} was enqueued while it is in the system", event.call)
            self.finish(self.calls[event.call])
        arrival_us = max(0, event.time_us - command.credited_wait_us)
        if event.effective_arrival_us != arrival_us:
            self.findings.add(
                Point.PLACE_KEPT,
                f"call {event.call} arrived, less its credited wait, at {arrival_us}, not {event.effective_arrival_us}",
                calls=(event.call,),
            )
        requirement = command.requirement or self.queue_settings(event.queue).requirement
        call = self.calls[event.call] = Call(
            name=event.call,
            queue=event.queue,
            channel=command.channel,
            demand=self.catalogue.demand(requirement),
            own_requirement=command.requirement is not None,
            urgency=command.urgency,
            priority=command.priority,
            preferred_agents=event.preferred_agents,
            hold_until_us=event.hold_until_us,
            effective_arrival_us=arrival_us,
            wait_started_us=event.time_us,
            order=event.sequence,
        )
        self.measures.calls += 1
        self.assess(call, event.time_us)

    def _call_updated(self, event: events.CallUpdated) -> None:
        command = self.command_for(commands.UpdateCall, event, event.call)
        call = self.live(event.call, "updated")
        if command is None or call is None:
            return
        self.take_out(call)
        if command.urgency is not None:
            call.urgency = command.urgency
        if command.priority is not None:
            call.priority = command.priority
        if command.requirement is not None:
            call.demand = self.catalogue.demand(command.requirement)
            call.own_requirement = True
        if command.preferred_agents is not None:
            call.preferred_agents = self.known(command.preferred_agents)
        if call.state == CallState.WAITING:
            self.assess(call, event.time_us)

    def _detached(self, event: events.CallDetached) -> None:
        command = self.command_for(commands.Detach, event, event.call)
        call = self.live(event.call, "detached", CallState.WAITING, CallState.ASSIGNED)
        if command is not None and call is not None:
            self._set_detached(call, True)

    def _attached(self, event: events.CallAttached) -> None:
        command = self.command_for(commands.Attach, event, event.call)
        call = self.live(event.call, "attached")
        if command is not None and call is not None:
            self._set_detached(call, False)

    def _set_detached(self, call: Call, detached: bool) -> None:
        if call.detached == detached:
            self.lost(f"call {call.name} is {'detached' if detached else 'attached'}, but was so already", call.name)
        self.take_out(call)
        call.detached = detached
        if call.state == CallState.WAITING:
            self.put_in(call)

    def _abandoned(self, event: events.CallAbandoned) -> None:
        call = self.live(event.call, "abandoned", CallState.WAITING)
        if call is not None:
            self.check_wait(event.call, event.wait_us, event.time_us)
            self.finish(call)

    def _refused(self, event: events.CallRefused) -> None:
        call = self.live(event.call, "refused", CallState.WAITING)
        if call is not None:
            self.check_limit_met(call)
            self.check_wait(event.call, event.wait_us, event.time_us)
            self.finish(call)

    def _begin_anew(self, call: Call, time_us: int, sequence: int) -> None:
        call.effective_arrival_us = call.wait_started_us = time_us
        call.order = sequence
        call.returned = False

    def _kept_place(self, call: Call, command: commands.Requeue | commands.Transfer, kept_place: bool) -> None:
        if command.keep_place != kept_place:
            self.findings.add(
                Point.PLACE_KEPT,
                f"call {call.name} was to {'keep' if command.keep_place else 'give up'} its place, and did not",
                calls=(call.name,),
            )

    def _requeued(self, event: events.CallRequeued) -> None:
        command = self.command_for(commands.Requeue, event, event.call)
        call = self.live(event.call, "requeued", CallState.WAITING, CallState.ASSIGNED)
        if command is None or call is None:
            return
        self._kept_place(call, command, event.kept_place)
        if call.state == CallState.ASSIGNED:
            self.end_assignment(call, event.time_us)
        self.take_out(call)
        call.returned = True
        if not command.keep_place:
            self._begin_anew(call, event.time_us, event.sequence)
        self.wait_again(call, event.time_us)

    def _transferred(self, event: events.CallTransferred) -> None:
        command = self.command_for(commands.Transfer, event, event.call)
        call = self.live(event.call, "transferred", CallState.WAITING, CallState.ASSIGNED)
        if command is None or call is None:
            return
        self._kept_place(call, command, event.kept_place)
        if call.state == CallState.ASSIGNED:
            self.end_assignment(call, event.time_us)
            call.wait_started_us = event.time_us
        call.returned = True
        self.take_out(call)
        call.queue = event.queue
        call.own_requirement = command.requirement is not None
        call.demand = self.catalogue.demand(command.requirement or self.queue_settings(event.queue).requirement)
        if command.preferred_agents is not None:
            call.preferred_agents = self.known(command.preferred_agents)
        call.hold_until_us = event.hold_until_us
        if not command.keep_place:
            self._begin_anew(call, event.time_us, event.sequence)
        self.wait_again(call, event.time_us)

    def _overflowed(self, event: events.CallOverflowed) -> None:
        call = self.live(event.call, "sent to another queue", CallState.WAITING)
        if call is not None:
            self.check_limit_met(call)
            self.change_queue(call, event.queue)
            self.assess(call, event.time_us)

    def _moved(self, event: events.CallMoved) -> None:
        call = self.live(event.call, "moved to another queue")
        if call is not None:
            self.change_queue(call, event.queue)
            if call.state == CallState.WAITING:
                self.assess(call, event.time_us)

    def _step_reached(self, event: events.CallStepReached) -> None:
        call = self.live(event.call, "at its next step", CallState.WAITING)
        if call is None:
            return
        if not 0 <= event.step < len(call.demand.steps):
            self.lost(f"call {call.name} reached step {event.step}, which it does not have", call.name)
            return
        if event.step != step_at(call, event.time_us):
            self._out_of_time(call, f"call {call.name} reached step {event.step} at the wrong time", Point.RULES)
        self.take_out(call)
        call.step = event.step
        self.put_in(call)

    def _hold_ended(self, event: events.CallHoldEnded) -> None:
        call = self.live(event.call, "no longer held", CallState.WAITING)
        if call is None:
            return
        if held_at(call, self.queue_settings(call.queue), event.time_us):
            self._out_of_time(call, f"the hold of call {call.name} ended before its time", Point.RULES)
        self.take_out(call)
        call.held = False
        call.hold_until_us = None
        self.put_in(call)

    def _overdue(self, event: events.CallOverdue) -> None:
        call = self.live(event.call, "overdue", CallState.WAITING)
        if call is None:
            return
        if not overdue_at(call, self.queue_settings(call.queue), event.time_us):
            self._out_of_time(call, f"call {call.name} was called overdue before its bound", Point.BOUNDED_WAIT)
        self.take_out(call)
        call.overdue = True
        self.put_in(call)

    def _out_of_time(self, call: Call, sentence: str, point: Point) -> None:
        self.findings.add(point, sentence, calls=(call.name,))
