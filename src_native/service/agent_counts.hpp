// What agents do: how many are in each state, and for how long, all added up.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "service/buckets.hpp"
#include "service/follower.hpp"

namespace router::service {

// Whoever has an engagement is busy.
enum AgentState : std::uint8_t { AGENT_IDLE, AGENT_BUSY, AGENT_NOT_READY, AGENT_SIGNED_OUT, AGENT_STATES };

// Each agent is in one state at a time, and time that has been counted is never taken back. Time is engine time. O(1) per
// event; one note for each agent, and a bit for each call that the engine has room for.
class AgentCounts final : public Follower {
public:
    // Begin where the engine stands, with all times at 0. O(agents + calls).
    explicit AgentCounts(const Engine& engine);

    void observe(const Done& done) override;
    // Count the time until now; what happened before that comes too late to be told apart.
    void count_to(TimeUs time_us);

    std::uint64_t agents(std::size_t state) const { return agents_[state]; }
    Halves time_us(std::size_t state) const { return halves_of(times_us_[state]); }
    std::uint64_t wrap_ups() const { return wrap_ups_; }

private:
    struct Note {
        std::uint32_t engagements = 0;
        Availability availability{};
        bool known = false;
    };

    void take(const Event& event);
    void become(const Event& event, Availability availability);
    void begin(const Event& event);
    void end(const Event& event);
    void take_assigned(const Event& event);
    void take_away(const Event& event);
    void change(AgentState before, AgentState after, TimeUs time_us);
    static AgentState state_of(const Note& note);
    Note& at(AgentId id);

    std::vector<Note> notes_;     // by agent
    std::vector<bool> assigned_;  // by call
    std::array<std::uint64_t, AGENT_STATES> agents_{};
    std::array<Wide, AGENT_STATES> times_us_{};
    std::uint64_t wrap_ups_ = 0;
    TimeUs counted_to_us_;
};

}  // namespace router::service
