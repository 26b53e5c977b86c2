#include "settings.hpp"

#include <algorithm>

namespace router {

namespace {

bool is_sound(const StepSpec& step) {
    const auto sound_atom = [](const SkillAtLeast& atom) { return atom.level >= 1 && atom.level <= LEVEL_MAX; };
    const auto sound_term = [&](const TermSpec& term) {
        const bool counts = term.kind == TermKind::agent ? !term.agent.empty() : !term.alternatives.empty();
        return counts && std::all_of(term.alternatives.begin(), term.alternatives.end(), sound_atom);
    };
    const auto sound_preference = [](const PreferenceSpec& one) { return one.importance >= 1 && one.importance <= LEVEL_MAX; };
    return step.after_us >= 0 && step.after_us <= DURATION_US_MAX && std::all_of(step.terms.begin(), step.terms.end(), sound_term) &&
           std::all_of(step.preferences.begin(), step.preferences.end(), sound_preference);
}

bool is_sound(const QueueSettings& queue) {
    const auto weight = [](std::int64_t value) { return value >= 0 && value <= WEIGHT_MAX; };
    const auto target = [](TimeUs value) { return value > 0 && value <= DURATION_US_MAX; };
    const auto bound = [](TimeUs value) { return value >= NEVER && value <= DURATION_US_MAX; };
    const auto duration = [](TimeUs value) { return value >= 0 && value <= DURATION_US_MAX; };
    return !queue.name.empty() && is_sound(queue.requirement) &&
           std::all_of(queue.target_us.begin(), queue.target_us.end(), target) &&
           std::all_of(queue.max_overtake_wait_us.begin(), queue.max_overtake_wait_us.end(), bound) &&
           target(queue.offer_timeout_us) && duration(queue.reject_backoff_us) && duration(queue.wrap_up_us) &&
           duration(queue.preferred_hold_us) && duration(queue.last_agent_hold_us) && bound(queue.wait_max_us) &&
           queue.waiting_max >= UNLIMITED &&
           std::all_of(queue.agent_weights.begin(), queue.agent_weights.end(), weight) &&
           std::all_of(queue.call_weights.begin(), queue.call_weights.end(), weight);
}

}  // namespace

bool is_sound(const RequirementSpec& requirement) {
    return !requirement.steps.empty() && std::all_of(requirement.steps.begin(), requirement.steps.end(),
                                                     [](const StepSpec& step) { return is_sound(step); });
}

std::string fault_of(const Settings& settings) {
    if (settings.channels.size() > CHANNELS_MAX) return "too many channels";
    for (const QueueSettings& queue : settings.queues) {
        if (!is_sound(queue)) return "queue " + queue.name + " has a value out of range";
    }
    const auto scale = [](TimeUs value) { return value >= 1 && value <= DURATION_US_MAX; };
    if (!scale(settings.idle_scale_us) || !scale(settings.occupancy_half_life_us)) return "a scale out of range";
    const EfficiencySettings& mix = settings.efficiency;
    const auto parts = {mix.handle_time, mix.resolution, mix.satisfaction};
    if (mix.prior_calls < 1 || mix.prior_calls > PRIOR_CALLS_MAX || std::min(parts) < 0 || std::max(parts) > WEIGHT_MAX) {
        return "efficiency settings out of range";
    }
    const auto retentions = {settings.finished_retention_us, settings.customer_retention_us, settings.request_retention_us};
    if (std::min(retentions) < 0 || std::max(retentions) > DURATION_US_MAX) return "a retention out of range";
    if (std::min({settings.customers_max, settings.requests_max, settings.agents_max, settings.calls_max,
                  settings.requirements_max}) < 0) {
        return "a negative maximum";
    }
    return {};
}

}  // namespace router
