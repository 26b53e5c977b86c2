// What a snapshot holds of each record without references to others: one description for writing and reading.
#pragma once

#include <concepts>

#include "archive.hpp"
#include "engine.hpp"

namespace router {

template <class Value, class Record>
concept Is = std::same_as<std::remove_const_t<Value>, Record>;

void describe(auto& archive, Is<SkillAtLeast> auto& atom) {
    archive(atom.skill);
    archive(atom.level);
}

void describe(auto& archive, Is<PreferenceSpec> auto& preference) {
    archive(preference.skill);
    archive(preference.importance);
}

void describe(auto& archive, Is<TermSpec> auto& term) {
    archive(term.kind);
    archive(term.alternatives);
    archive(term.agent);
}

void describe(auto& archive, Is<StepSpec> auto& step) {
    archive(step.after_us);
    archive(step.terms);
    archive(step.preferences);
}

void describe(auto& archive, Is<RequirementSpec> auto& requirement) {
    archive(requirement.steps);
}

void describe(auto& archive, Is<QueueSettings> auto& queue) {
    archive(queue.name);
    archive(queue.requirement);
    archive(queue.target_us);
    archive(queue.max_overtake_wait_us);
    archive(queue.automatic);
    archive(queue.offer_timeout_us);
    archive(queue.no_answer_action);
    archive(queue.reject_backoff_us);
    archive(queue.wrap_up_mode);
    archive(queue.wrap_up_us);
    archive(queue.preferred_hold_us);
    archive(queue.last_agent_preferred);
    archive(queue.last_agent_hold_us);
    archive(queue.waiting_max);
    archive(queue.wait_max_us);
    archive(queue.overflow);
    archive(queue.agent_weights);
    archive(queue.call_weights);
}

void describe(auto& archive, Is<ChannelSettings> auto& channel) {
    archive(channel.name);
    archive(channel.exclusive);
}

void describe(auto& archive, Is<EfficiencySettings> auto& efficiency) {
    archive(efficiency.prior_calls);
    archive(efficiency.handle_time);
    archive(efficiency.resolution);
    archive(efficiency.satisfaction);
}

void describe(auto& archive, Is<Settings> auto& settings) {
    archive(settings.queues);
    archive(settings.channels);
    archive(settings.idle_scale_us);
    archive(settings.occupancy_half_life_us);
    archive(settings.efficiency);
    archive(settings.finished_retention_us);
    archive(settings.customer_retention_us);
    archive(settings.customers_max);
    archive(settings.request_retention_us);
    archive(settings.requests_max);
    archive(settings.agents_max);
    archive(settings.calls_max);
    archive(settings.requirements_max);
}

void describe(auto& archive, Is<Result> auto& result) {
    archive(result.sequence);
    archive(result.time_us);
    archive(result.rejection);
    archive(result.subject);
    archive(result.about_call);
    archive(result.call_state);
    archive(result.queue);
    archive(result.agent);
    archive(result.offer);
}

void describe(auto& archive, Is<Request> auto& request) {
    archive.once(request.key);
    archive.once(request.content);
    archive(request.result);
}

void describe(auto& archive, Is<TermValue> auto& term) {
    archive(term.name);
    archive(term.value_ppm);
    archive(term.weight_milli);
    archive(term.contribution_nano);
}

void describe(auto& archive, Is<Candidate> auto& candidate) {
    archive(candidate.call);
    archive(candidate.agent);
    archive(candidate.queue);
    archive(candidate.tier);
    archive(candidate.terms);
    archive(candidate.total_nano);
}

void describe(auto& archive, Is<Decision> auto& decision) {
    archive(decision.offer);
    archive(decision.time_us);
    archive(decision.sequence);
    archive(decision.agent_was_chosen);
    archive(decision.winner);
    archive(decision.runner_up);
    archive(decision.decided_by);
    archive(decision.candidates);
}

// The sums of what was learned; the queue is told apart.
void describe(auto& archive, Is<Learned> auto& learned) {
    archive(learned.efficiency_ppm);
    archive(learned.calls);
    archive(learned.handle_sum_us);
    archive(learned.resolutions);
    archive(learned.resolved);
    archive(learned.satisfactions);
    archive(learned.satisfaction_sum);
}

}  // namespace router
