// The centre's make-up and its calendar.
#include "centre.hpp"

#include <algorithm>
#include <map>

namespace router::simulation {

namespace {

// The agent's level in the skill that the callers' tables mean; 0 without it.
int level_of(const AgentGroup& group, const std::string& skill) {
    for (const auto& [name, level] : group.skills) {
        if (name == skill) return level;
    }
    return 0;
}

}  // namespace

Centre::Centre(const Scenario& scenario, Engine& engine, Recorder& recorder)
    : scenario_(scenario), engine_(engine), recorder_(recorder), end_us_(scenario.end_us() + scenario.epoch_us) {
    prepare_callers();
    prepare_services();
    prepare_agents();
    plan_arrivals();
    if (scenario_.keep_ends) ends_.resize(scenario_.recorded.size());
}

void Centre::prepare_callers() {
    callers_.reserve(scenario_.callers.size());
    for (const Callers& plan : scenario_.callers) {
        CallersState& state = callers_.emplace_back();
        state.plan = &plan;
        state.queue = engine_.find_queue(plan.queue);
        const ChannelId channel = engine_.find_channel(plan.channel);
        ROUTER_CHECK(state.queue != NONE && channel != NONE);
        Enqueue& enqueue = std::get<Enqueue>(state.enqueue);
        enqueue.queue = QueueRef::number(state.queue);
        enqueue.channel = ChannelRef::number(channel);
        if (plan.requirement) enqueue.requirement.id = engine_.hold_requirement(*plan.requirement);
        enqueue.urgency = plan.urgency;
        enqueue.priority = plan.priority;
        const auto stream = [&](Purpose purpose) { return Stream(scenario_.seed, scenario_.replication, purpose, plan.name); };
        state.customer = stream(Purpose::customer);
        state.handle_time = stream(Purpose::handle_time);
        state.patience = stream(Purpose::patience);
        state.resolution = stream(Purpose::resolution);
        state.satisfaction = stream(Purpose::satisfaction);
        state.wrap_up = stream(Purpose::wrap_up);
        state.ring = stream(Purpose::ring);
        state.reject = stream(Purpose::reject);
        state.reject_after = stream(Purpose::reject_after);
        state.redial_unresolved = stream(Purpose::redial_unresolved);
        state.redial_unresolved_after = stream(Purpose::redial_unresolved_after);
        state.redial_abandoned = stream(Purpose::redial_abandoned);
        state.redial_abandoned_after = stream(Purpose::redial_abandoned_after);
    }
}

void Centre::prepare_services() {
    for (std::size_t index = 0; index < callers_.size(); ++index) {
        CallersState& state = callers_[index];
        for (const AgentGroup& group : scenario_.groups) {
            Service& service = state.services.emplace_back();
            const int level = level_of(group, state.plan->skill);
            if (index < group.handle_times.size() && group.handle_times[index]) {
                service.handle_time = &*group.handle_times[index];
            } else if (group.handle_time) {
                service.handle_time = &*group.handle_time;
            }
            service.factor = group.handle_factor;
            if (!state.plan->handle_factor_by_level.empty()) service.factor *= look_up(state.plan->handle_factor_by_level, level);
            if (!state.plan->resolution_by_level.empty()) service.resolution = look_up(state.plan->resolution_by_level, level);
        }
    }
}

void Centre::prepare_agents() {
    for (std::uint32_t index = 0; index < scenario_.groups.size(); ++index) {
        const AgentGroup& group = scenario_.groups[index];
        returns_.emplace_back(scenario_.seed, scenario_.replication, Purpose::return_after, group.name);
        for (std::uint32_t place = 0; place < group.agents.size(); ++place) {
            agents_.emplace_back(group, index, place);
            plan_shift(static_cast<std::uint32_t>(agents_.size() - 1), 0);
        }
    }
}

void Centre::plan_arrivals() {
    for (std::uint32_t index = 0; index < callers_.size(); ++index) {
        const Callers& plan = *callers_[index].plan;
        if (plan.arrivals.kind == ArrivalKind::recorded) continue;
        sources_.push_back(Source{index, ArrivalProcess(plan, scenario_.seed, scenario_.replication), 0});
    }
    if (!scenario_.recorded.empty()) sources_.push_back(Source{});
    for (std::uint32_t index = 0; index < sources_.size(); ++index) {
        const TimeUs time_us = next_arrival(sources_[index]);
        if (time_us != NEVER) calendar_.add(time_us, Rank::arrive, index, What::fresh_call, index);
    }
}

std::uint64_t Centre::plan(TimeUs time_us, Rank rank, What what, std::uint32_t subject) {
    const std::uint64_t number = calendar_.next_number();
    calendar_.add(time_us, rank, number, what, subject);
    if (what == What::call_end || what == What::give_up) ++expected_;
    return number;
}

void Centre::cancel(std::uint64_t& number) {
    if (number == 0) return;
    number = 0;
    if (++stale_ > 1024 && 2 * stale_ > calendar_.size()) drop_stale();
}

bool Centre::stands(const Planned& planned) const {
    switch (planned.what) {
        case What::give_up: return contacts_[planned.subject].give_up == planned.number();
        case What::answer:
        case What::call_end: return contacts_[planned.subject].due == planned.number();
        case What::agent_return: return agents_[planned.subject].return_due == planned.number();
        case What::wrap_up_end:
            return std::any_of(agents_[planned.subject].wrap_ups.begin(), agents_[planned.subject].wrap_ups.end(),
                               [&](const WrapUp& one) { return one.due == planned.number(); });
        case What::shift_start:
        case What::shift_end:
        case What::fresh_call:
        case What::redial: return true;
    }
    return true;
}

void Centre::drop_stale() {
    calendar_.keep_only([this](const Planned& planned) { return stands(planned); });
    stale_ = 0;
}

TimeUs Centre::next_us() {
    while (!calendar_.empty()) {
        const Planned& next = calendar_.front();
        if (!stands(next)) {
            --stale_;
            calendar_.pop();
        } else if (next.what == What::shift_end && !agents_[next.subject].signed_in) {
            const std::uint32_t agent = next.subject;
            calendar_.pop();
            end_shift(agents_[agent], agent);
        } else {
            return next.time_us;
        }
    }
    return NEVER;
}

const Command& Centre::take() {
    const Planned next = calendar_.front();
    if (next.what == What::fresh_call) return next_first_call(next.subject);
    calendar_.pop();
    switch (next.what) {
        case What::call_end:
            contacts_[next.subject].due = 0;
            --expected_;
            std::get<Complete>(complete_).call.id = next.subject;
            return complete_;
        case What::give_up:
            contacts_[next.subject].give_up = 0;
            --expected_;
            std::get<Cancel>(cancel_).call.id = next.subject;
            return cancel_;
        case What::answer: return answer(next.subject);
        case What::wrap_up_end: return end_wrap_up(next.subject, next.number());
        case What::shift_start:
        case What::agent_return: return come(next.subject);
        case What::shift_end: return go(next.subject);
        default: return next_redial(next.subject);
    }
}

const Command* Centre::follow_up() {
    if (follow_ups_.empty()) [[likely]] return nullptr;
    const FollowUp next = follow_ups_.front();
    follow_ups_.pop_front();
    if (next.kind == FollowUp::Kind::requeue) {
        std::get<Requeue>(requeue_).call.id = next.call;
        return &requeue_;
    }
    if (next.kind == FollowUp::Kind::complete) {
        std::get<Complete>(complete_).call.id = next.call;
        return &complete_;
    }
    RecordOutcome& outcome = std::get<RecordOutcome>(record_outcome_);
    outcome.call.id = next.call;
    outcome.resolved = next.resolved < 0 ? std::nullopt : std::optional<bool>(next.resolved == 1);
    outcome.satisfaction = next.satisfaction == 0 ? std::nullopt : std::optional<std::uint8_t>(next.satisfaction);
    return &record_outcome_;
}

void Centre::introduce(const std::vector<Event>& events) {
    for (const Event& event : events) {
        if (event.kind != EventKind::agent_signed_in) continue;
        AgentState& agent = agents_[coming_];
        if (agent.id != NONE) continue;
        agent.id = event.agent;
        if (agent_of_.size() <= event.agent) agent_of_.resize(event.agent + 1, NONE);
        agent_of_[event.agent] = coming_;
        recorder_.introduce(event.agent, coming_);
    }
}

void Centre::observe(const std::vector<Event>& events) {
    for (const Event& event : events) {
        switch (event.kind) {
            case EventKind::call_enqueued: arrive(event); break;
            case EventKind::call_assigned: serve(event); break;
            case EventKind::call_completed: complete(event); break;
            case EventKind::call_requeued: go_back(event); break;
            case EventKind::call_abandoned: leave(event, RecordedEnd::Kind::abandoned); break;
            case EventKind::call_refused: leave(event, RecordedEnd::Kind::refused); break;
            case EventKind::offer_made: ring(event); break;
            case EventKind::offer_rejected:
            case EventKind::offer_expired:
            case EventKind::offer_withdrawn: cancel(contacts_[event.call].due); break;
            case EventKind::wrap_up_started: start_wrap_up(event); break;
            case EventKind::wrap_up_ended: close_wrap_up(event); break;
            case EventKind::agent_signed_in: agents_[agent_of(event.agent)].signed_in = true; break;
            case EventKind::agent_signed_out: sign_out(event); break;
            case EventKind::agent_availability_changed: change_availability(event); break;
            case EventKind::call_step_reached:
            case EventKind::call_hold_ended:
            case EventKind::call_overdue:
            case EventKind::call_overflowed: progress_us_ = event.time_us; break;
            default: break;
        }
    }
}

}  // namespace router::simulation
