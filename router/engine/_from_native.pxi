# C++ records -> Python values.

cdef list URGENCY = list(vocabulary.Urgency)
cdef list TIER = list(vocabulary.Tier)
cdef list CALL_STATE = list(vocabulary.CallState)
cdef list AVAILABILITY = list(vocabulary.Availability)
cdef list ENGAGEMENT_STATE = list(vocabulary.EngagementState)
cdef list NO_ANSWER_ACTION = list(vocabulary.NoAnswerAction)
cdef list WRAP_UP_MODE = list(vocabulary.WrapUpMode)
cdef list ASSIGNMENT_CAUSE = list(vocabulary.AssignmentCause)
cdef list WITHDRAWAL_CAUSE = list(vocabulary.WithdrawalCause)
cdef list LIMIT_CAUSE = list(vocabulary.LimitCause)
cdef list REJECT_REASON = [None, *vocabulary.RejectReason]
cdef list OBSTACLE = [None, *vocabulary.Obstacle]


cdef inline object maybe(int64_t value):
    if value == NEVER:
        return None
    return value


cdef extern from *:
    """
    // Names are mostly ASCII, which needs no decoder.
    static PyObject* router_decode(const std::string& text) {
        const auto size = static_cast<Py_ssize_t>(text.size());
        if (!router::is_plain(text)) return PyUnicode_DecodeUTF8(text.data(), size, nullptr);
        PyObject* made = PyUnicode_New(size, 127);
        if (made != nullptr) std::memcpy(PyUnicode_1BYTE_DATA(made), text.data(), text.size());
        return made;
    }
    """
    str decode "router_decode"(const string& text)


cdef str agent_name(const CppEngine& engine, uint32_t agent):
    if agent == NONE:
        return None
    return decode(engine.agent(agent).name)


cdef str queue_name(const CppEngine& engine, uint32_t queue):
    return decode(engine.queue(queue).settings.name)


cdef tuple agent_names(const CppEngine& engine, const vector[uint32_t]& agents):
    return tuple([agent_name(engine, agents[index]) for index in range(agents.size())]) if agents.size() else ()


cdef object result_from(const Result& result, bint repeated):
    return views.Result(
        sequence=result.sequence,
        time_us=result.time_us,
        rejection=REJECT_REASON[<int>result.rejection],
        subject=decode(result.subject),
        call_state=CALL_STATE[<int>result.call_state] if result.about_call else None,
        queue=decode(result.queue) if result.about_call else None,
        agent=decode(result.agent) if not result.agent.empty() else None,
        offer=result.offer if result.offer else None,
        repeated=repeated,
    )


cdef object requirement_from(const RequirementSpec& spec):
    cdef size_t step, term, index
    steps = []
    for step in range(spec.steps.size()):
        terms = []
        for term in range(spec.steps[step].terms.size()):
            terms.append(term_from(spec.steps[step].terms[term]))
        prefer = []
        for index in range(spec.steps[step].preferences.size()):
            prefer.append(requirements.Preference(
                decode(spec.steps[step].preferences[index].skill), spec.steps[step].preferences[index].importance,
            ))
        steps.append(requirements.Step(tuple(terms), tuple(prefer), spec.steps[step].after_us))
    return requirements.Requirement(tuple(steps))


cdef object term_from(const TermSpec& term):
    cdef size_t index
    if term.kind == TermKind.agent:
        return requirements.AgentTerm(decode(term.agent))
    alternatives = []
    for index in range(term.alternatives.size()):
        alternatives.append(requirements.SkillTerm(decode(term.alternatives[index].skill), term.alternatives[index].level))
    return alternatives[0] if term.kind == TermKind.skill else requirements.AnyOf(tuple(alternatives))


