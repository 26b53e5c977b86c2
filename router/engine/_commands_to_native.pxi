# Commands from Python to C++: each checked for form and put together in place.

cdef struct EnqueueSlots:
    Py_ssize_t call, queue, channel, requirement, urgency, priority, preferred_agents, hold_us, credited_wait_us, customer
    Py_ssize_t attributes, callback, explain

cdef EnqueueSlots ENQUEUE
ENQUEUE.call = slot_of(commands.Enqueue, "call")
ENQUEUE.queue = slot_of(commands.Enqueue, "queue")
ENQUEUE.channel = slot_of(commands.Enqueue, "channel")
ENQUEUE.requirement = slot_of(commands.Enqueue, "requirement")
ENQUEUE.urgency = slot_of(commands.Enqueue, "urgency")
ENQUEUE.priority = slot_of(commands.Enqueue, "priority")
ENQUEUE.preferred_agents = slot_of(commands.Enqueue, "preferred_agents")
ENQUEUE.hold_us = slot_of(commands.Enqueue, "hold_us")
ENQUEUE.credited_wait_us = slot_of(commands.Enqueue, "credited_wait_us")
ENQUEUE.customer = slot_of(commands.Enqueue, "customer")
ENQUEUE.attributes = slot_of(commands.Enqueue, "attributes")
ENQUEUE.callback = slot_of(commands.Enqueue, "callback")
ENQUEUE.explain = slot_of(commands.Enqueue, "explain")


cdef Urgency urgency_of(object value) except *:
    if value is URGENCY_NORMAL:
        return <Urgency>0
    expect(value, URGENCY_KIND, "urgency", "an Urgency is wanted")
    return <Urgency><int>value


cdef int sign_in_of(Command& into, object value) except -1:
    cdef SignIn* command = &emplaced[SignIn](into)
    put(command.agent, seen_text(value.agent, "agent", False))
    command.skills = skills_of(value.skills)
    command.capacity = capacity_of(value.capacity)
    command.ready = flag_of(value.ready, "ready")
    return 0


cdef int sign_out_of(Command& into, object value) except -1:
    cdef SignOut* command = &emplaced[SignOut](into)
    put(command.agent, seen_text(value.agent, "agent", False))
    return 0


cdef int set_availability_of(Command& into, object value) except -1:
    cdef SetAvailability* command = &emplaced[SetAvailability](into)
    put(command.agent, seen_text(value.agent, "agent", False))
    command.ready = flag_of(value.ready, "ready")
    put(command.reason, seen_text(value.reason, "reason", True))
    command.after_call = flag_of(value.after_call, "after_call")
    return 0


cdef int update_agent_of(Command& into, object value) except -1:
    cdef UpdateAgent* command = &emplaced[UpdateAgent](into)
    put(command.agent, seen_text(value.agent, "agent", False))
    if value.skills is not None:
        command.skills = skills_of(value.skills)
    if value.capacity is not None:
        command.capacity = capacity_of(value.capacity)
    return 0


cdef int enqueue_of(Command& into, object value) except -1:
    cdef Enqueue* command = &emplaced[Enqueue](into)
    put(command.call, seen_text(read(value, ENQUEUE.call, "call"), "call", False))
    put(command.queue, seen_text(read(value, ENQUEUE.queue, "queue"), "queue", False))
    put(command.channel, seen_text(read(value, ENQUEUE.channel, "channel"), "channel", False))
    if not holds(value, ENQUEUE.requirement, None):
        put_requirement(command.requirement, read(value, ENQUEUE.requirement, "requirement"))
    if not holds(value, ENQUEUE.urgency, URGENCY_NORMAL):
        command.urgency = urgency_of(read(value, ENQUEUE.urgency, "urgency"))
    if not holds(value, ENQUEUE.priority, ZERO):
        command.priority = <uint8_t>number_of(read(value, ENQUEUE.priority, "priority"), "priority", 0, PRIORITY_MAX)
    if not holds(value, ENQUEUE.preferred_agents, NOTHING):
        preferred_agents = read(value, ENQUEUE.preferred_agents, "preferred_agents")
        command.preferred_agents = names_of(preferred_agents, "preferred_agents", PREFERRED_AGENTS_MAX)
    if not holds(value, ENQUEUE.hold_us, None):
        command.hold_us = duration_of(read(value, ENQUEUE.hold_us, "hold_us"), "hold_us")
    if not holds(value, ENQUEUE.credited_wait_us, ZERO):
        command.credited_wait_us = duration_of(read(value, ENQUEUE.credited_wait_us, "credited_wait_us"), "credited_wait_us")
    if not holds(value, ENQUEUE.customer, EMPTY):
        put(command.customer, seen_text(read(value, ENQUEUE.customer, "customer"), "customer", True))
    attributes = read(value, ENQUEUE.attributes, "attributes")
    if type(attributes) is not dict or attributes:
        command.attributes = attributes_of(attributes)
    if not holds(value, ENQUEUE.callback, False):
        command.callback = flag_of(read(value, ENQUEUE.callback, "callback"), "callback")
    if not holds(value, ENQUEUE.explain, False):
        command.explain = flag_of(read(value, ENQUEUE.explain, "explain"), "explain")
    return 0


