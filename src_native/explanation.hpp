// The reasons of a decision, kept for calls that asked for it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base.hpp"
#include "vocabulary.hpp"

namespace router {

struct TermValue {
    std::string name;
    std::int64_t value_ppm = 0;
    std::int64_t weight_milli = 0;
    std::int64_t contribution_nano = 0;
};

struct Candidate {
    std::string call;
    std::string agent;
    std::string queue;
    Tier tier = Tier::normal;
    std::vector<TermValue> terms;
    std::int64_t total_nano = 0;
};

struct Decision {
    std::uint64_t offer = 0;
    TimeUs time_us = 0;
    std::uint64_t sequence = 0;
    bool agent_was_chosen = true;  // else a call was chosen for the agent
    Candidate winner;
    std::optional<Candidate> runner_up;
    std::string decided_by;
    std::uint64_t candidates = 0;
};

}  // namespace router
