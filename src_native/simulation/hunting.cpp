// Lines of calls and of free agents, kept by the events.
#include "hunting.hpp"

namespace router::simulation {

void Hunter::Pool::add(Id id) {
    if (places_.size() <= id) places_.resize(id + 1, NONE);
    places_[id] = static_cast<std::uint32_t>(ids_.size());
    ids_.push_back(id);
}

void Hunter::Pool::remove(Id id) {
    const std::uint32_t place = places_[id];
    ids_[place] = ids_.back();
    places_[ids_[place]] = place;
    ids_.pop_back();
    places_[id] = NONE;
}

Hunter::Hunter(const Hunting& hunting, const Engine& engine, std::uint64_t seed, std::uint64_t replication)
    : hunting_(hunting),
      engine_(engine),
      calls_drawn_(seed, replication, Purpose::hunted_call, ""),
      agents_drawn_(seed, replication, Purpose::hunted_agent, "") {
    for (const ChannelSettings& channel : engine.settings().channels) {
        Line& line = lines_.emplace_back();
        line.channel = engine.find_channel(channel.name);
        line.exclusive = channel.exclusive;
    }
}

void Hunter::observe(const std::vector<Event>& events) {
    for (const Event& event : events) {
        switch (event.kind) {
            case EventKind::call_enqueued:
            case EventKind::call_requeued: add_call(event.call); break;
            case EventKind::call_abandoned:
            case EventKind::call_refused:
            case EventKind::call_assigned: remove_call(event.call); break;
            default: break;
        }
        if (event.agent != NONE) update_agent(event.agent);
    }
}

Hunter::Line& Hunter::line_of(CallId call) {
    for (Line& line : lines_) {
        if (line.channel == engine_.call(call).channel) return line;
    }
    fail_check("a call's channel is configured", __FILE__, __LINE__);
}

// A call may be gone by the end of the command that brought it: its later events follow.
void Hunter::add_call(CallId id) {
    if (waits_.size() <= id) waits_.resize(id + 1, false);
    waits_[id] = true;
    Line& line = line_of(id);
    if (hunting_.order == LineOrder::random) {
        line.random_calls.add(id);
    } else {
        const Call& call = engine_.call(id);
        line.calls.emplace(call.effective_arrival_us, call.order, id);
    }
}

void Hunter::remove_call(CallId id) {
    if (!waits_[id]) return;
    waits_[id] = false;
    Line& line = line_of(id);
    if (hunting_.order == LineOrder::random) {
        line.random_calls.remove(id);
    } else {
        const Call& call = engine_.call(id);
        line.calls.erase({call.effective_arrival_us, call.order, id});
    }
}

bool Hunter::has_room(const Agent& agent, const Line& line) const {
    const Id index = engine_.channel(line.channel).index;
    if (agent.availability != Availability::ready || agent.used[index] >= agent.capacity[index]) return false;
    if (line.exclusive) return !agent.engaged();
    for (const Line& other : lines_) {
        if (other.exclusive && agent.used[engine_.channel(other.channel).index] > 0) return false;
    }
    return true;
}

void Hunter::update_agent(AgentId id) {
    if (free_.size() <= id) free_.resize(id + 1);
    const Agent& agent = engine_.agent(id);
    Free& free = free_[id];
    const AgentPlace place{agent.engaged(), agent.idle_since_us, agent.sign_in_order, id};
    for (std::size_t bit = 0; bit < lines_.size(); ++bit) {
        Line& line = lines_[bit];
        const bool stands = (free.lines >> bit & 1) != 0;
        const bool wanted = has_room(agent, line);
        if (hunting_.agent == HuntedAgent::random) {
            if (stands && !wanted) line.random_agents.remove(id);
            if (!stands && wanted) line.random_agents.add(id);
        } else {
            if (stands) line.agents.erase(free.place);
            if (wanted) line.agents.insert(place);
        }
        free.lines = static_cast<std::uint16_t>((free.lines & ~(1u << bit)) | (wanted ? 1u << bit : 0u));
    }
    free.place = place;
}

CallId Hunter::choose_call(const Line& line) {
    switch (hunting_.order) {
        case LineOrder::first_come: return std::get<2>(*line.calls.begin());
        case LineOrder::last_come: return std::get<2>(*line.calls.rbegin());
        default: return line.random_calls.draw(calls_drawn_, decisions_);
    }
}

AgentId Hunter::choose_agent(const Line& line) {
    if (hunting_.agent == HuntedAgent::random) return line.random_agents.draw(agents_drawn_, decisions_);
    return std::get<3>(*line.agents.begin());
}

const Command* Hunter::next() {
    for (const Line& line : lines_) {
        if (line.empty()) continue;
        ++decisions_;
        Assign& assign = std::get<Assign>(assign_);
        assign.call.id = choose_call(line);
        assign.agent.id = choose_agent(line);
        return &assign_;
    }
    return nullptr;
}

}  // namespace router::simulation
