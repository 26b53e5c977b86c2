#include "service/event_filter.hpp"

#include "wire/event_writer.hpp"

namespace router::service {

WantedNames::WantedNames(const Names& names) : any_(!names.empty()) {
    for (const std::string& name : names) {
        // the empty name is nobody's
        if (!name.empty()) names_.emplace(name, '\0');
    }
}

EventFilter::EventFilter(const Engine& engine, const Names& queues, const Names& agents, const Names& calls,
                         std::uint64_t kinds)
    : kinds_(kinds), queues_(queues), agents_(agents), calls_(calls) {
    agents_.look_up(engine.agents_known(), [&](const std::string& name) { return engine.find_agent(name); });
    learn(engine);
}

void EventFilter::learn(const Engine& engine) {
    // a queue that was removed is not found by its name, but what happened in it still has its number
    if (queues_.any()) queues_.learn(engine.queues_known(), [&](Id id) -> const std::string& { return engine.queue(id).settings.name; });
    if (agents_.any()) agents_.learn(engine.agents_known(), [&](Id id) -> const std::string& { return engine.agent(id).name; });
}

bool EventFilter::passes(const About& about, std::string_view event) const {
    if (kinds_ != 0 && !(kinds_ >> static_cast<unsigned>(about.kind) & 1)) return false;
    if (queues_.any() && !queues_.has(about.queue) && !queues_.has(about.from_queue)) return false;
    if (agents_.any() && !agents_.has(about.agent)) return false;
    return !calls_.any() || calls_.has(wire::call_of(event));
}

}  // namespace router::service
