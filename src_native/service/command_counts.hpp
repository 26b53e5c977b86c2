// What commands come in, what becomes of them, and how long the engine takes for each.
#pragma once

#include <array>
#include <cstdint>
#include <variant>
#include <vector>

#include "service/buckets.hpp"
#include "service/follower.hpp"

namespace router::service {

enum CommandOutcome : std::uint8_t { COMMAND_DONE, COMMAND_REJECTED, COMMAND_REPEATED, COMMAND_OUTCOMES };
inline constexpr std::size_t COMMAND_KINDS = std::variant_size_v<Command>;
inline constexpr std::size_t REJECT_REASONS = static_cast<std::size_t>(last_of(RejectReason{})) + 1;

// A command counts once: as done or rejected when it is observed, or as repeated.
class CommandCounts final : public Follower {
public:
    // Bounds are nanoseconds.
    explicit CommandCounts(std::vector<std::int64_t> bounds) : durations_(bounds_of(std::move(bounds))) {}

    void observe(const Done& done) override;
    // Count a command that was answered from memory; `kind` is its place in `router::Command`.
    void repeated(std::uint8_t kind) { ++of(kind)[COMMAND_REPEATED]; }
    // Count the time that one command took inside the engine.
    void decided(std::int64_t duration_ns) { durations_.add(duration_ns); }

    std::uint64_t commands(std::size_t kind, std::size_t outcome) const { return commands_[kind][outcome]; }
    std::uint64_t rejections(std::size_t reason) const { return rejections_[reason]; }
    const Buckets& durations() const { return durations_; }

private:
    using Outcomes = std::array<std::uint64_t, COMMAND_OUTCOMES>;

    Outcomes& of(std::uint8_t kind) {
        ROUTER_CHECK(kind < COMMAND_KINDS);
        return commands_[kind];
    }

    std::array<Outcomes, COMMAND_KINDS> commands_{};
    std::array<std::uint64_t, REJECT_REASONS> rejections_{};
    Buckets durations_;
};

}  // namespace router::service
