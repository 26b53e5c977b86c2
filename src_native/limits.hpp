// How much a command, and the settings, may hold: the limits that are checked at the edge, wherever commands come from.
// Those of times and durations are in base.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

namespace router {

inline constexpr std::size_t NAME_BYTES_MAX = 255;  // of names, ids and reasons, as UTF-8
inline constexpr std::size_t DIGEST_BYTES_MIN = 8;
inline constexpr std::size_t DIGEST_BYTES_MAX = 64;

// agents
inline constexpr std::size_t SKILLS_MAX = 64;
inline constexpr std::int64_t LEVEL_MAX = 10;  // also the most important that a preference can be
inline constexpr std::int64_t CAPACITY_MAX = 1'000;

// calls
inline constexpr std::int64_t PRIORITY_MAX = 9;
inline constexpr std::size_t PREFERRED_AGENTS_MAX = 16;
inline constexpr std::size_t ATTRIBUTES_MAX = 64;
inline constexpr std::size_t ATTRIBUTES_BYTES_MAX = 16'384;  // all together, with their keys
inline constexpr std::int64_t SATISFACTION_MAX = 5;
inline constexpr std::int64_t OFFER_MAX = std::numeric_limits<std::int64_t>::max();

// requirements
inline constexpr std::size_t STEPS_MAX = 16;
inline constexpr std::size_t TERMS_MAX = 32;  // of a step, and the alternatives in a term
inline constexpr std::size_t PREFERENCES_MAX = 32;

// settings
inline constexpr std::size_t QUEUES_MAX = 100'000;
inline constexpr std::int64_t WEIGHT_MAX = 1'000'000;  // thousandths
inline constexpr std::int64_t PRIOR_CALLS_MAX = 10'000;
inline constexpr std::int64_t NUMBER_MAX = 1'000'000'000;  // of whatever is counted

}  // namespace router
