#include "agents.hpp"

#include <utility>

namespace router {

const Learned* Agent::find_learned(QueueId queue) const {
    for (const Learned& entry : learned) {
        if (entry.queue == queue) return &entry;
    }
    return nullptr;
}

std::int64_t Agent::efficiency_ppm(QueueId queue) const {
    const Learned* entry = find_learned(queue);
    return entry == nullptr ? NEUTRAL_PPM : entry->efficiency_ppm;
}

void Agent::rewind(const Agent& start) {
    static_cast<AgentNumbers&>(*this) = start;
    engagements = start.engagements;
    if (!affinity_calls.empty() || !start.affinity_calls.empty()) affinity_calls = start.affinity_calls;
    if (!learned.empty() || !start.learned.empty()) learned = start.learned;
    if (reason != start.reason) reason = start.reason;
}

void AgentIndex::reset(std::vector<IndexedQueue> queues, std::vector<WeightGroup> groups, TimeUs idle_scale_us,
                       const std::vector<bool>& exclusive) {
    queues_ = std::move(queues);
    groups_ = std::move(groups);
    channels_ = exclusive.size();
    exclusive_ = 0;
    for (ChannelId channel = 0; channel < channels_; ++channel) exclusive_ |= exclusive[channel] << channel;
    unsettled_ = NONE;
    group_nodes_.clear();
    idle_scale_us_ = idle_scale_us;
    efficiency_bits_ = 0;
    for (const IndexedQueue& queue : queues_) efficiency_bits_ += queue.efficiency_bit != NONE;
    orders_.reset(false, efficiency_bits_);
    learned_orders_.reset(false);
    mask_.assign(orders_.mask_words(), 0);
    classes_.clear();
    sets_.clear();
    sets_each_ = groups_.size() + efficiency_bits_;
    classes_of_.clear();
    available_by_.clear();
    staffed_by_.clear();
    for (Bitset& profiles : profiles_with_) profiles.clear();
}

std::uint16_t AgentIndex::find_open_channels(const Agent& agent) const {
    std::uint16_t open = 0;
    for (ChannelId channel = 0; channel < channels_; ++channel) {
        if (exclusive(channel)) {
            if (agent.used[channel] > 0) return 0;
            if (agent.capacity[channel] > 0 && !agent.engaged()) open |= 1u << channel;
        } else if (agent.used[channel] < agent.capacity[channel]) {
            open |= 1u << channel;
        }
    }
    return open;
}

std::uint16_t AgentIndex::channels_with_capacity(const Agent& agent) const {
    std::uint16_t found = 0;
    for (ChannelId channel = 0; channel < channels_; ++channel) {
        if (agent.capacity[channel] > 0) found |= 1u << channel;
    }
    return found;
}

std::int64_t AgentIndex::in_use_ppm(const Agent& agent) const {
    std::int64_t used = 0;
    std::int64_t capacity = 0;
    for (ChannelId channel = 0; channel < channels_; ++channel) {
        if (exclusive(channel)) {
            if (agent.used[channel] > 0) return PPM;
        } else {
            used += agent.used[channel];
            capacity += agent.capacity[channel];
        }
    }
    return capacity == 0 ? 0 : used * PPM / capacity;
}

std::int64_t AgentIndex::load_ppm(const Agent& agent) const {
    const auto occupancy_ppm = static_cast<std::int64_t>(agent.occupancy_q32 * PPM >> 32);
    return (in_use_ppm(agent) + occupancy_ppm) / 2;
}

// In the registers of who inserts it.
[[gnu::always_inline]] inline OrderKey AgentIndex::key(const Agent& agent, const WeightGroup& group, std::int64_t extra) const {
    Wide total = 0;
    if (group.load > 0 || extra > 0) {
        total = Wide{idle_scale_us_} * (Wide{group.load} * (group.load > 0 ? PPM - load_ppm(agent) : 0) + extra);
    }
    if (group.idle > 0 && !agent.engaged()) total -= Wide{group.idle} * agent.idle_since_us * PPM;
    return OrderKey{-total, agent.idle_since_us, agent.sign_in_order};
}

Id AgentIndex::class_for(ProfileId profile, std::uint16_t open, bool engaged) {
    if (classes_of_.size() <= profile) classes_of_.resize(profile + 1);
    for (const Id id : classes_of_[profile]) {
        if (classes_[id].open == open && classes_[id].engaged == engaged) return id;
    }
    const Id id = static_cast<Id>(classes_.size());
    Class& entry = classes_.emplace_back();
    entry.profile = profile;
    entry.open = open;
    entry.engaged = engaged;
    sets_.resize(sets_.size() + sets_each_);
    classes_of_[profile].push_back(id);
    return id;
}

void AgentIndex::count_class(const Class& entry, int change) {
    if (available_by_.size() <= entry.profile) available_by_.resize(entry.profile + 1);
    for (ChannelId channel = 0; channel < channels_; ++channel) {
        if ((entry.open >> channel & 1) == 0) continue;
        std::uint32_t& count = available_by_[entry.profile][channel];
        count += static_cast<std::uint32_t>(change);
        if (change > 0 && count == 1) profiles_with_[channel].set(entry.profile);
        if (change < 0 && count == 0) profiles_with_[channel].reset(entry.profile);
    }
}

void AgentIndex::count_staffed(Agent& agent) {
    const bool present = agent.availability >= Availability::ready || agent.engaged();
    if (present == (agent.staffed_channels != 0)) return;
    const std::uint16_t staffed = present ? channels_with_capacity(agent) : std::uint16_t{0};
    if (staffed_by_.size() <= agent.profile) staffed_by_.resize(agent.profile + 1);
    auto& counts = staffed_by_[agent.profile];
    for (ChannelId channel = 0; channel < channels_; ++channel) {
        counts[channel] += (staffed >> channel & 1) - (agent.staffed_channels >> channel & 1);
    }
    agent.staffed_channels = staffed;
}

std::int64_t AgentIndex::staffed(ProfileId profile, ChannelId channel) const {
    return profile < staffed_by_.size() ? staffed_by_[profile][channel] : 0;
}

void AgentIndex::remove(AgentId id, Agent& agent) {
    if (agent.staffed_channels != 0) {
        for (ChannelId channel = 0; channel < channels_; ++channel) {
            staffed_by_[agent.profile][channel] -= agent.staffed_channels >> channel & 1;
        }
        agent.staffed_channels = 0;
    }
    if (unsettled_ == id) unsettled_ = NONE;
    if (agent.agent_class != NONE) erase(id, agent);
}

void AgentIndex::update(std::vector<Agent>& agents, AgentId id) {
    Agent& agent = agents[id];
    if (agent.agent_class != NONE) erase(id, agent);
    count_staffed(agent);
    if (unsettled_ != id) settle(agents);
    agent.open_channels = find_open_channels(agent);
    unsettled_ = agent.availability == Availability::ready && agent.open_channels != 0 ? id : NONE;
}

void AgentIndex::erase(AgentId id, Agent& agent) {
    Class& entry = classes_[agent.agent_class];
    ROUTER_CHECK(entry.size > 0);
    OrderForest::Set* sets = sets_.data() + agent.agent_class * sets_each_;
    const OrderForest::Node* nodes = group_nodes_.data() + id * groups_.size();
    for (const Learned& learned : agent.learned) {
        if (learned.node != NONE) learned_orders_.prefetch(learned.node);
    }
    for (std::size_t group = 0; group < groups_.size(); ++group) orders_.erase(sets[group], nodes[group]);
    if (efficiency_bits_ > 0) {
        for (Learned& learned : agent.learned) {
            if (learned.node == NONE) continue;
            learned_orders_.erase(sets[groups_.size() + queues_[learned.queue].efficiency_bit], learned.node);
            learned.node = NONE;
        }
    }
    if (--entry.size == 0) count_class(entry, -1);
    agent.agent_class = NONE;
}

void AgentIndex::insert(std::vector<Agent>& agents, AgentId id) {
    Agent& agent = agents[id];
    agent.agent_class = class_for(agent.profile, agent.open_channels, agent.engaged());
    Class& entry = classes_[agent.agent_class];
    OrderForest::Set* sets = sets_.data() + agent.agent_class * sets_each_;
    if (efficiency_bits_ > 0) {
        mask_.assign(orders_.mask_words(), 0);
        for (const Learned& learned : agent.learned) {
            const Id bit = queues_[learned.queue].efficiency_bit;
            if (bit != NONE) mask_[bit / 64] |= std::uint64_t{1} << (bit % 64);
        }
    }
    if (group_nodes_.size() < agents.size() * groups_.size()) group_nodes_.resize(agents.size() * groups_.size(), NONE);
    OrderForest::Node* nodes = group_nodes_.data() + id * groups_.size();
    for (std::size_t group = 0; group < groups_.size(); ++group) {
        nodes[group] = orders_.insert(sets[group], key(agent, groups_[group], 0), id, mask_.data());
    }
    if (efficiency_bits_ > 0) {
        for (Learned& learned : agent.learned) {
            const IndexedQueue& queue = queues_[learned.queue];
            if (queue.efficiency_bit == NONE) continue;
            const OrderKey learned_key = key(agent, groups_[queue.group], queue.efficiency_weight * learned.efficiency_ppm);
            learned.node = learned_orders_.insert(sets[groups_.size() + queue.efficiency_bit], learned_key, id);
        }
    }
    if (entry.size++ == 0) count_class(entry, 1);
}

}  // namespace router
