#include "statistics_agents.hpp"

namespace router::simulation {

AgentTimes::AgentTimes(Window window, std::vector<std::uint32_t> group_of, std::size_t groups, std::size_t slices)
    : window_(window), ids_(group_of.size(), NONE), group_of_(std::move(group_of)), slices_(window, slices),
      present_(groups), busy_(groups) {}

void AgentTimes::introduce(AgentId id, std::uint32_t agent) {
    ROUTER_CHECK(agent < ids_.size());
    if (id >= states_.size()) states_.resize(id + 1);
    if (states_[id].agent == agent) return;
    ROUTER_CHECK(states_[id].agent == NONE && ids_[agent] == NONE);
    states_[id].agent = agent;
    states_[id].since_us = window_.from_us;
    ids_[agent] = id;
}

void AgentTimes::finish() {
    for (AgentId id = 0; id < states_.size(); ++id) {
        if (states_[id].agent != NONE) state_at(id, window_.until_us);
    }
}

AgentFigures AgentTimes::figures(std::size_t agent) const {
    if (ids_[agent] == NONE) return {};  // never came
    const State& state = states_[ids_[agent]];
    AgentFigures figures = state.figures;
    figures.busy_us += static_cast<TimeUs>(state.shared_busy_ppm_us / PPM);
    return figures;
}

}  // namespace router::simulation
