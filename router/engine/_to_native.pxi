# Python values -> C++ commands. Everything malformed is refused here, before the engine sees it.

cdef object BOOLEAN = type(True)  # `bool` is the C++ one here
cdef int64_t DURATION_US_MAX = 366 * 24 * 3600 * 1_000_000
cdef int64_t WEIGHT_MAX = 1_000_000
cdef int64_t NUMBER_MAX = 1_000_000_000


cdef object refuse(str field, str problem, str wanted):
    raise InvalidCommand(field, problem, wanted)


cdef str shown(object value):
    cdef str text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


cdef string text_of(object value, str field, bint may_be_empty, Py_ssize_t bytes_max=255) except *:
    cdef bytes encoded
    cdef const unsigned char* data
    cdef Py_ssize_t index, size
    if type(value) is not str:
        refuse(field, f"{shown(value)} is not text", "a string is wanted")
    try:
        encoded = (<str>value).encode("utf-8")
    except UnicodeEncodeError:
        refuse(field, f"{shown(value)} cannot be written as UTF-8", "text without lone surrogates is wanted")
    size = len(encoded)
    if size == 0 and not may_be_empty:
        refuse(field, "it is empty", f"1 to {bytes_max} bytes are wanted")
    if size > bytes_max:
        refuse(field, f"it is {size} bytes long", f"at most {bytes_max} bytes of UTF-8 are wanted")
    data = encoded
    for index in range(size):
        if data[index] < 0x20 or data[index] == 0x7F or (
            data[index] == 0xC2 and index + 1 < size and data[index + 1] < 0xA0
        ):
            refuse(field, f"{shown(value)} has a control character", "printable text is wanted")
    return encoded


cdef string name_of(object value, str field) except *:
    return text_of(value, field, False)


cdef int64_t number_of(object value, str field, int64_t least, int64_t most, str unit="") except? -1:
    if type(value) is BOOLEAN or not isinstance(value, int):
        refuse(field, f"{shown(value)} is not an integer", f"{least} to {most}{unit} is wanted")
    if value < least or value > most:
        refuse(field, f"{shown(int(value))} is out of range", f"{least} to {most}{unit} is wanted")
    return value


cdef int64_t duration_of(object value, str field, int64_t least=0) except? -1:
    return number_of(value, field, least, DURATION_US_MAX, " microseconds")


cdef bint flag_of(object value, str field) except -1:
    if type(value) is not BOOLEAN:
        refuse(field, f"{shown(value)} is not a boolean", "True or False is wanted")
    return value


cdef object expect(object value, object kind, str field, str wanted):
    if not isinstance(value, kind):
        refuse(field, f"{shown(value)} is a {type(value).__name__}", wanted)
    return value


cdef object sequence_of(object value, str field, Py_ssize_t most, str what, Py_ssize_t least=0):
    if not isinstance(value, (tuple, list)):
        refuse(field, f"{shown(value)} is not a list", f"a tuple of {what} is wanted")
    if not least <= len(value) <= most:
        refuse(field, f"there are {len(value)} entries", f"{least} to {most} {what} are wanted")
    return value


cdef list items_of(object value, str field, Py_ssize_t most, str what):
    if not isinstance(value, Mapping):
        refuse(field, f"{shown(value)} is not a mapping", f"a mapping of {what} is wanted")
    if len(value) > most:
        refuse(field, f"there are {len(value)} entries", f"at most {most} {what} are wanted")
    try:
        return sorted(value.items())
    except TypeError:
        refuse(field, "its keys are not all text", "names as keys are wanted")


cdef Skills skills_of(object value) except *:
    cdef Skills skills
    cdef pair[string, uint8_t] entry
    for skill, level in items_of(value, "skills", 64, "skills"):
        entry.first = name_of(skill, "skills")
        entry.second = <uint8_t>number_of(level, f"skills[{shown(skill)}]", 1, 10)
        skills.push_back(entry)
    return skills


cdef Capacities capacity_of(object value) except *:
    cdef Capacities capacity
    cdef pair[string, uint16_t] entry
    for channel, number in items_of(value, "capacity", 16, "channels"):
        entry.first = name_of(channel, "capacity")
        entry.second = <uint16_t>number_of(number, f"capacity[{shown(channel)}]", 1, 1000)
        capacity.push_back(entry)
    return capacity


