// Calls: entering, waiting, changing, moving and leaving a queue.
#include <algorithm>

#include "engine.hpp"

namespace router {

// ---- commands ----

void Engine::handle(const Enqueue& command) {
    const NumberTable::Hash hash = command.call.empty() ? 0 : NumberTable::hash_of(command.call);
    const CallId existing = find_call(command.call, hash);
    if (existing != NONE) {
        result_call_ = existing;
        return reject(RejectReason::duplicate_call, command.call);
    }
    const QueueId queue = resolve(command.queue);
    if (queue == NONE) return reject(RejectReason::unknown_queue, command.queue);
    const ChannelId channel = resolve(command.channel);
    if (channel == NONE) return reject(RejectReason::unknown_channel, command.channel);
    if (live_calls_ >= settings_.calls_max) return reject(RejectReason::too_many_calls, command.call);
    if (!has_room_for(command.requirement)) return reject(RejectReason::too_many_requirements, command.call);

    const QueueSettings& settings = queues_[queue].settings;
    const CallId id = allocate_call(command.call, hash);
    result_call_ = id;
    Call& call = calls_[id];
    call.queue = queue;
    call.channel = channel;
    call.own_requirement = command.requirement.has_value();
    call.requirement = command.requirement.has_value() ? intern(command.requirement) : share(queues_[queue].requirement);
    call.urgency = command.urgency;
    call.priority = command.priority;
    call.effective_arrival_us = std::max<TimeUs>(0, now_us_ - command.credited_wait_us);
    call.wait_started_us = call.queue_entered_us = now_us_;
    call.order = sequence_;
    call.callback = command.callback;
    call.explain = command.explain;
    if (!command.customer.empty()) call.customer = command.customer;
    if (!command.attributes.empty()) {
        call.has_rare = true;
        call.attributes = command.attributes;
    }
    if (!command.preferred_agents.empty()) call.preferred = known_agents(command.preferred_agents);
    TimeUs hold_us = call.preferred.empty() ? settings.last_agent_hold_us : command.hold_us.value_or(settings.preferred_hold_us);
    if (settings.last_agent_preferred && !command.customer.empty()) {
        if (const Customer* customer = customers_.find(command.customer); customer != nullptr) {
            Names names{agents_[customer->agent].name};
            for (const AgentId agent : call.preferred) names.push_back(agents_[agent].name);
            call.preferred = known_agents(names);
        }
    }
    start_hold(call, hold_us);
    Event& event = emit(EventKind::call_enqueued);
    event.call = id;
    event.queue = queue;
    event.value = call.effective_arrival_us;
    event.hold_until_us = call.hold_until_us;
    assess(call);
    admit(id);
}

void Engine::handle(const UpdateCall& command) {
    const CallId id = resolve_live_call(command.call);
    if (id == NONE) return;
    if (!has_room_for(command.requirement)) return reject(RejectReason::too_many_requirements, command.call);
    const bool waits = calls_[id].state == CallState::waiting;
    if (waits) leave_waiting(id);
    Call& call = calls_[id];
    if (command.urgency) call.urgency = *command.urgency;
    if (command.priority) call.priority = *command.priority;
    if (command.requirement.has_value()) replace_requirement(call, intern(command.requirement), true);
    if (command.preferred_agents) call.preferred = known_agents(*command.preferred_agents);
    if (command.attributes) {
        call.has_rare = true;
        call.attributes = *command.attributes;
    }
    emit(EventKind::call_updated).call = id;
    if (!waits) return;
    assess(call);
    enter_waiting(id);
    seek(id);
}

void Engine::handle(const Cancel& command) {
    const CallId id = resolve_live_call(command.call);
    if (id == NONE) return;
    Call& call = calls_[id];
    if (call.state == CallState::assigned) return reject(RejectReason::call_assigned, command.call);
    const AgentId agent = call.agent;
    if (call.state == CallState::offered) {
        withdraw(id, WithdrawalCause::call_abandoned);
    } else {
        leave_waiting(id);
    }
    Event& event = emit(EventKind::call_abandoned);
    event.call = id;
    event.queue = call.queue;
    event.value = now_us_ - call.wait_started_us;
    event.text = add_text(command.reason);
    finish(id, CallState::abandoned);
    if (agent != NONE) settle(agent, {});
}

void Engine::handle(const Requeue& command) {
    const CallId id = resolve_live_call(command.call);
    if (id == NONE) return;
    Call& call = calls_[id];
    if (call.state == CallState::waiting) return reject(RejectReason::call_waiting, command.call);
    const AgentId agent = call.agent;
    if (call.state == CallState::offered) {
        withdraw(id, WithdrawalCause::call_requeued);
    } else {
        --queues_[call.queue].assigned;
        release(agent, call.offer, true);
    }
    Event& event = emit(EventKind::call_requeued);
    event.call = id;
    event.queue = call.queue;
    event.agent = agent;
    event.flag = command.keep_place;
    event.text = add_text(command.reason);
    if (!command.keep_place) {
        call.effective_arrival_us = call.wait_started_us = call.queue_entered_us = now_us_;
        call.order = sequence_;
    }
    settle(agent, {&id, 1}, command.keep_place);
}

void Engine::handle(const Transfer& command) {
    const CallId id = resolve_live_call(command.call);
    if (id == NONE) return;
    const QueueId target = resolve(command.queue);
    if (target == NONE) return reject(RejectReason::unknown_queue, command.queue);
    if (!has_room_for(command.requirement)) return reject(RejectReason::too_many_requirements, command.call);
    Call& call = calls_[id];
    const QueueId source = call.queue;
    const CallState state = call.state;
    const AgentId agent = call.agent;
    const std::uint64_t offer = call.offer;
    if (state == CallState::waiting) leave_waiting(id);
    if (state == CallState::offered) withdraw(id, WithdrawalCause::call_transferred);

    const QueueSettings& settings = queues_[target].settings;
    const bool own = command.requirement.has_value();
    const RequirementId requirement = own ? intern(command.requirement) : share(queues_[target].requirement);
    replace_requirement(call, requirement, own);
    call.hold_until_us = NEVER;
    if (!command.keep_place) {
        call.effective_arrival_us = now_us_;
        call.order = sequence_;
    }
    if (!command.keep_place || state == CallState::assigned) call.wait_started_us = now_us_;
    call.queue = target;
    call.queue_entered_us = now_us_;
    call.more_queues_tried.clear();
    if (command.preferred_agents) {
        call.preferred = known_agents(*command.preferred_agents);
        if (!call.preferred.empty()) start_hold(call, command.hold_us.value_or(settings.preferred_hold_us));
    }
    Event& event = emit(EventKind::call_transferred);
    event.call = id;
    event.from_queue = source;
    event.queue = target;
    event.agent = state == CallState::assigned ? agent : NONE;
    event.flag = command.keep_place;
    event.hold_until_us = call.hold_until_us;
    if (state == CallState::assigned) {
        --queues_[source].assigned;
        end_engagement(id, agent, offer, source);
    }
    settle(state == CallState::waiting ? NONE : agent, {&id, 1}, false);
}

void Engine::handle(const TurnIntoCallback& command) {
    const CallId id = resolve_live_call(command.call);
    if (id == NONE) return;
    Call& call = calls_[id];
    if (call.state == CallState::assigned) return reject(RejectReason::call_assigned, command.call);
    if (call.callback) return reject(RejectReason::already_callback, command.call);
    call.callback = true;
    timers_.cancel(call.limit_timer);
    emit(EventKind::call_turned_into_callback).call = id;
}

void Engine::handle(const Detach& command) {
    const CallId id = resolve_live_call(command.call);
    if (id == NONE) return;
    Call& call = calls_[id];
    if (call.detached) return reject(RejectReason::call_detached, command.call);
    const bool offered = call.state == CallState::offered;
    const AgentId agent = call.agent;
    if (offered) withdraw(id, WithdrawalCause::call_detached);
    set_detached(id, true);
    emit(EventKind::call_detached).call = id;
    if (offered) settle(agent, {&id, 1});
}

void Engine::handle(const Attach& command) {
    const CallId id = resolve_live_call(command.call);
    if (id == NONE) return;
    if (!calls_[id].detached) return reject(RejectReason::call_not_detached, command.call);
    set_detached(id, false);
    emit(EventKind::call_attached).call = id;
    seek(id);
}

// ---- parts of them ----

CallId Engine::resolve_live_call(const CallRef& ref) {
    const CallId id = resolve(ref);
    if (id == NONE) {
        reject(RejectReason::unknown_call, ref);
        return NONE;
    }
    result_call_ = id;
    if (is_finished(calls_[id].state)) {
        reject(RejectReason::call_finished, ref);
        return NONE;
    }
    return id;
}

// `hash`: of the name, if it has one.
CallId Engine::allocate_call(const std::string& name, NumberTable::Hash hash) {
    CallId id;
    if (!free_calls_.empty()) {
        id = free_calls_.back();
        free_calls_.pop_back();
    } else {
        id = static_cast<CallId>(calls_.size());
        calls_.emplace_back();
    }
    if (!name.empty()) {
        calls_[id].name = name;
        call_ids_.insert(hash, id);
    }
    ++live_calls_;
    return id;
}

// Those of the names that belong to agents, by name, each once.
std::vector<AgentId> Engine::known_agents(const Names& names) const {
    std::vector<AgentId> ids;
    for (const std::string& name : names) {
        const AgentId id = find_agent(name);
        if (id != NONE && std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
    }
    std::sort(ids.begin(), ids.end(), [this](AgentId a, AgentId b) { return agents_[a].name < agents_[b].name; });
    return ids;
}

void Engine::start_hold(Call& call, TimeUs hold_us) {
    if (call.preferred.empty()) return;
    const auto signed_in = [this](AgentId id) { return agents_[id].signed_in(); };
    const TimeUs due = due_us(call);
    const bool overdue = due != NEVER && now_us_ >= due;
    if (hold_us > 0 && !overdue && std::any_of(call.preferred.begin(), call.preferred.end(), signed_in)) {
        call.hold_until_us = now_us_ + hold_us;
    }
}

// The call waits but stands in no queue's line: give it to an agent at once, or see whether it may stand in its own.
void Engine::admit(CallId id) {
    if (const AgentId agent = choose_agent(id); agent != NONE) return present(id, agent);
    enter_waiting(id);
    const Call& call = calls_[id];
    const std::int64_t waiting_max = queues_[call.queue].settings.waiting_max;
    if (waiting_max == NEVER || static_cast<std::int64_t>(call_index_.waiting(call.queue)) - 1 < waiting_max) return;
    leave_waiting(id);
    overflow(id, LimitCause::queue_full);
}

void Engine::overflow(CallId id, LimitCause cause) {
    Call& call = calls_[id];
    const QueueId source = call.queue;
    const QueueId target = queues_[source].overflow;
    if (target == NONE || call.has_tried(target)) {
        Event& event = emit(EventKind::call_refused);
        event.call = id;
        event.queue = source;
        event.code = static_cast<std::uint8_t>(cause);
        event.value = now_us_ - call.wait_started_us;
        finish(id, CallState::refused);
        return;
    }
    Event& event = emit(EventKind::call_overflowed);
    event.call = id;
    event.from_queue = source;
    event.queue = target;
    event.code = static_cast<std::uint8_t>(cause);
    call.move_to(target);
    call.queue_entered_us = now_us_;
    if (!call.own_requirement) replace_requirement(call, share(queues_[target].requirement), false);
    assess(call);
    admit(id);
}

void Engine::replace_requirement(Call& call, RequirementId requirement, bool own) {
    const RequirementId old = call.requirement;
    call.requirement = requirement;
    call.own_requirement = own;
    release_requirement(old);
}

TimeUs Engine::due_us(const Call& call) const {
    const TimeUs bound = queues_[call.queue].settings.max_overtake_wait_us[static_cast<std::size_t>(call.urgency)];
    return bound == NEVER ? NEVER : call.effective_arrival_us + bound;
}

void Engine::assess(Call& call) {
    const TimeUs due = due_us(call);
    call.overdue = due != NEVER && now_us_ >= due;
    const std::vector<StepSpec>& steps = skills_.requirement(call.requirement).spec.steps;
    const TimeUs waited_us = now_us_ - call.wait_started_us;
    call.step = 0;
    while (call.step + 1u < steps.size() && steps[call.step + 1u].after_us <= waited_us) ++call.step;
    if (call.held() && (now_us_ >= call.hold_until_us || call.preferred.empty() || call.overdue)) {
        call.hold_until_us = NEVER;
    }
}

void Engine::refresh(CallId id) {
    Call& call = calls_[id];
    const bool was_held = call.held();
    const bool was_overdue = call.overdue;
    const std::uint16_t step = call.step;
    assess(call);
    if (was_held && !call.held()) emit(EventKind::call_hold_ended).call = id;
    if (call.step > step) {
        Event& event = emit(EventKind::call_step_reached);
        event.call = id;
        event.value = call.step;
    }
    if (call.overdue && !was_overdue) emit(EventKind::call_overdue).call = id;
}

void Engine::enter_waiting(CallId id) {
    Call& call = calls_[id];
    call.state = CallState::waiting;
    call.agent = NONE;
    call.offer = 0;
    call.assigned_us = NEVER;
    call_index_.insert(id, call, stage_of(call), due_us(call));
    if (!call.detached && !call.preferred.empty()) {
        call.has_rare = true;
        for (const AgentId agent : call.preferred) {
            call.affinity_positions.push_back(static_cast<std::uint32_t>(agents_[agent].affinity_calls.size()));
            agents_[agent].affinity_calls.push_back(id);
        }
    }
    set_timers(id);
}

void Engine::leave_waiting(CallId id) {
    Call& call = calls_[id];
    ROUTER_CHECK(call.state == CallState::waiting);
    call_index_.erase(calls_, call);
    if (call.has_rare) leave_agents(id);
    cancel_timers(call);
}

// Out of the lists of the agents whom it prefers.
void Engine::leave_agents(CallId id) {
    Call& call = calls_[id];
    for (std::size_t index = 0; index < call.affinity_positions.size(); ++index) {
        std::vector<CallId>& calls = agents_[call.preferred[index]].affinity_calls;
        const std::uint32_t position = call.affinity_positions[index];
        const CallId moved = calls.back();
        calls[position] = moved;
        calls.pop_back();
        if (moved == id) continue;
        Call& other = calls_[moved];
        const auto at = std::find(other.preferred.begin(), other.preferred.end(), call.preferred[index]);
        other.affinity_positions[static_cast<std::size_t>(at - other.preferred.begin())] = position;
    }
    call.affinity_positions.clear();
}

void Engine::set_timers(CallId id) {
    Call& call = calls_[id];
    const auto add = [&](DeadlineKind kind, TimeUs time_us) {
        return timers_.add(time_us, kind, id, call.order);
    };
    if (call.held()) call.hold_timer = add(DeadlineKind::hold_end, call.hold_until_us);
    const std::vector<StepSpec>& steps = skills_.requirement(call.requirement).spec.steps;
    if (call.step + 1u < steps.size()) {
        call.step_timer = add(DeadlineKind::step, call.wait_started_us + steps[call.step + 1u].after_us);
    }
    const TimeUs due = due_us(call);
    if (due != NEVER && !call.overdue) call.overdue_timer = add(DeadlineKind::overdue, due);
    const TimeUs limit = queues_[call.queue].settings.wait_max_us;
    if (limit != NEVER && !call.callback) {
        call.limit_timer = add(DeadlineKind::wait_limit, std::max(now_us_, call.queue_entered_us + limit));
    }
}

void Engine::cancel_timers(Call& call) {
    timers_.cancel(call.hold_timer);
    timers_.cancel(call.step_timer);
    timers_.cancel(call.overdue_timer);
    timers_.cancel(call.limit_timer);
}

void Engine::drop_bars(Call& call) {
    for (Bar& bar : call.bars) timers_.cancel(bar.timer);
    call.bars.clear();
}

// A waiting call changes the orders in which it stands: candidates are found among those that may be taken.
void Engine::set_detached(CallId id, bool detached) {
    const bool waits = calls_[id].state == CallState::waiting;
    if (waits) leave_waiting(id);
    calls_[id].detached = detached;
    if (waits) enter_waiting(id);
}

void Engine::finish(CallId id, CallState state) {
    Call& call = calls_[id];
    drop_bars(call);
    call.state = state;
    call.detached = false;
    call.offer = 0;
    if (state != CallState::completed) {
        call.agent = NONE;
        call.assigned_us = NEVER;
    }
    call.finished_us = now_us_;
    --live_calls_;
    finished_.push_back(id);
    forget_surplus_calls();
}

}  // namespace router
