// Looking for the next shift.
#include "shifts.hpp"

#include <algorithm>

namespace router::simulation {

std::pair<TimeUs, TimeUs> Shifts::next(TimeUs after_us) {
    if (!group_->shifts.empty()) {
        for (; next_ < group_->shifts.size(); ++next_) {
            const auto [from_us, until_us] = group_->shifts[next_];
            if (until_us <= after_us) continue;
            ++next_;
            return {std::max(from_us, after_us), until_us};
        }
        return {NEVER, NEVER};
    }
    if (group_->staffing.empty()) return after_us == 0 ? std::pair{TimeUs{0}, NEVER} : std::pair{NEVER, NEVER};
    const TimeUs period_us = group_->staffing_period_us;
    const auto periods = static_cast<TimeUs>(group_->staffing.size());
    const TimeUs now = after_us / period_us;
    TimeUs first = now;
    while (first < now + periods && !present(first)) ++first;
    if (first == now + periods) return {NEVER, NEVER};
    TimeUs last = first;
    while (last < first + periods && present(last)) ++last;
    return {std::max(after_us, first * period_us), last == first + periods ? NEVER : last * period_us};
}

}  // namespace router::simulation
