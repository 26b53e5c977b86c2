// Settings as the engine takes them: resolved values, names still as text. See router/engine/settings.py.
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "base.hpp"
#include "limits.hpp"
#include "vocabulary.hpp"

namespace router {

// One alternative of a demand: a skill at a level or better.
struct SkillAtLeast {
    std::string skill;
    std::uint8_t level = 1;
};

enum class TermKind : std::uint8_t { skill, any_of, agent };
constexpr auto last_of(TermKind) { return TermKind::agent; }

struct TermSpec {
    TermKind kind = TermKind::skill;
    std::vector<SkillAtLeast> alternatives;  // one for a skill term, none for a named agent
    std::string agent;
};

struct PreferenceSpec {
    std::string skill;
    std::uint8_t importance = 5;
};

struct StepSpec {
    TimeUs after_us = 0;
    std::vector<TermSpec> terms;
    std::vector<PreferenceSpec> preferences;
};

struct RequirementSpec {
    std::vector<StepSpec> steps{StepSpec{}};
};

bool is_sound(const RequirementSpec& requirement);

// Terms of both rankings, in the order of AgentWeights and CallWeights.
enum AgentTerm { AGENT_SKILL_FIT, AGENT_IDLE, AGENT_LOAD, AGENT_EFFICIENCY, AGENT_AFFINITY, AGENT_RESERVE, AGENT_TERMS };
enum CallTerm { CALL_PRIORITY, CALL_AGE, CALL_DEADLINE, CALL_SKILL_FIT, CALL_EFFICIENCY, CALL_AFFINITY, CALL_TERMS };
inline constexpr std::array<const char*, AGENT_TERMS> AGENT_TERM_NAMES{
    "skill_fit", "idle", "load", "efficiency", "affinity", "reserve"};
inline constexpr std::array<const char*, CALL_TERMS> CALL_TERM_NAMES{
    "priority", "age", "deadline", "skill_fit", "efficiency", "affinity"};

// What rules a queue, besides what its calls require.
struct QueueRules {
    std::string name;
    std::array<TimeUs, URGENCIES> target_us{};
    std::array<TimeUs, URGENCIES> max_overtake_wait_us{};  // or NEVER
    bool automatic = false;
    TimeUs offer_timeout_us = 0;
    NoAnswerAction no_answer_action = NoAnswerAction::not_ready;
    TimeUs reject_backoff_us = 0;
    WrapUpMode wrap_up_mode = WrapUpMode::none;
    TimeUs wrap_up_us = 0;
    TimeUs preferred_hold_us = 0;
    bool last_agent_preferred = false;
    TimeUs last_agent_hold_us = 0;
    std::int64_t waiting_max = UNLIMITED;
    TimeUs wait_max_us = NEVER;
    std::string overflow;  // empty: none
    std::array<std::int64_t, AGENT_TERMS> agent_weights{};
    std::array<std::int64_t, CALL_TERMS> call_weights{};
};

struct QueueSettings : QueueRules {
    RequirementSpec requirement;
};

struct ChannelSettings {
    std::string name;
    bool exclusive = true;
};


struct EfficiencySettings {
    std::int64_t prior_calls = 10;
    std::int64_t handle_time = 0;
    std::int64_t resolution = 0;
    std::int64_t satisfaction = 0;
};

struct Settings {
    std::vector<QueueSettings> queues;      // any order
    std::vector<ChannelSettings> channels;  // any order, at most CHANNELS_MAX
    TimeUs idle_scale_us = 1;
    TimeUs occupancy_half_life_us = 1;
    EfficiencySettings efficiency;
    TimeUs finished_retention_us = 0;
    TimeUs customer_retention_us = 0;
    std::int64_t customers_max = 0;
    TimeUs request_retention_us = 0;
    std::int64_t requests_max = 0;
    std::int64_t agents_max = 0;
    std::int64_t calls_max = 0;
    std::int64_t requirements_max = 0;
};

// What is wrong with settings that did not come through the binding, in words; empty if nothing is.
std::string fault_of(const Settings& settings);

}  // namespace router
