// When an agent is there: given shifts, the staffing of its group, or always. Found one at a time, however long the run.
#pragma once

#include <cstddef>
#include <utility>

#include "scenario.hpp"

namespace router::simulation {

class Shifts {
public:
    // Of the agent with this place in its group, from 0.
    Shifts(const AgentGroup& group, std::size_t place) : group_(&group), place_(static_cast<std::int64_t>(place)) {}

    // The first shift that goes on after `after_us`, from there on at the earliest; ends are NEVER where there is none, a
    // start of NEVER is no shift. To be asked with the end of the one before. O(periods of a cycle).
    std::pair<TimeUs, TimeUs> next(TimeUs after_us);
    // After how long presence begins again as it was; 0 if it does not.
    static TimeUs cycle_us(const AgentGroup& group) {
        return group.staffing_period_us * static_cast<TimeUs>(group.staffing.size());
    }

private:
    bool present(TimeUs period) const {
        return group_->staffing[static_cast<std::size_t>(period) % group_->staffing.size()] > place_;
    }

    const AgentGroup* group_;
    std::int64_t place_;
    std::size_t next_ = 0;  // of the given shifts
};

}  // namespace router::simulation
