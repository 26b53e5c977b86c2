#include "calendar.hpp"

#include <algorithm>
#include <stdexcept>

namespace router::wait {

namespace {

TimeUs floor_div(TimeUs value, TimeUs by) { return value / by - (value % by < 0 ? 1 : 0); }

}  // namespace

Calendar::Calendar(std::vector<std::pair<TimeUs, std::int32_t>> utc_offsets_s) : offsets_s_(std::move(utc_offsets_s)) {
    const auto later = [](const auto& a, const auto& b) { return a.first >= b.first; };
    if (std::adjacent_find(offsets_s_.begin(), offsets_s_.end(), later) != offsets_s_.end()) {
        throw std::invalid_argument("offsets to UTC need rising times");
    }
    const auto absurd = [](const auto& offset) { return offset.second <= -DAY_S || offset.second >= DAY_S; };
    if (std::any_of(offsets_s_.begin(), offsets_s_.end(), absurd)) {
        throw std::invalid_argument("an offset to UTC must be less than a day, in seconds");
    }
}

std::int32_t Calendar::offset_s(TimeUs time_us) const {
    const auto after = std::upper_bound(offsets_s_.begin(), offsets_s_.end(), time_us,
                                        [](TimeUs time, const auto& offset) { return time < offset.first; });
    return after == offsets_s_.begin() ? 0 : std::prev(after)->second;
}

std::int64_t Calendar::day(TimeUs time_us) const {
    return floor_div(time_us + offset_s(time_us) * SECOND_US, DAY_S * SECOND_US);
}

std::int32_t Calendar::second_of_day(TimeUs time_us) const {
    const TimeUs local_us = time_us + offset_s(time_us) * SECOND_US;
    return static_cast<std::int32_t>(floor_div(local_us - day(time_us) * DAY_S * SECOND_US, SECOND_US));
}

TimeUs Calendar::day_started_us(TimeUs time_us) const {
    return day(time_us) * DAY_S * SECOND_US - offset_s(time_us) * SECOND_US;
}

}  // namespace router::wait
