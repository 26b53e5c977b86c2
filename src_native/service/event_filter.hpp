// Which events a watcher wants: by queue, agent, call and kind.
//
// Names become numbers as soon as the engine knows them, so that an event is judged without looking at texts; only calls,
// whose numbers are used again, go by name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine.hpp"

namespace router::service {

// What an event is about, as far as filters ask.
struct About {
    EventKind kind{};
    QueueId queue = NONE;
    QueueId from_queue = NONE;
    AgentId agent = NONE;
};

// Names that somebody asks for, and the numbers of those of them that are known.
class WantedNames {
public:
    explicit WantedNames(const Names& names);

    bool any() const { return any_; }
    bool has(std::string_view name) const { return names_.contains(name); }
    bool has(Id id) const { return id < wanted_.size() && wanted_[id]; }
    // Learn the numbers from the last known one up to `known`. O(new ones).
    template <class NameOf>
    void learn(std::size_t known, const NameOf& name_of) {
        for (; learnt_ < known; ++learnt_) {
            if (has(name_of(static_cast<Id>(learnt_)))) add(static_cast<Id>(learnt_));
        }
    }
    // Learn all numbers up to `known` at once, from whoever finds them by name. O(names).
    template <class Find>
    void look_up(std::size_t known, const Find& find) {
        for (const auto& [name, unused] : names_) {
            if (const Id id = find(name); id != NONE) add(id);
        }
        learnt_ = known;
    }

private:
    void add(Id id) {
        if (id >= wanted_.size()) wanted_.resize(id + 1);
        wanted_[id] = true;
    }

    bool any_;  // an empty list sets no condition
    NameMap<char> names_;
    std::vector<bool> wanted_;  // by number
    std::size_t learnt_ = 0;    // numbers below it are known
};

class EventFilter {
public:
    // `kinds` has a bit for each kind that passes; 0: all.
    EventFilter(const Engine& engine, const Names& queues, const Names& agents, const Names& calls, std::uint64_t kinds);

    // Whether everything passes.
    bool empty() const { return kinds_ == 0 && !queues_.any() && !agents_.any() && !calls_.any(); }
    // Learn of agents and queues that have come meanwhile. To be called before events are judged.
    void learn(const Engine& engine);
    // Whether an event meets every condition; `event` are its bytes.
    bool passes(const About& about, std::string_view event) const;

private:
    std::uint64_t kinds_;
    WantedNames queues_;
    WantedNames agents_;
    WantedNames calls_;
};

}  // namespace router::service
