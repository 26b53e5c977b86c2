// What happens when a deadline passes. Each one first cancels the timer that brought it.
#include "engine.hpp"

namespace router {

void Engine::expire_offer(CallId id) {
    Call& call = calls_[id];
    const AgentId agent_id = call.agent;
    Agent& agent = agents_[agent_id];
    const NoAnswerAction action = queues_[call.queue].settings.no_answer_action;
    Event& event = emit(EventKind::offer_expired);
    event.offer = call.offer;
    event.call = id;
    event.agent = agent_id;
    event.code = static_cast<std::uint8_t>(action);

    close_offer(call);
    release(agent_id, call.offer, false);
    bar(call, agent_id);
    std::vector<CallId> returned{id};
    if (action == NoAnswerAction::not_ready && agent.availability >= Availability::ready) {
        const std::vector<CallId> others = take_offers_back(agent_id, WithdrawalCause::agent_not_ready);
        returned.insert(returned.end(), others.begin(), others.end());
        agent.reason = "no_answer";
        set_availability(agent_id, Availability::not_ready);
        emit_availability(agent_id);
    } else if (action == NoAnswerAction::sign_out && agent.signed_in()) {
        const std::vector<CallId> others = take_offers_back(agent_id, WithdrawalCause::agent_signed_out);
        returned.insert(returned.end(), others.begin(), others.end());
        sign_out(agent_id, true);
    }
    settle(agent_id, returned);
}

void Engine::end_hold(CallId id) {
    emit(EventKind::call_hold_ended).call = id;
    leave_waiting(id);
    calls_[id].hold_until_us = NEVER;
    enter_waiting(id);
    seek(id);
}

void Engine::reach_step(CallId id) {
    leave_waiting(id);
    Call& call = calls_[id];
    ++call.step;
    enter_waiting(id);
    Event& event = emit(EventKind::call_step_reached);
    event.call = id;
    event.value = call.step;
    seek(id);
}

void Engine::end_bar(CallId id, std::uint64_t offer) {
    Call& call = calls_[id];
    for (std::size_t index = 0; index < call.bars.size(); ++index) {
        if (call.bars[index].offer != offer) continue;
        timers_.cancel(call.bars[index].timer);
        call.bars.erase(call.bars.begin() + static_cast<std::ptrdiff_t>(index));
        seek(id);
        return;
    }
    ROUTER_CHECK(!"a bar's deadline without its bar");
}

void Engine::become_overdue(CallId id) {
    Call& call = calls_[id];
    const bool was_held = call.held();
    leave_waiting(id);
    if (was_held) {
        emit(EventKind::call_hold_ended).call = id;
        call.hold_until_us = NEVER;
    }
    emit(EventKind::call_overdue).call = id;
    call.overdue = true;
    enter_waiting(id);
    if (was_held) seek(id);
}

void Engine::meet_wait_limit(CallId id) {
    leave_waiting(id);
    overflow(id, LimitCause::wait_limit);
}

}  // namespace router
