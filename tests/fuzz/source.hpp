// Commands, settings and times out of the fuzzer's bytes, over small pools of names so that they collide often.
//
// Keeps one invariant: whatever the bytes are, what comes out is what the Python binding lets through.
#pragma once

#include <fuzzer/FuzzedDataProvider.h>

#include "engine.hpp"

namespace router::fuzz {

// The same command with numbers instead of the names that the engine knows.
Command by_number(Command command, const Engine& engine);

class Source {
public:
    Source(const std::uint8_t* data, std::size_t size) : bytes_(data, size) {}

    bool empty() { return bytes_.remaining_bytes() == 0; }
    std::int64_t between(std::int64_t least, std::int64_t most) { return bytes_.ConsumeIntegralInRange(least, most); }
    bool chance(int percent) { return between(0, 99) < percent; }
    template <class Value>
    Value pick(std::initializer_list<Value> values) {
        return values.begin()[between(0, static_cast<std::int64_t>(values.size()) - 1)];
    }

    Settings settings();
    // Fitting the state of the engine mostly, breaking a rule now and then.
    Command command(const Engine& engine);
    // Now, soon, at or beside the next deadline, or far away; never so far that offers come and go without end.
    TimeUs time_after(const Engine& engine);
    // Some agent, call or queue: mostly one that is there.
    std::string agent(const Engine& engine);
    std::string call(const Engine& engine);
    std::string queue(const Engine& engine);

private:
    std::string new_call(const Engine& engine);
    std::string channel(const Engine& engine);
    std::uint64_t offer(const Engine& engine);
    std::string wrapping_agent(const Engine& engine);
    TimeUs duration(TimeUs least = 0);
    Skills skills();
    Capacities capacity();
    Names agents();
    RequirementSpec requirement();
    StepSpec step(TimeUs after_us);
    TermSpec term();
    SkillAtLeast skill_term();
    QueueSettings queue_settings(const std::string& name, const Names& names);
    std::int64_t weight();
    TimeUs bound();
    template <class Value>
    std::optional<Value> maybe(int percent, Value value) {
        return chance(percent) ? std::optional<Value>(std::move(value)) : std::nullopt;
    }

    Command about_agents(const Engine& engine);
    Command about_calls(const Engine& engine);
    Command about_offers(const Engine& engine);
    Command about_settings(const Engine& engine);
    Enqueue enqueue(const Engine& engine);

    FuzzedDataProvider bytes_;
};

}  // namespace router::fuzz
