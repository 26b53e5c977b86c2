// Callers: arriving, waiting with patience, being served, calling again.
#include "centre.hpp"

#include <algorithm>
#include <cmath>

namespace router::simulation {

namespace {

std::string name_of(std::uint64_t serial, std::uint32_t attempt) {
    std::string name = "call-" + std::to_string(serial);
    return attempt == 0 ? name : name + "-" + std::to_string(attempt + 1);
}

}  // namespace

TimeUs Centre::next_arrival(Source& source) {
    const TimeUs end_us = scenario_.end_us();
    if (source.process) return engine_time(source.process->next(end_us));
    if (source.next_recorded == scenario_.recorded.size()) return NEVER;
    const TimeUs time_us = scenario_.recorded[source.next_recorded].time_us;
    return time_us < end_us ? engine_time(time_us) : NEVER;
}

const Command& Centre::next_first_call(std::uint32_t index) {
    Source& source = sources_[index];
    arriving_ = Visit{};
    arriving_.callers = source.callers;
    arriving_.serial = ++serials_;
    if (!source.process) {
        arriving_.recorded = static_cast<std::uint32_t>(source.next_recorded++);
        arriving_.callers = scenario_.recorded[arriving_.recorded].callers;
    }
    CallersState& state = callers_[arriving_.callers];
    arriving_.number = state.next_number++;
    const std::uint64_t customers = state.plan->customers;
    arriving_.customer = customers == 0 ? arriving_.number : state.customer.below({arriving_.number, 0}, customers);
    const TimeUs next_us = next_arrival(source);
    if (next_us == NEVER) {
        calendar_.pop();
    } else {
        calendar_.put_off(next_us);
    }
    return enqueue();
}

const Command& Centre::next_redial(std::uint32_t redial) {
    arriving_ = redials_[redial];
    free_redials_.push_back(redial);
    return enqueue();
}

const Command& Centre::enqueue() {
    const Visit& visit = arriving_;
    CallersState& state = callers_[visit.callers];
    recorder_.announce({visit.callers, visit.attempt > 0});
    if (scenario_.named) {
        const bool given = visit.recorded != NONE && visit.attempt == 0 && !scenario_.recorded_names.empty();
        std::get<Enqueue>(state.enqueue).call = given ? scenario_.recorded_names[visit.recorded] : name_of(visit.serial, visit.attempt);
    }
    if (state.plan->known) {
        std::get<Enqueue>(state.enqueue).customer = state.plan->name + "-" + std::to_string(visit.customer + 1);
    }
    return state.enqueue;
}

TimeUs Centre::patience_us(const Visit& visit) const {
    if (visit.recorded != NONE && visit.attempt == 0) {
        const TimeUs recorded_us = scenario_.recorded[visit.recorded].patience_us;
        if (recorded_us != RecordedCall::DRAWN) return recorded_us;
    }
    const CallersState& state = callers_[visit.callers];
    return state.plan->patience ? state.plan->patience->draw(state.patience, draw_of(visit)) : NEVER;
}

TimeUs Centre::handle_us(const Contact& contact, AgentId agent) const {
    if (contact.remaining_us != NEVER) return contact.remaining_us;
    const Visit& visit = contact.visit;
    const CallersState& state = callers_[visit.callers];
    const Service& service = state.services[agents_[agent_of(agent)].group_index];
    if (service.handle_time != nullptr) return service.handle_time->draw_scaled(state.handle_time, draw_of(visit), service.factor);
    if (visit.recorded != NONE && visit.attempt == 0) {
        const TimeUs recorded_us = scenario_.recorded[visit.recorded].handle_us;
        if (recorded_us != NEVER) {
            return service.factor == 1 ? recorded_us : to_duration_us(static_cast<double>(recorded_us) * service.factor);
        }
    }
    return state.plan->handle_time.draw_scaled(state.handle_time, draw_of(visit), service.factor);
}

void Centre::arrive(const Event& event) {
    if (contacts_.size() <= event.call) contacts_.resize(event.call + 1);
    Contact& contact = contacts_[event.call];
    contact = Contact{};
    contact.visit = arriving_;
    contact.arrived_us = event.time_us;
    ++live_;
    const TimeUs patience = patience_us(arriving_);
    if (patience != NEVER) contact.give_up = plan(event.time_us + patience, Rank::give_up, What::give_up, event.call);
}

void Centre::serve(const Event& event) {
    Contact& contact = contacts_[event.call];
    if (contact.give_up != 0) --expected_;
    cancel(contact.give_up);
    cancel(contact.due);
    contact.offer = event.offer;
    if (contact.answered_us == NEVER) {
        contact.answered_us = event.time_us;
        note_end(contact.visit, RecordedEnd::Kind::answered, event.time_us);
    }
    contact.ends_us = event.time_us + handle_us(contact, event.agent);
    contact.due = plan(contact.ends_us, Rank::end, What::call_end, event.call);
    progress_us_ = event.time_us;
}

// Broken off: who has been answered once holds the line, for the rest of the handle time.
void Centre::go_back(const Event& event) {
    Contact& contact = contacts_[event.call];
    if (contact.due != 0) --expected_;
    cancel(contact.due);
    contact.remaining_us = std::max<TimeUs>(0, contact.ends_us - event.time_us);
    progress_us_ = event.time_us;
}

void Centre::leave(const Event& event, RecordedEnd::Kind kind) {
    Contact& contact = contacts_[event.call];
    if (contact.give_up != 0) --expected_;
    cancel(contact.give_up);
    cancel(contact.due);
    --live_;
    progress_us_ = event.time_us;
    if (contact.answered_us == NEVER) note_end(contact.visit, kind, event.time_us);
    const CallersState& state = callers_[contact.visit.callers];
    call_again(contact.visit, event.time_us, state.plan->redial_abandoned, state.redial_abandoned, state.redial_abandoned_after);
}

void Centre::complete(const Event& event) {
    Contact& contact = contacts_[event.call];
    if (contact.due != 0) --expected_;  // cut short
    cancel(contact.due);
    --live_;
    progress_us_ = event.time_us;
    const CallersState& state = callers_[contact.visit.callers];
    const Draw draw = draw_of(contact.visit);
    const double resolution = state.services[agents_[agent_of(event.agent)].group_index].resolution;
    FollowUp outcome{FollowUp::Kind::outcome, event.call};
    if (resolution >= 0) outcome.resolved = state.resolution.chance(draw, resolution) ? 1 : 0;
    if (!state.plan->satisfaction_by_wait.empty()) {
        const double score = look_up(state.plan->satisfaction_by_wait, contact.answered_us - contact.arrived_us);
        const double whole = std::floor(score);
        outcome.satisfaction = static_cast<std::uint8_t>(whole + (state.satisfaction.chance(draw, score - whole) ? 1 : 0));
    }
    if (outcome.resolved < 0 && outcome.satisfaction == 0) return;
    recorder_.record_outcome(event.call, outcome.resolved < 0 ? std::nullopt : std::optional<bool>(outcome.resolved == 1),
                             outcome.satisfaction);
    follow_ups_.push_front(outcome);
    if (outcome.resolved == 0) {
        call_again(contact.visit, event.time_us, state.plan->redial_unresolved, state.redial_unresolved, state.redial_unresolved_after);
    }
}

// Nobody calls after the measured time, neither for the first time nor again.
void Centre::call_again(const Visit& visit, TimeUs now_us, const std::optional<Redial>& redial, const Stream& whether, const Stream& after) {
    if (!redial || (redial->times_max != UNLIMITED && visit.attempt >= redial->times_max)) return;
    if (!whether.chance(draw_of(visit), redial->chance)) return;
    const TimeUs time_us = now_us + redial->after.draw(after, draw_of(visit));
    if (time_us >= end_us_) return;
    if (free_redials_.empty()) {
        free_redials_.push_back(static_cast<std::uint32_t>(redials_.size()));
        redials_.emplace_back();
    }
    const std::uint32_t number = free_redials_.back();
    free_redials_.pop_back();
    redials_[number] = visit;
    ++redials_[number].attempt;
    plan(time_us, Rank::arrive, What::redial, number);
}

void Centre::note_end(const Visit& visit, RecordedEnd::Kind kind, TimeUs time_us) {
    if (ends_.empty() || visit.recorded == NONE || visit.attempt > 0) return;
    ends_[visit.recorded] = {kind, time_us};
}

}  // namespace router::simulation
