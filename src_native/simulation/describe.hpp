// A command of a run in words, for the binding: numbers become names again. Right after it was carried out.
#pragma once

#include <string>

#include "run.hpp"

namespace router::simulation {

struct Words {
    int kind = 0;  // place in Command, as in router/engine/commands.py
    std::string call;
    std::string agent;
    std::string queue;
    std::string customer;
    std::uint32_t callers = NONE;  // who calls, for an enqueue
    std::uint32_t group = NONE;    // of the agent, for a sign-in
    std::uint64_t offer = 0;
    int resolved = -1;
    int satisfaction = 0;
};

Words describe(const Run& run);

}  // namespace router::simulation
