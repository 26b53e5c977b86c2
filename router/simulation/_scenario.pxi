# router/simulation/scenario/model.py -> the C++ scenario. Whoever has a Scenario has a checked one: nothing is asked again.

EPOCH_US = 946_684_800_000_000  # 2000-01-01: credited waits and shifted clocks stay in range

cdef tuple COMMANDS = (
    commands.SignIn, commands.SignOut, commands.SetAvailability, commands.UpdateAgent, commands.Enqueue,
    commands.UpdateCall, commands.Cancel, commands.Requeue, commands.Transfer, commands.Assign,
    commands.TurnIntoCallback, commands.Accept, commands.Reject, commands.Complete, commands.EndWrapUp,
    commands.RecordOutcome, commands.Configure, commands.PauseQueue, commands.ResumeQueue, commands.Detach,
    commands.Attach, commands.Restart, commands.Advance,
)
cdef list ENDINGS = list(model.Ending)
cdef list SHIFT_ENDS = list(model.ShiftEnd)
cdef list LINE_ORDERS = list(model.LineOrder)
cdef list HUNTED_AGENTS = list(model.HuntedAgent)


cdef CppDistribution distribution_of(object distribution) except *:
    return CppDistribution(spec_of(distribution))


cdef CppRedial redial_of(object redial) except *:
    cdef CppRedial native
    native.chance = redial.chance
    native.after = distribution_of(redial.after)
    native.times_max = -1 if redial.times_max is None else redial.times_max
    return native


cdef CppArrivals arrivals_of(object arrivals) except *:
    cdef CppArrivals native
    if isinstance(arrivals, model.PoissonArrivals):
        native.kind = ArrivalKind.poisson
        for rate in arrivals.rates_per_s:
            native.rates_per_s.push_back(rate)
        native.period_us = arrivals.period_us
        native.day_factor_cv = arrivals.day_factor_cv
        native.day_us = arrivals.day_us
    elif isinstance(arrivals, model.RenewalArrivals):
        native.kind = ArrivalKind.renewal
        native.interval = distribution_of(arrivals.interval)
    else:
        native.kind = ArrivalKind.recorded
    return native


cdef vector[pair[int, double]] by_level(object table) except *:
    cdef vector[pair[int, double]] native
    cdef pair[int, double] entry
    for level, value in table:
        entry.first = level
        entry.second = value
        native.push_back(entry)
    return native


cdef CppCallers callers_of(object callers) except *:
    cdef CppCallers native
    cdef pair[int64_t, double] entry
    native.name = callers.name.encode()
    native.queue = callers.queue.encode()
    native.channel = callers.channel.encode()
    native.urgency = <Urgency><uint8_t>callers.urgency
    native.priority = callers.priority
    if callers.requirement is not None:
        native.requirement = requirement_of(callers.requirement)
    native.arrivals = arrivals_of(callers.arrivals)
    native.handle_time = distribution_of(callers.handle_time)
    if callers.patience is not None:
        native.patience = distribution_of(callers.patience)
    if callers.wrap_up is not None:
        native.wrap_up = distribution_of(callers.wrap_up)
    native.skill = (callers.skill or "").encode()
    native.handle_factor_by_level = by_level(callers.handle_factor_by_level)
    native.resolution_by_level = by_level(callers.resolution_by_level)
    for wait_us, score in callers.satisfaction_by_wait:
        entry.first = wait_us
        entry.second = score
        native.satisfaction_by_wait.push_back(entry)
    if callers.redial_unresolved is not None:
        native.redial_unresolved = redial_of(callers.redial_unresolved)
    if callers.redial_abandoned is not None:
        native.redial_abandoned = redial_of(callers.redial_abandoned)
    native.customers = callers.customers
    native.known = callers.known
    return native


cdef CppAgentGroup group_of(object group, object callers) except *:
    cdef CppAgentGroup native
    cdef pair[string, uint8_t] skill
    cdef pair[string, uint16_t] room
    cdef pair[int64_t, int64_t] shift
    native.name = group.name.encode()
    for name in group.agent_names():
        native.agents.push_back(name.encode())
    for name, level in sorted(group.skills.items()):
        skill.first = name.encode()
        skill.second = level
        native.skills.push_back(skill)
    for name, number in sorted((group.capacity or {}).items()):
        room.first = name.encode()
        room.second = number
        native.capacity.push_back(room)
    if group.handle_time is not None:
        native.handle_time = distribution_of(group.handle_time)
    native.handle_times.resize(len(callers))
    for index, kind in enumerate(callers):
        if kind.name in group.handle_times:
            native.handle_times[<size_t>index] = distribution_of(group.handle_times[kind.name])
    native.handle_factor = group.handle_factor
    native.ring = distribution_of(group.ring)
    native.reject = group.reject
    native.reject_after = distribution_of(group.reject_after)
    native.no_answer = group.no_answer
    native.return_after = distribution_of(group.return_after)
    for number in group.staffing:
        native.staffing.push_back(number)
    native.staffing_period_us = group.staffing_period_us
    for from_us, until_us in group.shifts:
        shift.first = from_us
        shift.second = until_us
        native.shifts.push_back(shift)
    native.at_shift_end = <CppShiftEnd><uint8_t>SHIFT_ENDS.index(group.at_shift_end)
    return native


cdef CppHunting hunting_of(object hunting) except *:
    cdef CppHunting native
    native.order = <CppLineOrder><uint8_t>LINE_ORDERS.index(hunting.order)
    native.agent = <CppHuntedAgent><uint8_t>HUNTED_AGENTS.index(hunting.agent)
    return native


cdef int fill_recorded(CppScenario& native, object recorded, size_t callers) except -1:
    cdef const int64_t[::1] times_us = recorded.times_us
    cdef const int64_t[::1] kinds = recorded.callers
    cdef const int64_t[::1] handle_us = recorded.handle_us
    cdef const int64_t[::1] patience_us = recorded.patience_us
    cdef Py_ssize_t index, count = times_us.shape[0]
    cdef RecordedCall call
    if not count == kinds.shape[0] == handle_us.shape[0] == patience_us.shape[0]:
        raise ValueError("recorded calls need as many callers, handle times and patiences as times")
    native.recorded.reserve(count)
    for index in range(count):
        if times_us[index] < (times_us[index - 1] if index else 0) or not 0 <= kinds[index] < <int64_t>callers:
            raise ValueError(f"recorded call {index} is out of order, or of callers that are not there")
        call.time_us = times_us[index]
        call.callers = <uint32_t>kinds[index]
        call.handle_us = handle_us[index]
        call.patience_us = patience_us[index]
        native.recorded.push_back(call)
    for name in recorded.names:
        native.recorded_names.push_back(name.encode())
    if recorded.names and len(recorded.names) != count:
        raise ValueError("recorded calls need a name each, or none")
    return 0


cdef object enqueue_from(object callers, str call, str customer):
    return commands.Enqueue(
        call=call, queue=callers.queue, channel=callers.channel, requirement=callers.requirement, urgency=callers.urgency,
        priority=callers.priority, customer=customer,
    )