cdef Attributes attributes_of(object value) except *:
    cdef Attributes attributes
    cdef pair[string, string] entry
    cdef size_t total = 0
    for key, text in items_of(value, "attributes", 64, "attributes"):
        entry.first = name_of(key, "attributes")
        entry.second = text_of(text, f"attributes[{shown(key)}]", True, 16384)
        total += entry.first.size() + entry.second.size()
        attributes.push_back(entry)
    if total > 16384:
        refuse("attributes", f"they are {total} bytes in all", "at most 16384 bytes are wanted")
    return attributes


cdef Names names_of(object value, str field, Py_ssize_t most) except *:
    cdef Names names
    for name in sequence_of(value, field, most, "names"):
        names.push_back(name_of(name, field))
    return names


cdef SkillAtLeast atom_of(object term, str field) except *:
    cdef SkillAtLeast atom
    expect(term, requirements.SkillTerm, field, "a SkillTerm is wanted")
    atom.skill = name_of(term.skill, field + ".skill")
    atom.level = <uint8_t>number_of(term.level, field + ".level", 1, 10)
    return atom


cdef TermSpec term_of(object term, str field) except *:
    cdef TermSpec spec
    if isinstance(term, requirements.SkillTerm):
        spec.kind = TermKind.skill
        spec.alternatives.push_back(atom_of(term, field))
    elif isinstance(term, requirements.AnyOf):
        spec.kind = TermKind.any_of
        for number, alternative in enumerate(sequence_of(term.terms, field + ".terms", 32, "skill terms", 1)):
            spec.alternatives.push_back(atom_of(alternative, f"{field}.terms[{number}]"))
    elif isinstance(term, requirements.AgentTerm):
        spec.kind = TermKind.agent
        spec.agent = name_of(term.agent, field + ".agent")
    else:
        refuse(field, f"{shown(term)} is no term", "a SkillTerm, AnyOf or AgentTerm is wanted")
    return spec


cdef StepSpec step_of(object step, str field, object after_least) except *:
    cdef StepSpec spec
    cdef PreferenceSpec preference
    expect(step, requirements.Step, field, "a Step is wanted")
    spec.after_us = duration_of(step.after_us, field + ".after_us")
    if after_least is None:
        if spec.after_us != 0:
            refuse(field + ".after_us", f"the first step begins at {spec.after_us}", "0 is wanted")
    elif spec.after_us <= after_least:
        refuse(field + ".after_us", f"{spec.after_us} is not later than the step before", f"more than {after_least} is wanted")
    for number, term in enumerate(sequence_of(step.terms, field + ".terms", 32, "terms")):
        spec.terms.push_back(term_of(term, f"{field}.terms[{number}]"))
    for number, prefer in enumerate(sequence_of(step.prefer, field + ".prefer", 32, "preferences")):
        expect(prefer, requirements.Preference, f"{field}.prefer[{number}]", "a Preference is wanted")
        preference.skill = name_of(prefer.skill, f"{field}.prefer[{number}].skill")
        preference.importance = <uint8_t>number_of(prefer.importance, f"{field}.prefer[{number}].importance", 1, 10)
        spec.preferences.push_back(preference)
    return spec


cdef RequirementSpec requirement_of(object value, str field="requirement") except *:
    cdef RequirementSpec spec
    expect(value, requirements.Requirement, field, "a Requirement is wanted")
    spec.steps.clear()
    previous = None
    for number, step in enumerate(sequence_of(value.steps, field + ".steps", 16, "steps", 1)):
        spec.steps.push_back(step_of(step, f"{field}.steps[{number}]", previous))
        previous = step.after_us
    return spec


cdef void fill_by_urgency(object value, str field, int64_t* into, int64_t least, bint may_be_never) except *:
    expect(value, settings_module.ByUrgency, field, "a ByUrgency is wanted")
    for index, name in enumerate(("normal", "important", "urgent")):
        duration = getattr(value, name)
        if duration is None and may_be_never:
            into[index] = NEVER
        else:
            into[index] = duration_of(duration, f"{field}.{name}", least)


cdef void fill_weights(object value, object kind, str field, int64_t* into) except *:
    expect(value, kind, field, f"{kind.__name__} is wanted")
    for index, name in enumerate(kind.__struct_fields__):
        into[index] = number_of(getattr(value, name), f"{field}.{name}", 0, WEIGHT_MAX, " thousandths")


cdef int64_t optional_number(object value, str field, int64_t most) except? -1:
    return NEVER if value is None else number_of(value, field, 0, most)


