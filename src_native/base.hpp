// Types, limits and the always-on check that every part of the engine shares.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

namespace router {

using TimeUs = std::int64_t;  // microseconds since the epoch, or a duration in microseconds
using Wide = __int128;        // exact products of weights, terms and times
using Id = std::uint32_t;     // index of an entity in its table; never shown outside
using AgentId = Id;
using CallId = Id;
using QueueId = Id;
using ChannelId = Id;
using SkillId = Id;
using ProfileId = Id;
using StageId = Id;
using RequirementId = Id;

inline constexpr Id NONE = 0xFFFFFFFFu;
inline constexpr TimeUs NEVER = -1;
inline constexpr std::int64_t UNLIMITED = -1;
inline constexpr TimeUs TIME_US_MAX = TimeUs{1} << 61;
inline constexpr TimeUs DURATION_US_MAX = TimeUs{366} * 24 * 3600 * 1'000'000;
inline constexpr std::int64_t PPM = 1'000'000;  // a term of 1
inline constexpr std::int64_t NEUTRAL_PPM = PPM / 2;
inline constexpr std::size_t CHANNELS_MAX = 16;
inline constexpr std::size_t DECISIONS_KEPT_MAX = 8;

inline constexpr std::size_t LINE_BYTES = 64;  // of the processor's caches

// Ask for a line of memory that will be needed soon. Nothing comes of it but time.
inline void prefetch(const void* at) { __builtin_prefetch(at, 1); }

// A mark on what is dear to compare, renewed by every change: equal marks, equal contents. None: nothing there yet.
using Mark = std::shared_ptr<const char>;
inline Mark new_mark() { return std::make_shared<const char>(); }

// The engine's state contradicts itself; it must not go on.
struct InvariantViolated : std::logic_error {
    using std::logic_error::logic_error;
};

// A time below the last one.
struct TimeWentBackwards : std::invalid_argument {
    using std::invalid_argument::invalid_argument;
};

// A request id came again with other content.
struct RequestIdReused : std::invalid_argument {
    using std::invalid_argument::invalid_argument;
};

// The bytes are not a snapshot that this build can read.
struct CorruptSnapshot : std::runtime_error {
    using std::runtime_error::runtime_error;
};

[[noreturn]] inline void fail_check(const char* what, const char* file, int line) {
    throw InvariantViolated(std::string(what) + " (" + file + ":" + std::to_string(line) + ")");
}

}  // namespace router

// Checked in every build: NDEBUG does not remove it.
#define ROUTER_CHECK(condition)                                                  \
    do {                                                                         \
        if (!(condition)) [[unlikely]]                                           \
            ::router::fail_check(#condition, __FILE__, __LINE__);                \
    } while (false)
