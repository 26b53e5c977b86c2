// Offers, assignments, wrap-ups and outcomes: what happens between a call and the agent it is given to.
#include <algorithm>

#include "engine.hpp"

namespace router {

// ---- commands ----

void Engine::handle(const Accept& command) {
    const CallId id = resolve_offer(command.offer);
    if (id == NONE) return;
    Call& call = calls_[id];
    Event& event = emit(EventKind::offer_accepted);
    event.offer = command.offer;
    event.call = id;
    event.agent = call.agent;
    close_offer(call);
    Engagement& engagement = engagement_of(call);
    timers_.cancel(engagement.timer);
    engagement.state = EngagementState::assigned;
    engagement.started_us = now_us_;
    engagement.until_us = NEVER;
    assign(id, AssignmentCause::accepted);
}

void Engine::handle(const Reject& command) {
    const CallId id = resolve_offer(command.offer);
    if (id == NONE) return;
    Call& call = calls_[id];
    const AgentId agent = call.agent;
    Event& event = emit(EventKind::offer_rejected);
    event.offer = command.offer;
    event.call = id;
    event.agent = agent;
    event.text = add_text(command.reason);
    close_offer(call);
    release(agent, command.offer, false);
    bar(call, agent);
    settle(agent, {&id, 1});
}

void Engine::handle(const Assign& command) {
    const CallId id = resolve(command.call);
    if (id == NONE) return reject(RejectReason::unknown_call, command.call);
    result_call_ = id;
    const AgentId agent_id = resolve(command.agent);
    if (agent_id == NONE) return reject(RejectReason::unknown_agent, command.agent);
    Call& call = calls_[id];
    if (is_finished(call.state)) return reject(RejectReason::call_finished, command.call);
    if (call.state == CallState::assigned) return reject(RejectReason::call_assigned, command.call);
    Agent& agent = agents_[agent_id];
    if (!agent.signed_in()) return reject(RejectReason::agent_signed_out, command.agent);
    const Id channel = channels_[call.channel].index;
    const bool own_offer = call.state == CallState::offered && call.agent == agent_id;
    // An offer of this very call holds just the capacity that the assignment takes over.
    if (!own_offer && (agent.open_channels >> channel & 1) == 0) {
        return reject(RejectReason::no_capacity, command.agent);
    }
    const AgentId loser = call.agent;
    if (call.state == CallState::offered) {
        withdraw(id, WithdrawalCause::forced_assignment);
    } else {
        leave_waiting(id);
    }
    call.offer = next_offer_++;
    call.agent = agent_id;
    add_engagement(agent_id, call, id);
    assign(id, AssignmentCause::forced);
    if (loser != NONE && loser != agent_id) settle(loser, {});
}

void Engine::handle(const Complete& command) {
    const CallId id = resolve_live_call(command.call);
    if (id == NONE) return;
    Call& call = calls_[id];
    if (call.state != CallState::assigned) return reject(RejectReason::call_not_assigned, command.call);
    const AgentId agent = call.agent;
    const std::uint64_t offer = call.offer;
    const TimeUs handle_us = now_us_ - call.assigned_us;
    Event& event = emit(EventKind::call_completed);
    event.offer = offer;
    event.call = id;
    event.agent = agent;
    event.queue = call.queue;
    event.value = handle_us;
    --queues_[call.queue].assigned;
    // nobody knows when a conversation that a downtime cut through really ended
    if (call.assigned_us >= restarted_us_) learn_call(agent, call.queue, handle_us);
    remember_customer(call);
    end_engagement(id, agent, offer, call.queue);
    finish(id, CallState::completed);
    settle(agent, {});
}

void Engine::handle(const EndWrapUp& command) {
    const AgentId id = resolve(command.agent);
    if (id == NONE) return reject(RejectReason::unknown_agent, command.agent);
    for (const Engagement& engagement : agents_[id].engagements) {
        if (engagement.state != EngagementState::wrap_up) continue;
        if (command.offer != 0 && engagement.offer != command.offer) continue;
        if (command.offer == 0 && !command.call.empty() && call_name(engagement) != command.call) continue;
        end_wrap_up(id, engagement.offer);
        return;
    }
    reject(RejectReason::not_in_wrap_up, command.agent);
}

void Engine::handle(const RecordOutcome& command) {
    const CallId id = resolve(command.call);
    AgentId agent = resolve(command.agent);
    QueueId queue = resolve(command.queue);
    if (id != NONE) {
        result_call_ = id;
        Call& call = calls_[id];
        if (call.state != CallState::completed) return reject(RejectReason::call_not_completed, command.call);
        const std::string& queue_name = queues_[call.queue].settings.name;
        if ((!command.agent.empty() && agent != call.agent) ||
            (!command.queue.empty() && name_of(command.queue) != queue_name)) {
            return reject(RejectReason::outcome_mismatch, command.call);
        }
        if (!queues_[call.queue].configured) return reject(RejectReason::unknown_queue, queue_name);
        if ((command.resolved && call.resolved >= 0) || (command.satisfaction && call.satisfaction > 0)) {
            return reject(RejectReason::outcome_already_recorded, command.call);
        }
        if (command.resolved) call.resolved = *command.resolved ? 1 : 0;
        if (command.satisfaction) call.satisfaction = static_cast<std::int8_t>(*command.satisfaction);
        agent = call.agent;
        queue = call.queue;
    } else {
        if (command.agent.empty() || command.queue.empty()) return reject(RejectReason::unknown_call, command.call);
        if (agent == NONE) return reject(RejectReason::unknown_agent, command.agent);
        if (queue == NONE) return reject(RejectReason::unknown_queue, command.queue);
    }
    learn_outcome(agent, queue, command.resolved, command.satisfaction);
    Event& event = emit(EventKind::outcome_recorded);
    event.call = id;
    if (id == NONE && !command.call.empty()) event.call_text = add_text(name_of(command.call));
    event.agent = agent;
    event.queue = queue;
}

// ---- parts of them ----

CallId Engine::resolve_offer(std::uint64_t offer) {
    if (const CallId id = offers_.find(offer); id != NONE) {
        result_call_ = id;
        return id;
    }
    const bool given = offer > 0 && offer < next_offer_;
    reject(given ? RejectReason::offer_ended : RejectReason::unknown_offer, std::to_string(offer));
    return NONE;
}

// The call is out of its queue's line already.
void Engine::present(CallId id, AgentId agent_id) {
    Call& call = calls_[id];
    Queue& queue = queues_[call.queue];
    call.offer = next_offer_++;
    call.agent = agent_id;
    Engagement& engagement = add_engagement(agent_id, call, id);
    if (queue.settings.automatic) return assign(id, AssignmentCause::automatic);
    engagement.state = EngagementState::offered;
    engagement.until_us = now_us_ + queue.settings.offer_timeout_us;
    engagement.timer = timers_.add(engagement.until_us, DeadlineKind::offer_expiry, id, call.offer);
    Event& event = emit(EventKind::offer_made);
    event.offer = call.offer;
    event.call = id;
    event.agent = agent_id;
    event.queue = call.queue;
    event.value = engagement.until_us;
    event.flag = call.callback;
    offers_.insert(call.offer, id);
    call.state = CallState::offered;
    ++queue.offered;
}

void Engine::assign(CallId id, AssignmentCause cause) {
    Call& call = calls_[id];
    call.state = CallState::assigned;
    call.assigned_us = now_us_;
    ++queues_[call.queue].assigned;
    Event& event = emit(EventKind::call_assigned);
    event.offer = call.offer;
    event.call = id;
    event.agent = call.agent;
    event.queue = call.queue;
    event.code = static_cast<std::uint8_t>(cause);
    event.value = now_us_ - call.wait_started_us;
}

void Engine::withdraw(CallId id, WithdrawalCause cause) {
    Call& call = calls_[id];
    Event& event = emit(EventKind::offer_withdrawn);
    event.offer = call.offer;
    event.call = id;
    event.agent = call.agent;
    event.code = static_cast<std::uint8_t>(cause);
    close_offer(call);
    release(call.agent, call.offer, false);
}

void Engine::close_offer(const Call& call) {
    const bool erased = offers_.erase(call.offer);
    ROUTER_CHECK(erased);
    --queues_[call.queue].offered;
}

Engagement& Engine::engagement_of(const Call& call) {
    Engagement* engagement = agents_[call.agent].find_engagement(call.offer);
    ROUTER_CHECK(engagement != nullptr);
    return *engagement;
}

// After the conversation: wrap-up by the rules of the queue it was served in, or free at once.
void Engine::end_engagement(CallId id, AgentId agent_id, std::uint64_t offer, QueueId queue) {
    const QueueSettings& settings = queues_[queue].settings;
    Agent& agent = agents_[agent_id];
    if (settings.wrap_up_mode == WrapUpMode::none || !agent.signed_in()) {
        release(agent_id, offer, true);
        return;
    }
    Engagement* engagement = agent.find_engagement(offer);
    ROUTER_CHECK(engagement != nullptr && engagement->state == EngagementState::assigned);
    engagement->state = EngagementState::wrap_up;
    engagement->call = NONE;
    engagement->call_text = wrapped_up_.keep(calls_[id].name);
    engagement->started_us = now_us_;
    engagement->until_us = now_us_ + settings.wrap_up_us;
    engagement->timer = timers_.add(engagement->until_us, DeadlineKind::wrap_up_end, agent_id, offer);
    Event& event = emit(EventKind::wrap_up_started);
    event.offer = offer;
    event.call = id;
    event.agent = agent_id;
    event.value = engagement->until_us;
}

void Engine::end_wrap_up(AgentId id, std::uint64_t offer) {
    close_wrap_up(id, offer);
    settle(id, {});
}

void Engine::close_wrap_up(AgentId id, std::uint64_t offer) {
    const Engagement* engagement = agents_[id].find_engagement(offer);
    ROUTER_CHECK(engagement != nullptr && engagement->state == EngagementState::wrap_up);
    Event& event = emit(EventKind::wrap_up_ended);
    event.offer = offer;
    event.agent = id;
    if (engagement->call_text != NONE) event.call_text = add_text(call_name(*engagement));
    wrapped_up_.release(engagement->call_text);
    release(id, offer, true);
}

void Engine::bar(Call& call, AgentId agent) {
    const TimeUs backoff_us = queues_[call.queue].settings.reject_backoff_us;
    if (backoff_us == 0) return;
    const CallId id = static_cast<CallId>(&call - calls_.data());
    Bar bar{agent, now_us_ + backoff_us, call.offer, NONE};
    bar.timer = timers_.add(bar.until_us, DeadlineKind::bar_end, id, bar.offer);
    call.bars.push_back(bar);
}

void Engine::remember_customer(const Call& call) {
    if (call.customer.empty()) return;
    customers_.remember(call.customer, call.agent, now_us_);
    forget_surplus_customers();
}

}  // namespace router