cdef QueueSettings queue_of(object name, object value, object names) except *:
    cdef QueueSettings queue
    cdef str field = f"queues[{shown(name)}]"
    expect(value, settings_module.QueueSettings, field, "QueueSettings is wanted")
    queue.name = name_of(name, "queues")
    queue.requirement = requirement_of(value.requirement, field + ".requirement")
    fill_by_urgency(value.target_us, field + ".target_us", &queue.target_us[0], 1_000_000, False)
    fill_by_urgency(value.max_overtake_wait_us, field + ".max_overtake_wait_us", &queue.max_overtake_wait_us[0], 0, True)
    queue.automatic = flag_of(value.automatic, field + ".automatic")
    queue.offer_timeout_us = duration_of(value.offer_timeout_us, field + ".offer_timeout_us", 1)
    expect(value.no_answer_action, vocabulary.NoAnswerAction, field + ".no_answer_action", "a NoAnswerAction is wanted")
    queue.no_answer_action = <NoAnswerAction><int>value.no_answer_action
    queue.reject_backoff_us = duration_of(value.reject_backoff_us, field + ".reject_backoff_us")
    expect(value.wrap_up, settings_module.WrapUp, field + ".wrap_up", "a WrapUp is wanted")
    expect(value.wrap_up.mode, vocabulary.WrapUpMode, field + ".wrap_up.mode", "a WrapUpMode is wanted")
    queue.wrap_up_mode = <WrapUpMode><int>value.wrap_up.mode
    queue.wrap_up_us = duration_of(value.wrap_up.duration_us, field + ".wrap_up.duration_us", 1 if value.wrap_up.mode else 0)
    queue.preferred_hold_us = duration_of(value.preferred_hold_us, field + ".preferred_hold_us")
    queue.last_agent_preferred = flag_of(value.last_agent_preferred, field + ".last_agent_preferred")
    queue.last_agent_hold_us = duration_of(value.last_agent_hold_us, field + ".last_agent_hold_us")
    queue.waiting_max = optional_number(value.waiting_max, field + ".waiting_max", NUMBER_MAX)
    queue.wait_max_us = optional_number(value.wait_max_us, field + ".wait_max_us", DURATION_US_MAX)
    if value.overflow is not None:
        queue.overflow = name_of(value.overflow, field + ".overflow")
        if value.overflow == name or value.overflow not in names:
            refuse(field + ".overflow", f"{shown(value.overflow)} is not another queue", "the name of another queue is wanted")
    fill_weights(value.agent_weights, settings_module.AgentWeights, field + ".agent_weights", &queue.agent_weights[0])
    fill_weights(value.call_weights, settings_module.CallWeights, field + ".call_weights", &queue.call_weights[0])
    return queue


cdef Settings settings_of(object value) except *:
    cdef Settings settings
    cdef ChannelSettings channel
    expect(value, settings_module.Settings, "settings", "Settings is wanted")
    for name, queue in items_of(value.queues, "queues", 100_000, "queues"):
        settings.queues.push_back(queue_of(name, queue, value.queues))
    for name, one in items_of(value.channels, "channels", 16, "channels"):
        expect(one, settings_module.ChannelSettings, f"channels[{shown(name)}]", "ChannelSettings is wanted")
        channel.name = name_of(name, "channels")
        channel.exclusive = flag_of(one.exclusive, f"channels[{shown(name)}].exclusive")
        settings.channels.push_back(channel)
    if settings.channels.empty():
        refuse("channels", "there is none", "at least one channel is wanted")
    settings.idle_scale_us = duration_of(value.idle_scale_us, "idle_scale_us", 1)
    settings.occupancy_half_life_us = duration_of(value.occupancy_half_life_us, "occupancy_half_life_us", 1)
    efficiency = expect(value.efficiency, settings_module.EfficiencySettings, "efficiency", "EfficiencySettings is wanted")
    settings.efficiency.prior_calls = number_of(efficiency.prior_calls, "efficiency.prior_calls", 1, 10_000)
    settings.efficiency.handle_time = number_of(efficiency.handle_time, "efficiency.handle_time", 0, WEIGHT_MAX)
    settings.efficiency.resolution = number_of(efficiency.resolution, "efficiency.resolution", 0, WEIGHT_MAX)
    settings.efficiency.satisfaction = number_of(efficiency.satisfaction, "efficiency.satisfaction", 0, WEIGHT_MAX)
    settings.finished_retention_us = duration_of(value.finished_retention_us, "finished_retention_us", 1)
    settings.customer_retention_us = duration_of(value.customer_retention_us, "customer_retention_us")
    settings.customers_max = number_of(value.customers_max, "customers_max", 0, NUMBER_MAX)
    settings.request_retention_us = duration_of(value.request_retention_us, "request_retention_us", 1)
    settings.requests_max = number_of(value.requests_max, "requests_max", 1, NUMBER_MAX)
    settings.agents_max = number_of(value.agents_max, "agents_max", 1, NUMBER_MAX)
    settings.calls_max = number_of(value.calls_max, "calls_max", 1, NUMBER_MAX)
    settings.requirements_max = number_of(value.requirements_max, "requirements_max", 1, NUMBER_MAX)
    return settings