cdef object queue_settings_from(const QueueSettings& queue):
    return settings_module.QueueSettings(
        requirement=requirement_from(queue.requirement),
        target_us=settings_module.ByUrgency(queue.target_us[0], queue.target_us[1], queue.target_us[2]),
        max_overtake_wait_us=settings_module.ByUrgency(
            maybe(queue.max_overtake_wait_us[0]), maybe(queue.max_overtake_wait_us[1]), maybe(queue.max_overtake_wait_us[2]),
        ),
        automatic=queue.automatic,
        offer_timeout_us=queue.offer_timeout_us,
        no_answer_action=NO_ANSWER_ACTION[<int>queue.no_answer_action],
        reject_backoff_us=queue.reject_backoff_us,
        wrap_up=settings_module.WrapUp(WRAP_UP_MODE[<int>queue.wrap_up_mode], queue.wrap_up_us),
        preferred_hold_us=queue.preferred_hold_us,
        last_agent_preferred=queue.last_agent_preferred,
        last_agent_hold_us=queue.last_agent_hold_us,
        waiting_max=maybe(queue.waiting_max),
        wait_max_us=maybe(queue.wait_max_us),
        overflow=None if queue.overflow.empty() else decode(queue.overflow),
        agent_weights=settings_module.AgentWeights(*[queue.agent_weights[index] for index in range(6)]),
        call_weights=settings_module.CallWeights(*[queue.call_weights[index] for index in range(6)]),
    )


cdef object settings_from(const Settings& settings):
    cdef size_t index
    queues = {}
    for index in range(settings.queues.size()):
        queues[decode(settings.queues[index].name)] = queue_settings_from(settings.queues[index])
    channels = {}
    for index in range(settings.channels.size()):
        channels[decode(settings.channels[index].name)] = settings_module.ChannelSettings(settings.channels[index].exclusive)
    return settings_module.Settings(
        queues=queues,
        channels=channels,
        idle_scale_us=settings.idle_scale_us,
        occupancy_half_life_us=settings.occupancy_half_life_us,
        efficiency=settings_module.EfficiencySettings(
            settings.efficiency.prior_calls, settings.efficiency.handle_time,
            settings.efficiency.resolution, settings.efficiency.satisfaction,
        ),
        finished_retention_us=settings.finished_retention_us,
        customer_retention_us=settings.customer_retention_us,
        customers_max=settings.customers_max,
        request_retention_us=settings.request_retention_us,
        requests_max=settings.requests_max,
        agents_max=settings.agents_max,
        calls_max=settings.calls_max,
        requirements_max=settings.requirements_max,
    )


cdef object call_view(CppEngine& engine, uint32_t number):
    cdef const Call* call = &engine.call(number)
    cdef size_t index
    cdef int64_t position = engine.position(number)
    attributes = {}
    for index in range(call.attributes.size()):
        attributes[decode(call.attributes[index].first)] = decode(call.attributes[index].second)
    bars = []
    for index in range(call.bars.size()):
        bars.append(views.Bar(agent_name(engine, call.bars[index].agent), call.bars[index].until_us))
    bars.sort(key=bar_agent)
    return views.CallView(
        call=decode(call.name),
        state=CALL_STATE[<int>call.state],
        queue=queue_name(engine, call.queue),
        channel=decode(engine.channel(call.channel).name),
        requirement=requirement_from(engine.skills().requirement(call.requirement).spec),
        own_requirement=call.own_requirement,
        urgency=URGENCY[<int>call.urgency],
        priority=call.priority,
        preferred_agents=agent_names(engine, call.preferred),
        hold_until_us=maybe(call.hold_until_us),
        held=call.held(),
        effective_arrival_us=call.effective_arrival_us,
        wait_started_us=call.wait_started_us,
        queue_entered_us=call.queue_entered_us,
        order=call.order,
        step=call.step,
        tier=TIER[<int>call.tier()],
        position=position if position > 0 else None,
        callback=call.callback,
        customer=decode(call.customer),
        attributes=attributes,
        bars=tuple(bars),
        queues_tried=tuple([queue_name(engine, queue) for queue in call.queues_tried()]),
        offer=call.offer if call.offer else None,
        agent=agent_name(engine, call.agent),
        assigned_us=maybe(call.assigned_us),
        finished_us=maybe(call.finished_us),
        resolved=None if call.resolved < 0 else call.resolved == 1,
        satisfaction=call.satisfaction if call.satisfaction else None,
        explain=call.explain,
        detached=call.detached,
    )


