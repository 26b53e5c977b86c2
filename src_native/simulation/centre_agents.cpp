// Agents: coming and leaving, answering offers, and wrap-ups that they end.
#include <algorithm>

#include "centre.hpp"

namespace router::simulation {

namespace {

constexpr const char* NO_ANSWER = "no_answer";  // the engine's reason

}  // namespace

void Centre::plan_shift(std::uint32_t index, TimeUs after_us) {
    AgentState& agent = agents_[index];
    const auto [from_us, until_us] = agent.shifts.next(after_us);
    if (from_us == NEVER) return;
    agent.shift_until_us = until_us;
    calendar_.add(engine_time(from_us), Rank::come, index, What::shift_start, index);
    if (until_us != NEVER) calendar_.add(engine_time(until_us), Rank::leave, index, What::shift_end, index);
}

const Command& Centre::come(std::uint32_t index) {
    AgentState& agent = agents_[index];
    coming_ = index;
    agent.return_due = 0;
    const std::string& name = agent.group->agents[agent.place];
    if (agent.signed_in) {
        SetAvailability command;
        command.agent.id = agent.id;
        other_ = std::move(command);
        return other_;
    }
    SignIn command;
    command.agent = AgentRef(name);
    command.skills = agent.group->skills;
    command.capacity = agent.group->capacity;
    other_ = std::move(command);
    return other_;
}

const Command& Centre::go(std::uint32_t index) {
    AgentState& agent = agents_[index];
    if (agent.group->at_shift_end != ShiftEnd::finish) {
        const auto kind = agent.group->at_shift_end == ShiftEnd::cut ? FollowUp::Kind::complete : FollowUp::Kind::requeue;
        for (const Engagement& engagement : engine_.agent(agent.id).engagements) {
            if (engagement.state == EngagementState::assigned) follow_ups_.push_back(FollowUp{kind, engagement.call});
        }
    }
    end_shift(agent, index);
    SignOut command;
    command.agent.id = agent.id;
    other_ = std::move(command);
    return other_;
}

void Centre::end_shift(AgentState& agent, std::uint32_t index) {
    cancel(agent.return_due);
    plan_shift(index, agent.shift_until_us);
}

void Centre::ring(const Event& event) {
    Contact& contact = contacts_[event.call];
    const AgentGroup& group = *agents_[agent_of(event.agent)].group;
    const CallersState& state = callers_[contact.visit.callers];
    contact.offer = event.offer;
    // Each offer of the caller's call is a draw of its own.
    const Draw draw{contact.visit.number, contact.visit.attempt << 16 | (contact.offers++ & 0xFFFF)};
    contact.accepts = true;
    if (group.reject + group.no_answer > 0) {
        const double drawn = state.reject.uniform(draw);
        contact.accepts = drawn >= group.reject;
        if (contact.accepts && drawn < group.reject + group.no_answer) return;
    }
    const TimeUs after_us = contact.accepts ? group.ring.draw(state.ring, draw) : group.reject_after.draw(state.reject_after, draw);
    contact.due = plan(event.time_us + after_us, Rank::answer, What::answer, event.call);
}

const Command& Centre::answer(CallId call) {
    Contact& contact = contacts_[call];
    contact.due = 0;
    if (contact.accepts) {
        std::get<Accept>(accept_).offer = contact.offer;
        return accept_;
    }
    std::get<Reject>(reject_).offer = contact.offer;
    return reject_;
}

// Its event comes with, or right after, the completion: the call is still known.
void Centre::start_wrap_up(const Event& event) {
    const Call& call = engine_.call(event.call);
    if (engine_.queue(call.queue).settings.wrap_up_mode != WrapUpMode::manual) return;
    const Visit& visit = contacts_[event.call].visit;
    const CallersState& state = callers_[visit.callers];
    const TimeUs after_us = state.plan->wrap_up ? state.plan->wrap_up->draw(state.wrap_up, draw_of(visit)) : 0;
    const std::uint32_t agent = agent_of(event.agent);
    agents_[agent].wrap_ups.push_back({event.offer, plan(event.time_us + after_us, Rank::end, What::wrap_up_end, agent)});
    ++open_wrap_ups_;
}

void Centre::close_wrap_up(const Event& event) {
    auto& wrap_ups = agents_[agent_of(event.agent)].wrap_ups;
    const auto found = std::find_if(wrap_ups.begin(), wrap_ups.end(), [&](const WrapUp& one) { return one.offer == event.offer; });
    if (found == wrap_ups.end()) return;
    WrapUp closed = *found;
    wrap_ups.erase(found);
    --open_wrap_ups_;
    cancel(closed.due);
}

const Command& Centre::end_wrap_up(std::uint32_t index, std::uint64_t number) {
    AgentState& agent = agents_[index];
    EndWrapUp& command = std::get<EndWrapUp>(end_wrap_up_);
    command.agent.id = agent.id;
    for (WrapUp& wrap_up : agent.wrap_ups) {
        if (wrap_up.due != number) continue;
        wrap_up.due = 0;
        command.offer = wrap_up.offer;
    }
    return end_wrap_up_;
}

void Centre::sign_out(const Event& event) {
    const std::uint32_t index = agent_of(event.agent);
    agents_[index].signed_in = false;
    if (event.flag) plan_return(index, event.time_us);
}

void Centre::change_availability(const Event& event) {
    const auto availability = static_cast<Availability>(event.code);
    if (availability != Availability::not_ready || engine_.text(event.text) != NO_ANSWER) return;
    plan_return(agent_of(event.agent), event.time_us);
}

void Centre::plan_return(std::uint32_t index, TimeUs now_us) {
    AgentState& agent = agents_[index];
    cancel(agent.return_due);
    const Draw draw{agent.place, agent.absences++};
    const TimeUs after_us = agent.group->return_after.draw(returns_[agent.group_index], draw);
    agent.return_due = plan(now_us + after_us, Rank::come, What::agent_return, index);
}

}  // namespace router::simulation
