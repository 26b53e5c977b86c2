// Agents: what is known of each, and the orders in which the available ones stand.
#pragma once

#include <array>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bitset.hpp"
#include "order_forest.hpp"
#include "settings.hpp"
#include "symbols.hpp"
#include "timer_queue.hpp"

namespace router {

struct Engagement {
    std::uint64_t offer = 0;
    CallId call = NONE;      // NONE in wrap-up: the call may be forgotten before the wrap-up ends
    Id call_text = NONE;     // its name, in wrap-up only: see Engine::call_name()
    QueueId queue = NONE;
    ChannelId channel = NONE;
    EngagementState state{};
    TimeUs started_us = 0;
    TimeUs until_us = NEVER;
    TimerQueue::Handle timer = NONE;
};

// One line of memory's size.
struct Learned {
    QueueId queue = NONE;
    OrderForest::Node node = NONE;  // in the order of those with a learned value for the queue
    std::int64_t efficiency_ppm = NEUTRAL_PPM;
    std::int64_t calls = 0;
    std::int64_t handle_sum_us = 0;
    std::int64_t resolutions = 0;
    std::int64_t resolved = 0;
    std::int64_t satisfactions = 0;
    std::int64_t satisfaction_sum = 0;
};

// What of an agent is plain numbers.
struct AgentNumbers {
    Availability availability = Availability::signed_out;
    std::uint16_t open_channels = 0;    // free for one more call if the agent is ready; kept by AgentIndex
    std::uint16_t staffed_channels = 0; // as counted by AgentIndex
    ProfileId profile = NONE;
    Id agent_class = NONE;              // kept by AgentIndex
    TimeUs idle_since_us = 0;
    std::uint64_t occupancy_q32 = 0;
    TimeUs occupancy_at_us = 0;
    std::uint64_t sign_in_order = 0;
    std::array<std::uint16_t, CHANNELS_MAX> used{};
    std::array<std::uint16_t, CHANNELS_MAX> capacity{};
};

// Laid out so that being given a call touches its first three lines of memory only.
struct alignas(LINE_BYTES) Agent : AgentNumbers {
    std::vector<Engagement> engagements;  // by offer number
    std::vector<Learned> learned;
    std::string name;
    std::vector<CallId> affinity_calls;   // waiting calls that prefer this agent, in no particular order
    std::string reason;

    bool engaged() const { return !engagements.empty(); }
    bool signed_in() const { return availability != Availability::signed_out; }
    const Engagement* find_engagement(std::uint64_t offer) const {
        for (const Engagement& engagement : engagements) {
            if (engagement.offer == offer) return &engagement;
        }
        return nullptr;
    }
    Engagement* find_engagement(std::uint64_t offer) {
        return const_cast<Engagement*>(std::as_const(*this).find_engagement(offer));
    }
    const Learned* find_learned(QueueId queue) const;
    std::int64_t efficiency_ppm(QueueId queue) const;
    // What being given a call begins with, and where it finds what was learned.
    void prefetch() const {
        router::prefetch(this);
        router::prefetch(&learned);
    }
    // As it was at the start, in memory that is there; the name stays.
    void rewind(const Agent& start);
};

// What the index must know of the settings.
struct IndexedQueue {
    Id group = 0;             // of queues with the same idle and load weights
    Id efficiency_bit = NONE; // its own number if efficiency weighs in it
    std::int64_t efficiency_weight = 0;
};

struct WeightGroup {
    std::int64_t idle = 0;
    std::int64_t load = 0;
};

// Available agents by class (profile, open channels, engaged or not), each class ordered so that the best
// agent for any call of a queue is the first one, whatever the time.
class AgentIndex {
public:
    struct Class {
        ProfileId profile = NONE;
        std::uint16_t open = 0;
        bool engaged = false;
        std::uint32_t size = 0;
    };

    // Forget all members; from here on, orders are kept for these queues and groups. O(everything).
    void reset(std::vector<IndexedQueue> queues, std::vector<WeightGroup> groups, TimeUs idle_scale_us,
               const std::vector<bool>& exclusive);