cdef int update_call_of(Command& into, object value) except -1:
    cdef UpdateCall* command = &emplaced[UpdateCall](into)
    put(command.call, seen_text(value.call, "call", False))
    if value.urgency is not None:
        command.urgency = urgency_of(value.urgency)
    if value.priority is not None:
        command.priority = <uint8_t>number_of(value.priority, "priority", 0, PRIORITY_MAX)
    if value.requirement is not None:
        put_requirement(command.requirement, value.requirement)
    if value.preferred_agents is not None:
        command.preferred_agents = names_of(value.preferred_agents, "preferred_agents", PREFERRED_AGENTS_MAX)
    if value.attributes is not None:
        command.attributes = attributes_of(value.attributes)
    return 0


cdef int cancel_of(Command& into, object value) except -1:
    cdef Cancel* command = &emplaced[Cancel](into)
    put(command.call, seen_text(value.call, "call", False))
    put(command.reason, seen_text(value.reason, "reason", True))
    return 0


cdef int requeue_of(Command& into, object value) except -1:
    cdef Requeue* command = &emplaced[Requeue](into)
    put(command.call, seen_text(value.call, "call", False))
    command.keep_place = flag_of(value.keep_place, "keep_place")
    put(command.reason, seen_text(value.reason, "reason", True))
    return 0


cdef int transfer_of(Command& into, object value) except -1:
    cdef Transfer* command = &emplaced[Transfer](into)
    put(command.call, seen_text(value.call, "call", False))
    put(command.queue, seen_text(value.queue, "queue", False))
    command.keep_place = flag_of(value.keep_place, "keep_place")
    if value.requirement is not None:
        put_requirement(command.requirement, value.requirement)
    if value.preferred_agents is not None:
        command.preferred_agents = names_of(value.preferred_agents, "preferred_agents", PREFERRED_AGENTS_MAX)
    if value.hold_us is not None:
        command.hold_us = duration_of(value.hold_us, "hold_us")
    return 0


cdef int assign_of(Command& into, object value) except -1:
    cdef Assign* command = &emplaced[Assign](into)
    put(command.call, seen_text(value.call, "call", False))
    put(command.agent, seen_text(value.agent, "agent", False))
    return 0


cdef int callback_of(Command& into, object value) except -1:
    cdef TurnIntoCallback* command = &emplaced[TurnIntoCallback](into)
    put(command.call, seen_text(value.call, "call", False))
    return 0


cdef int accept_of(Command& into, object value) except -1:
    cdef Accept* command = &emplaced[Accept](into)
    command.offer = <uint64_t>number_of(value.offer, "offer", 0, OFFER_MAX)
    return 0


cdef int reject_of(Command& into, object value) except -1:
    cdef Reject* command = &emplaced[Reject](into)
    command.offer = <uint64_t>number_of(value.offer, "offer", 0, OFFER_MAX)
    put(command.reason, seen_text(value.reason, "reason", True))
    return 0


cdef int complete_of(Command& into, object value) except -1:
    cdef Complete* command = &emplaced[Complete](into)
    put(command.call, seen_text(value.call, "call", False))
    return 0


cdef int end_wrap_up_of(Command& into, object value) except -1:
    cdef EndWrapUp* command = &emplaced[EndWrapUp](into)
    put(command.agent, seen_text(value.agent, "agent", False))
    put(command.call, seen_text(value.call, "call", True))
    return 0


