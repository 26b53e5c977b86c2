// Local days and times of day, from offsets to UTC that are told: no clock and no zone data here.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "base.hpp"

namespace router::wait {

inline constexpr std::int32_t DAY_S = 86'400;
inline constexpr TimeUs SECOND_US = 1'000'000;

// Days that resemble each other: Monday to Friday, Saturday, Sunday.
enum class DayKind : std::uint8_t { workday, saturday, sunday };

class Calendar {
public:
    // Local time less UTC, from a moment on, rising; before the first and without any: 0. Throws std::invalid_argument.
    explicit Calendar(std::vector<std::pair<TimeUs, std::int32_t>> utc_offsets_s = {});

    std::int32_t offset_s(TimeUs time_us) const;
    // Local days since 1970-01-01.
    std::int64_t day(TimeUs time_us) const;
    // 0 … 86,399.
    std::int32_t second_of_day(TimeUs time_us) const;
    // The last local midnight, by the offset that rules now.
    TimeUs day_started_us(TimeUs time_us) const;
    static int weekday_of(std::int64_t day) { return static_cast<int>(((day + 3) % 7 + 7) % 7); }  // 0 is Monday
    static DayKind kind_of(int weekday) {
        return weekday == 5 ? DayKind::saturday : weekday == 6 ? DayKind::sunday : DayKind::workday;
    }

private:
    std::vector<std::pair<TimeUs, std::int32_t>> offsets_s_;
};

}  // namespace router::wait
