// Shadow mode: how long it takes an agent whom an outside ACD gives no call, though one waits, to get one.
//
// The outside world does not say who is on a break. A free agent is exposed while a call that it could serve has waited for
// DEMAND_US: calls that are being rung for a second or two say nothing. A take is the answer of a call that waited longer. The
// hazard by time since the last release, and each agent's own multiple of it, tell who is likely to be there.
#pragma once

#include <deque>
#include <unordered_map>
#include <vector>

#include "engine.hpp"
#include "hazard.hpp"
#include "name_table.hpp"

namespace router::wait {

class ReturnLag {
public:
    static constexpr TimeUs DEMAND_US = 3'000'000;

    ReturnLag() { refresh_rates(); }

    // Account for the time up to a command, in which nothing but waiting went on.
    void advance(TimeUs time_us);
    // An agent got a call.
    void took(const Engine& engine, const Event& assigned, TimeUs waited_us);
    // Follow the engine after the command: what its events named may have changed.
    void follow(const Engine& engine);
    // A downtime is no exposure: up to its begin all is accounted for, and what was free is so for that much less.
    void skip(TimeUs from_us, TimeUs length_us);
    void fade(double by);

    const Lifetime& lifetime() const { return lifetime_; }
    // Multiplies the hazard.
    double rate(AgentId agent) const;
    // Since when it is free; NEVER if it is not.
    TimeUs free_since_us(AgentId agent) const;
    double takes() const { return counts_.ends(); }
    double exposure_s() const { return counts_.exposure_s(); }

    template <class Archive>
    void archive(Archive& archive, const Engine& engine, const NameTable& names);

private:
    struct OfAgent {
        bool free = false;
        bool fresh = false;          // since it signed in, not since a release
        ProfileId profile = NONE;
        TimeUs since_us = 0;         // free
        TimeUs exposed_us = NEVER;   // exposed since, or accounted for until
        std::size_t place = 0;       // among the free
        double takes = 0, expected = 0;
    };
    struct Waiting {
        std::uint64_t order = 0;
        StageId stage = NONE;
        bool counts = false;  // has waited for DEMAND_US
    };
    // Calls of a stage that have waited long enough, and who satisfies it.
    struct Demand {
        StageId stage = NONE;
        std::uint32_t calls = 0;
        std::uint32_t counting = 0;
        Bitset profiles;
    };
    struct Coming {
        TimeUs time_us = 0;
        CallId call = NONE;
        std::uint64_t order = 0;
    };

    OfAgent& of(AgentId agent);
    Demand& demand(StageId stage);
    void add_call(const Engine& engine, CallId id, TimeUs now_us);
    void remove_call(CallId id);
    void count_call(Waiting& waiting);
    void follow_call(const Engine& engine, CallId id);
    void follow_agent(const Engine& engine, AgentId id, bool signed_in = false);
    void look_again(const Engine& engine);
    void read_profiles(const Engine& engine);
    bool wanted(ProfileId profile) const;
    void account(OfAgent& agent, TimeUs until_us);
    void expose(TimeUs time_us);
    void refresh_rates();

    HazardCounts counts_;
    Rates rates_{};       // as of the last refresh
    Lifetime lifetime_;
    double refreshed_takes_ = 0;
    std::vector<OfAgent> agents_;
    std::vector<AgentId> free_;
    std::unordered_map<CallId, Waiting> waiting_;  // for look-up only
    std::vector<Demand> demands_;
    std::deque<Coming> coming_;  // by time: calls that will have waited long enough then
    bool changed_ = false;       // what is demanded, or who satisfies it
};

}  // namespace router::wait