def bar_agent(bar):
    return bar.agent


def learned_queue(learned):
    return learned.queue


cdef object engagement_from(const CppEngine& engine, const Engagement& engagement):
    return views.Engagement(
        offer=engagement.offer,
        call=decode(engine.call_name(engagement)),
        queue=queue_name(engine, engagement.queue),
        channel=decode(engine.channel(engagement.channel).name),
        state=ENGAGEMENT_STATE[<int>engagement.state],
        started_us=engagement.started_us,
        until_us=maybe(engagement.until_us),
    )


cdef object learned_from(const CppEngine& engine, const Learned& learned):
    return views.LearnedEfficiency(
        queue=queue_name(engine, learned.queue),
        efficiency_ppm=learned.efficiency_ppm,
        calls=learned.calls,
        handle_sum_us=learned.handle_sum_us,
        resolutions=learned.resolutions,
        resolved=learned.resolved,
        satisfactions=learned.satisfactions,
        satisfaction_sum=learned.satisfaction_sum,
    )


cdef object agent_view(const CppEngine& engine, uint32_t number, list channels):
    cdef const Agent* agent = &engine.agent(number)
    cdef const Profile* profile = &engine.skills().profile(agent.profile)
    cdef size_t index
    skills = {}
    for index in range(profile.skills.size()):
        skills[decode(engine.skills().skill_name(profile.skills[index].first))] = profile.skills[index].second
    capacity = {}
    for channel, channel_number in channels:
        limit = engine.agent_capacity(number, channel_number)
        if limit:
            capacity[channel] = limit
    learned = [learned_from(engine, agent.learned[index]) for index in range(agent.learned.size())]
    learned.sort(key=learned_queue)
    return views.AgentView(
        agent=decode(agent.name),
        availability=AVAILABILITY[<int>agent.availability],
        reason=decode(agent.reason),
        skills=skills,
        capacity=capacity,
        engagements=tuple([engagement_from(engine, agent.engagements[index]) for index in range(agent.engagements.size())]),
        sign_in_order=agent.sign_in_order,
        idle_since_us=agent.idle_since_us,
        occupancy_q32=agent.occupancy_q32,
        occupancy_at_us=agent.occupancy_at_us,
        learned=tuple(learned),
    )


cdef object queue_view(const CppEngine& engine, uint32_t number):
    cdef const Queue* queue = &engine.queue(number)
    return views.QueueView(
        queue=decode(queue.settings.name),
        paused=queue.paused,
        waiting=engine.waiting_count(number),
        offered=queue.offered,
        assigned=queue.assigned,
        calls=queue.learned.calls,
        handle_sum_us=queue.learned.handle_sum_us,
        resolutions=queue.learned.resolutions,
        resolved=queue.learned.resolved,
        satisfactions=queue.learned.satisfactions,
        satisfaction_sum=queue.learned.satisfaction_sum,
    )


cdef object candidate_from(const Candidate& candidate):
    cdef size_t index
    terms = []
    for index in range(candidate.terms.size()):
        terms.append(views.Term(
            name=decode(candidate.terms[index].name),
            value_ppm=candidate.terms[index].value_ppm,
            weight_milli=candidate.terms[index].weight_milli,
            contribution_nano=candidate.terms[index].contribution_nano,
        ))
    return views.Candidate(
        call=decode(candidate.call), agent=decode(candidate.agent), queue=decode(candidate.queue),
        tier=TIER[<int>candidate.tier], terms=tuple(terms), total_nano=candidate.total_nano,
    )


cdef object decision_from(const Decision& decision):
    runner_up = None
    if decision.runner_up.has_value():
        runner_up = candidate_from(decision.runner_up.value())
    return views.Decision(
        offer=decision.offer,
        time_us=decision.time_us,
        sequence=decision.sequence,
        ranking="agent" if decision.agent_was_chosen else "call",
        winner=candidate_from(decision.winner),
        runner_up=runner_up,
        decided_by=decode(decision.decided_by),
        candidates=decision.candidates,
    )