cdef int record_outcome_of(Command& into, object value) except -1:
    cdef RecordOutcome* command = &emplaced[RecordOutcome](into)
    put(command.call, seen_text(value.call, "call", False))
    if value.resolved is None and value.satisfaction is None:
        refuse("resolved", "neither it nor satisfaction is given", "at least one of them is wanted")
    if value.resolved is not None:
        command.resolved = <bool>flag_of(value.resolved, "resolved")
    if value.satisfaction is not None:
        command.satisfaction = <uint8_t>number_of(value.satisfaction, "satisfaction", 1, SATISFACTION_MAX)
    put(command.agent, seen_text(value.agent, "agent", True))
    put(command.queue, seen_text(value.queue, "queue", True))
    return 0


cdef int configure_of(Command& into, object value) except -1:
    cdef Configure* command = &emplaced[Configure](into)
    cdef pair[string, string] moved
    command.settings = settings_of(value.settings)
    for source, target in items_of(value.moves, "moves", QUEUES_MAX, "queues"):
        moved.first = name_of(source, "moves")
        moved.second = name_of(target, f"moves[{shown(source)}]")
        command.moves.push_back(moved)
    return 0


cdef int pause_queue_of(Command& into, object value) except -1:
    cdef PauseQueue* command = &emplaced[PauseQueue](into)
    put(command.queue, seen_text(value.queue, "queue", False))
    return 0


cdef int resume_queue_of(Command& into, object value) except -1:
    cdef ResumeQueue* command = &emplaced[ResumeQueue](into)
    put(command.queue, seen_text(value.queue, "queue", False))
    return 0


cdef int detach_of(Command& into, object value) except -1:
    cdef Detach* command = &emplaced[Detach](into)
    put(command.call, seen_text(value.call, "call", False))
    return 0


cdef int attach_of(Command& into, object value) except -1:
    cdef Attach* command = &emplaced[Attach](into)
    put(command.call, seen_text(value.call, "call", False))
    return 0


cdef int restart_of(Command& into, object value) except -1:
    cdef Restart* command = &emplaced[Restart](into)
    return 0


cdef int advance_of(Command& into, object value) except -1:
    cdef Advance* command = &emplaced[Advance](into)
    return 0


ctypedef int (*ToNative)(Command&, object) except -1

cdef enum:
    COMMAND_KINDS = 23

cdef ToNative TO_NATIVE[COMMAND_KINDS]
TO_NATIVE[:] = [
    sign_in_of, sign_out_of, set_availability_of, update_agent_of, enqueue_of, update_call_of, cancel_of, requeue_of,
    transfer_of, assign_of, callback_of, accept_of, reject_of, complete_of, end_wrap_up_of, record_outcome_of,
    configure_of, pause_queue_of, resume_queue_of, detach_of, attach_of, restart_of, advance_of,
]
cdef tuple COMMANDS = (
    commands.SignIn, commands.SignOut, commands.SetAvailability, commands.UpdateAgent, commands.Enqueue,
    commands.UpdateCall, commands.Cancel, commands.Requeue, commands.Transfer, commands.Assign,
    commands.TurnIntoCallback, commands.Accept, commands.Reject, commands.Complete, commands.EndWrapUp,
    commands.RecordOutcome, commands.Configure, commands.PauseQueue, commands.ResumeQueue, commands.Detach,
    commands.Attach, commands.Restart, commands.Advance,
)
cdef PyObject* COMMAND_CLASSES[COMMAND_KINDS]  # the same, borrowed: so few are compared sooner than one is looked up


cdef object ENQUEUE_CLASS = commands.Enqueue


cdef int fill_command_classes() except -1:
    cdef int number
    if len(COMMANDS) != COMMAND_KINDS:
        raise TypeError("the classes of commands are not those that are read")
    for number in range(COMMAND_KINDS):
        COMMAND_CLASSES[number] = <PyObject*>COMMANDS[number]
    return 0


fill_command_classes()


cdef int fill_command(Command& native, object value) except -1:
    cdef int number
    for number in range(COMMAND_KINDS):
        if <PyObject*>Py_TYPE(value) is COMMAND_CLASSES[number]:
            return TO_NATIVE[number](native, value)
    refuse("command", f"{shown(value)} is no command", "one of the classes of router.engine.commands is wanted")
    return 0


# The name that a command gives to a call that comes, which its event has as well; None if it is another command.
cdef inline object call_named(object command):
    return read(command, ENQUEUE.call, "call") if type(command) is ENQUEUE_CLASS else None


cdef Command command_of(object value) except *:
    cdef Command native
    fill_command(native, value)
    return native