cdef Urgency urgency_of(object value) except *:
    expect(value, vocabulary.Urgency, "urgency", "an Urgency is wanted")
    return <Urgency><int>value


cdef Command sign_in_of(object value) except *:
    cdef SignIn command
    command.agent = name_of(value.agent, "agent")
    command.skills = skills_of(value.skills)
    command.capacity = capacity_of(value.capacity)
    command.ready = flag_of(value.ready, "ready")
    return Command(command)


cdef Command sign_out_of(object value) except *:
    cdef SignOut command
    command.agent = name_of(value.agent, "agent")
    return Command(command)


cdef Command set_availability_of(object value) except *:
    cdef SetAvailability command
    command.agent = name_of(value.agent, "agent")
    command.ready = flag_of(value.ready, "ready")
    command.reason = text_of(value.reason, "reason", True)
    command.after_call = flag_of(value.after_call, "after_call")
    return Command(command)


cdef Command update_agent_of(object value) except *:
    cdef UpdateAgent command
    command.agent = name_of(value.agent, "agent")
    if value.skills is not None:
        command.skills = skills_of(value.skills)
    if value.capacity is not None:
        command.capacity = capacity_of(value.capacity)
    return Command(command)


cdef Command enqueue_of(object value) except *:
    cdef Enqueue command
    command.call = name_of(value.call, "call")
    command.queue = name_of(value.queue, "queue")
    command.channel = name_of(value.channel, "channel")
    if value.requirement is not None:
        command.requirement = RequirementRef(requirement_of(value.requirement))
    command.urgency = urgency_of(value.urgency)
    command.priority = <uint8_t>number_of(value.priority, "priority", 0, 9)
    command.preferred_agents = names_of(value.preferred_agents, "preferred_agents", 16)
    if value.hold_us is not None:
        command.hold_us = duration_of(value.hold_us, "hold_us")
    command.credited_wait_us = duration_of(value.credited_wait_us, "credited_wait_us")
    command.customer = text_of(value.customer, "customer", True)
    command.attributes = attributes_of(value.attributes)
    command.callback = flag_of(value.callback, "callback")
    command.explain = flag_of(value.explain, "explain")
    return Command(command)


cdef Command update_call_of(object value) except *:
    cdef UpdateCall command
    command.call = name_of(value.call, "call")
    if value.urgency is not None:
        command.urgency = urgency_of(value.urgency)
    if value.priority is not None:
        command.priority = <uint8_t>number_of(value.priority, "priority", 0, 9)
    if value.requirement is not None:
        command.requirement = RequirementRef(requirement_of(value.requirement))
    if value.preferred_agents is not None:
        command.preferred_agents = names_of(value.preferred_agents, "preferred_agents", 16)
    if value.attributes is not None:
        command.attributes = attributes_of(value.attributes)
    return Command(command)


cdef Command cancel_of(object value) except *:
    cdef Cancel command
    command.call = name_of(value.call, "call")
    command.reason = text_of(value.reason, "reason", True)
    return Command(command)


cdef Command requeue_of(object value) except *:
    cdef Requeue command
    command.call = name_of(value.call, "call")
    command.keep_place = flag_of(value.keep_place, "keep_place")
    command.reason = text_of(value.reason, "reason", True)
    return Command(command)


cdef Command transfer_of(object value) except *:
    cdef Transfer command
    command.call = name_of(value.call, "call")
    command.queue = name_of(value.queue, "queue")
    command.keep_place = flag_of(value.keep_place, "keep_place")
    if value.requirement is not None:
        command.requirement = RequirementRef(requirement_of(value.requirement))
    if value.preferred_agents is not None:
        command.preferred_agents = names_of(value.preferred_agents, "preferred_agents", 16)
    if value.hold_us is not None:
        command.hold_us = duration_of(value.hold_us, "hold_us")
    return Command(command)