    // Take the agent out of where it stands, to be put where it belongs now (nowhere if it is not available) by the next
    // settle(): mostly an agent who becomes available gets a call at once and need not stand anywhere. O(log n) per order.
    void update(std::vector<Agent>& agents, AgentId id);
    // Take it out, so that its profile, capacity or what was learned may change; it is put back by update().
    void remove(AgentId id, Agent& agent);
    // Whoever updated an agent calls it before the orders are read.
    void settle(std::vector<Agent>& agents) {
        if (unsettled_ != NONE) insert(agents, std::exchange(unsettled_, NONE));
    }
    bool settled() const { return unsettled_ == NONE; }
    // In the orders of the agent's class.
    std::span<const OrderForest::Node> nodes_of(AgentId id) const {
        return {group_nodes_.data() + id * groups_.size(), groups_.size()};
    }

    std::uint16_t find_open_channels(const Agent& agent) const;
    std::uint16_t channels_with_capacity(const Agent& agent) const;
    std::int64_t in_use_ppm(const Agent& agent) const;
    std::int64_t load_ppm(const Agent& agent) const;
    bool exclusive(ChannelId channel) const { return exclusive_ >> channel & 1; }
    std::size_t channels() const { return channels_; }

    const Bitset& profiles_with(ChannelId channel) const { return profiles_with_[channel]; }
    const std::vector<Id>& classes_of(ProfileId profile) const { return classes_of_[profile]; }
    const Class& at(Id agent_class) const { return classes_[agent_class]; }
    // Everybody of a class, by weight group, among orders().
    const OrderForest::Set& everybody(Id agent_class, Id group) const { return sets_[agent_class * sets_each_ + group]; }
    // Of a class those with a learned value, by efficiency bit, among learned_orders().
    const OrderForest::Set& learned(Id agent_class, Id bit) const { return sets_[agent_class * sets_each_ + groups_.size() + bit]; }
    const OrderForest& orders() const { return orders_; }
    const OrderForest& learned_orders() const { return learned_orders_; }
    const IndexedQueue& queue(QueueId queue) const { return queues_[queue]; }

    // Agents ready, closing or engaged with this profile and any capacity on the channel.
    std::int64_t staffed(ProfileId profile, ChannelId channel) const;
    // Idle-independent part of the score for a weight group, and the whole key.
    OrderKey key(const Agent& agent, const WeightGroup& group, std::int64_t extra) const;

private:
    Id class_for(ProfileId profile, std::uint16_t open, bool engaged);
    void insert(std::vector<Agent>& agents, AgentId id);
    void erase(AgentId id, Agent& agent);
    void count_class(const Class& entry, int change);
    void count_staffed(Agent& agent);

    std::vector<IndexedQueue> queues_;
    std::vector<WeightGroup> groups_;
    std::size_t channels_ = 0;
    std::uint16_t exclusive_ = 0;  // a bit per channel
    AgentId unsettled_ = NONE;
    TimeUs idle_scale_us_ = 1;
    std::size_t efficiency_bits_ = 0;
    std::vector<std::uint64_t> mask_;  // scratch

    OrderForest orders_;          // of everybody, with the efficiency bits of each as a mask
    OrderForest learned_orders_;  // without masks
    std::vector<OrderForest::Node> group_nodes_;  // by agent and group
    std::vector<Class> classes_;
    std::vector<OrderForest::Set> sets_;  // of each class first by weight group, then by efficiency bit
    std::size_t sets_each_ = 0;
    std::vector<std::vector<Id>> classes_of_;                              // by profile
    std::vector<std::array<std::uint32_t, CHANNELS_MAX>> available_by_;    // by profile: classes with somebody and the channel open
    std::vector<std::array<std::int64_t, CHANNELS_MAX>> staffed_by_;       // by profile
    std::array<Bitset, CHANNELS_MAX> profiles_with_;
};

}  // namespace router
