// An old switch in place of our routing: whoever waits goes to whoever is free and has room on the channel, whatever the
// skills. The engine's queues are paused; it is told by forced assignments.
#pragma once

#include <set>
#include <tuple>
#include <vector>

#include "engine.hpp"
#include "random.hpp"
#include "scenario.hpp"

namespace router::simulation {

class Hunter {
public:
    // The engine is configured; it must outlive the hunter.
    Hunter(const Hunting& hunting, const Engine& engine, std::uint64_t seed, std::uint64_t replication);

    // Learn what came of a command.
    void observe(const std::vector<Event>& events);
    // The next assignment, nullptr if nobody waits whom somebody free has room for. To be carried out at once.
    const Command* next();

private:
    // First come: effective arrival, then order. Longest idle: without work in hand before with, idle since, sign-in.
    using CallPlace = std::tuple<TimeUs, std::uint64_t, CallId>;
    using AgentPlace = std::tuple<bool, TimeUs, std::uint64_t, AgentId>;

    // Numbers to draw from in O(1).
    class Pool {
    public:
        void add(Id id);
        void remove(Id id);
        bool empty() const { return ids_.empty(); }
        Id draw(const Stream& stream, std::uint64_t number) const { return ids_[stream.below({number, 0}, ids_.size())]; }

    private:
        std::vector<Id> ids_;
        std::vector<std::uint32_t> places_;  // by number; NONE: not there
    };

    struct Line {
        ChannelId channel = NONE;
        bool exclusive = true;
        std::set<CallPlace> calls;
        std::set<AgentPlace> agents;
        Pool random_calls;
        Pool random_agents;

        bool empty() const { return (calls.empty() && random_calls.empty()) || (agents.empty() && random_agents.empty()); }
    };

    struct Free {
        std::uint16_t lines = 0;  // the agent stands in, by bit
        AgentPlace place;
    };

    Line& line_of(CallId call);
    void add_call(CallId call);
    void remove_call(CallId call);
    void update_agent(AgentId agent);
    bool has_room(const Agent& agent, const Line& line) const;
    CallId choose_call(const Line& line);
    AgentId choose_agent(const Line& line);

    Hunting hunting_;
    const Engine& engine_;
    Stream calls_drawn_;
    Stream agents_drawn_;
    std::uint64_t decisions_ = 0;
    std::vector<Line> lines_;  // by channel, as the settings have them
    std::vector<Free> free_;   // by agent
    std::vector<bool> waits_;  // by call
    Command assign_{Assign{}};
};

}  // namespace router::simulation
