#include "wire/values.hpp"

namespace router::wire {

TimeUs read_duration(Reader& reader) {
    constexpr std::uint64_t SECONDS_MAX = DURATION_US_MAX / MILLION;
    constexpr std::uint64_t NANOS_MAX = 999'999'999;
    Reader parts(reader.bytes(true));
    std::uint64_t seconds = 0, nanos = 0;
    while (const std::uint32_t field = parts.next()) {
        switch (field) {
            case 1: seconds = read_number(parts, 1, SECONDS_MAX); break;
            case 2: nanos = read_number(parts, 1, NANOS_MAX); break;
            default: parts.refuse();
        }
    }
    const auto duration_us = static_cast<TimeUs>(seconds * MILLION + nanos / 1'000);
    return parts.ok() && duration_us <= DURATION_US_MAX ? duration_us : reader.refuse();
}

}  // namespace router::wire
