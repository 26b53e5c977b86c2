// The whole-state audit: everything that must agree with everything else does. Throws InvariantViolated.
#include <algorithm>
#include <map>

#include "engine.hpp"

namespace router {

void Engine::audit() const {
    if (broken_) throw InvariantViolated("the engine stopped at an earlier fault");
    ROUTER_CHECK(agent_index_.settled());
    for (CallId id = 0; id < calls_.size(); ++id) {
        if (calls_[id].known()) audit_call(id);
    }
    for (AgentId id = 0; id < agents_.size(); ++id) audit_agent(id);
    audit_counts();
    if (resuming_.empty()) audit_at_rest();
}

void Engine::audit_call(CallId id) const {
    const Call& call = calls_[id];
    const bool waits = call.state == CallState::waiting;
    ROUTER_CHECK(call_index_.stands(id, call) == waits);
    ROUTER_CHECK((call.class_node != NONE) == (waits && !call.detached));
    ROUTER_CHECK(!call.detached || waits || call.state == CallState::assigned);
    ROUTER_CHECK(waits || (call.call_class == NONE && call.affinity_positions.empty()));
    ROUTER_CHECK((call.state == CallState::offered || call.state == CallState::assigned) == (call.offer != 0));
    ROUTER_CHECK(is_finished(call.state) == (call.finished_us != NEVER));
    ROUTER_CHECK((call.state == CallState::offered) == (offers_.find(call.offer) == id));
    for (const Bar& bar : call.bars) {
        ROUTER_CHECK(timers_.holds(bar.timer) && timers_.at(bar.timer).time_us == bar.until_us);
    }
    ROUTER_CHECK(call.has_rare || (call.affinity_positions.empty() && call.more_queues_tried.empty() &&
                                   call.attributes.empty() && call.decisions.empty()));
    if (is_finished(call.state)) {
        ROUTER_CHECK(call.bars.empty());
        return;
    }
    ROUTER_CHECK(queues_[call.queue].configured && channels_[call.channel].index != NONE);
    if (!waits) {
        const Engagement* engagement = agents_[call.agent].find_engagement(call.offer);
        ROUTER_CHECK(engagement != nullptr && engagement->call == id && engagement->queue == call.queue);
        ROUTER_CHECK(timers_.holds(engagement->timer) == (call.state == CallState::offered));
        return;
    }
    ROUTER_CHECK(call.detached || call_index_.orders().item(call.class_node) == id);
    ROUTER_CHECK((call.held() || call.detached) == (call.call_class == NONE));
    ROUTER_CHECK(!call.held() || (now_us_ < call.hold_until_us && !call.overdue && !call.preferred.empty()));
    const TimeUs due = due_us(call);
    ROUTER_CHECK(call.overdue == (due != NEVER && now_us_ >= due));
    ROUTER_CHECK(call.affinity_positions.size() == (call.detached ? 0 : call.preferred.size()));
    for (std::size_t index = 0; index < call.affinity_positions.size(); ++index) {
        ROUTER_CHECK(agents_[call.preferred[index]].affinity_calls.at(call.affinity_positions[index]) == id);
    }
    if (call.call_class == NONE) return;
    const CallIndex::Class& entry = call_index_.at(call.call_class);
    ROUTER_CHECK(entry.queue == call.queue && entry.channel == call.channel && entry.stage == stage_of(call));
    ROUTER_CHECK(entry.urgency == call.urgency && entry.priority == call.priority && entry.overdue == call.overdue);
    ROUTER_CHECK(entry.tier == call.tier());
}

void Engine::audit_agent(AgentId id) const {
    const Agent& agent = agents_[id];
    std::array<std::uint16_t, CHANNELS_MAX> used{};
    std::uint64_t last_offer = 0;
    for (const Engagement& engagement : agent.engagements) {
        ROUTER_CHECK(engagement.offer > last_offer);
        last_offer = engagement.offer;
        ROUTER_CHECK(engagement.offer < next_offer_);
        ++used[channels_[engagement.channel].index];
        ROUTER_CHECK((engagement.until_us != NEVER) == timers_.holds(engagement.timer));
    }
    ROUTER_CHECK(used == agent.used);
    for (ChannelId channel = 0; channel < agent_index_.channels(); ++channel) {
        ROUTER_CHECK(used[channel] <= agent.capacity[channel]);
        ROUTER_CHECK(used[channel] == 0 || !agent_index_.exclusive(channel) || agent.engagements.size() == 1);
    }
    const std::uint16_t open = agent.open_channels;
    ROUTER_CHECK(open == agent_index_.find_open_channels(agent));
    const bool available = agent.availability == Availability::ready && open != 0;
    ROUTER_CHECK((agent.agent_class != NONE) == available);
    ROUTER_CHECK(agent.availability != Availability::closing || agent.engaged());
    if (!available) return;
    const AgentIndex::Class& entry = agent_index_.at(agent.agent_class);
    ROUTER_CHECK(entry.profile == agent.profile && entry.open == open && entry.engaged == agent.engaged());
    for (const OrderForest::Node node : agent_index_.nodes_of(id)) ROUTER_CHECK(agent_index_.orders().item(node) == id);
}

void Engine::audit_counts() const {
    audit_requirements();
    std::int64_t live = 0;
    std::vector<std::int64_t> offered(queues_.size(), 0);
    std::vector<std::int64_t> assigned(queues_.size(), 0);
    std::vector<std::size_t> waiting(queues_.size(), 0);
    for (CallId id = 0; id < calls_.size(); ++id) {
        const Call& call = calls_[id];
        if (!call.known()) continue;
        ROUTER_CHECK(call.name.empty() || find_call(call.name) == id);
        if (is_finished(call.state)) continue;
        ++live;
        waiting[call.queue] += call.state == CallState::waiting;
        offered[call.queue] += call.state == CallState::offered;
        assigned[call.queue] += call.state == CallState::assigned;
    }
    ROUTER_CHECK(live == live_calls_);
    for (QueueId id = 0; id < queues_.size(); ++id) {
        ROUTER_CHECK(queues_[id].offered == offered[id] && queues_[id].assigned == assigned[id]);
        ROUTER_CHECK(call_index_.waiting(id) == waiting[id]);
    }
    std::int64_t signed_in = 0;
    for (const Agent& agent : agents_) signed_in += agent.signed_in();
    ROUTER_CHECK(signed_in == skills_.signed_in());
    ROUTER_CHECK(timers_.empty() || timers_.front().time_us > time_us_);
}

void Engine::audit_requirements() const {
    std::map<RequirementId, std::pair<std::uint32_t, std::uint32_t>> counted;  // uses, listings
    for (const Call& call : calls_) {
        if (call.requirement != NONE) ++counted[call.requirement].first;
    }
    for (const Queue& queue : queues_) {
        ROUTER_CHECK((queue.requirement != NONE) == queue.configured);
        if (queue.configured) ++counted[queue.requirement].second;
    }
    for (const RequirementId requirement : held_requirements_) ++counted[requirement].second;
    ROUTER_CHECK(counted.size() == skills_.requirements());
    for (const auto& [id, count] : counted) {
        const Requirement& requirement = skills_.requirement(id);
        ROUTER_CHECK(requirement.uses == count.first && requirement.listings == count.second);
    }
}

// Work conservation, asked from both sides.
void Engine::audit_at_rest() const {
    const Statistics before = statistics_;
    for (CallId id = 0; id < calls_.size(); ++id) {
        if (call_index_.stands(id, calls_[id])) ROUTER_CHECK(best_agent(calls_[id], nullptr) == NONE);
    }
    for (AgentId id = 0; id < agents_.size(); ++id) {
        if (agents_[id].agent_class != NONE) ROUTER_CHECK(best_call(id, nullptr) == NONE);
    }
    statistics_ = before;
}

}  // namespace router