cdef Command assign_of(object value) except *:
    cdef Assign command
    command.call = name_of(value.call, "call")
    command.agent = name_of(value.agent, "agent")
    return Command(command)


cdef Command callback_of(object value) except *:
    cdef TurnIntoCallback command
    command.call = name_of(value.call, "call")
    return Command(command)


cdef Command accept_of(object value) except *:
    cdef Accept command
    command.offer = <uint64_t>number_of(value.offer, "offer", 0, 2**63 - 1)
    return Command(command)


cdef Command reject_of(object value) except *:
    cdef Reject command
    command.offer = <uint64_t>number_of(value.offer, "offer", 0, 2**63 - 1)
    command.reason = text_of(value.reason, "reason", True)
    return Command(command)


cdef Command complete_of(object value) except *:
    cdef Complete command
    command.call = name_of(value.call, "call")
    return Command(command)


cdef Command end_wrap_up_of(object value) except *:
    cdef EndWrapUp command
    command.agent = name_of(value.agent, "agent")
    command.call = text_of(value.call, "call", True)
    return Command(command)


cdef Command record_outcome_of(object value) except *:
    cdef RecordOutcome command
    command.call = name_of(value.call, "call")
    if value.resolved is None and value.satisfaction is None:
        refuse("resolved", "neither it nor satisfaction is given", "at least one of them is wanted")
    if value.resolved is not None:
        command.resolved = <bool>flag_of(value.resolved, "resolved")
    if value.satisfaction is not None:
        command.satisfaction = <uint8_t>number_of(value.satisfaction, "satisfaction", 1, 5)
    command.agent = text_of(value.agent, "agent", True)
    command.queue = text_of(value.queue, "queue", True)
    return Command(command)


cdef Command configure_of(object value) except *:
    cdef Configure command
    cdef pair[string, string] move
    command.settings = settings_of(value.settings)
    for source, target in items_of(value.moves, "moves", 100_000, "queues"):
        move.first = name_of(source, "moves")
        move.second = name_of(target, f"moves[{shown(source)}]")
        command.moves.push_back(move)
    return Command(command)


cdef Command pause_queue_of(object value) except *:
    cdef PauseQueue command
    command.queue = name_of(value.queue, "queue")
    return Command(command)


cdef Command resume_queue_of(object value) except *:
    cdef ResumeQueue command
    command.queue = name_of(value.queue, "queue")
    return Command(command)


cdef Command detach_of(object value) except *:
    cdef Detach command
    command.call = name_of(value.call, "call")
    return Command(command)


cdef Command attach_of(object value) except *:
    cdef Attach command
    command.call = name_of(value.call, "call")
    return Command(command)


cdef Command restart_of(object value) except *:
    cdef Restart command
    return Command(command)


cdef Command advance_of(object value) except *:
    cdef Advance command
    return Command(command)


ctypedef Command (*ToNative)(object) except *

cdef ToNative TO_NATIVE[23]
TO_NATIVE[:] = [
    sign_in_of, sign_out_of, set_availability_of, update_agent_of, enqueue_of, update_call_of, cancel_of, requeue_of,
    transfer_of, assign_of, callback_of, accept_of, reject_of, complete_of, end_wrap_up_of, record_outcome_of,
    configure_of, pause_queue_of, resume_queue_of, detach_of, attach_of, restart_of, advance_of,
]
cdef dict TO_NATIVE_NUMBER = {kind: number for number, kind in enumerate((
    commands.SignIn, commands.SignOut, commands.SetAvailability, commands.UpdateAgent, commands.Enqueue,
    commands.UpdateCall, commands.Cancel, commands.Requeue, commands.Transfer, commands.Assign,
    commands.TurnIntoCallback, commands.Accept, commands.Reject, commands.Complete, commands.EndWrapUp,
    commands.RecordOutcome, commands.Configure, commands.PauseQueue, commands.ResumeQueue, commands.Detach,
    commands.Attach, commands.Restart, commands.Advance,
))}


cdef Command command_of(object value) except *:
    number = TO_NATIVE_NUMBER.get(type(value))
    if number is None:
        refuse("command", f"{shown(value)} is no command", "one of the classes of router.engine.commands is wanted")
    return TO_NATIVE[<int>number](value)
