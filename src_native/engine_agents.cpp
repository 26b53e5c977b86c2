// Agents: signing in and out, availability, engagements, occupancy and what is learned of them.
#include <algorithm>
#include <bit>
#include <limits>

#include "engine.hpp"

namespace router {

namespace {

constexpr std::uint64_t Q32 = std::uint64_t{1} << 32;
constexpr std::int64_t AGENT_WINDOW = 256;   // counts are halved here, so that the past fades
constexpr std::int64_t QUEUE_WINDOW = 4096;

// floor(2^32 * 2^-(2^-i)) for i = 1 … 16, by repeated integer square roots of 2^31 * 2^32.
constexpr std::array<std::uint64_t, 16> decay_factors() {
    std::array<std::uint64_t, 16> factors{};
    std::uint64_t previous = Q32 / 2;
    for (std::uint64_t& factor : factors) {
        const std::uint64_t square = previous << 32;
        std::uint64_t root = 0;
        for (std::uint64_t bit = Q32; bit != 0; bit >>= 1) {
            const Wide candidate = Wide{root} + bit;
            if (candidate * candidate <= Wide{square}) root += bit;
        }
        factor = previous = root;
    }
    return factors;
}

constexpr auto FACTORS = decay_factors();
constexpr unsigned LEADING_BITS = 12;

// The product of the factors for the leading bits of a fraction, rounded down after each, from the highest bit on.
constexpr std::array<std::uint64_t, 1 << LEADING_BITS> leading_products() {
    std::array<std::uint64_t, 1 << LEADING_BITS> products{Q32};
    for (std::size_t bits = 1; bits < products.size(); ++bits) {
        const std::size_t lowest = static_cast<std::size_t>(std::countr_zero(bits));
        products[bits] = products[bits & (bits - 1)] * FACTORS[LEADING_BITS - 1 - lowest] >> 32;
    }
    return products;
}

// 2^(-elapsed / half_life) in q32: the product of the factors for the 16 bits of the fraction, rounded down after each.
std::uint64_t decay_q32(TimeUs elapsed_us, TimeUs half_life_us) {
    static constexpr auto LEADING = leading_products();
    static_assert(DURATION_US_MAX < std::numeric_limits<TimeUs>::max() / 65536);
    TimeUs halvings = 0;
    if (elapsed_us >= half_life_us) {
        halvings = elapsed_us / half_life_us;
        if (halvings > 32) return 0;
        elapsed_us %= half_life_us;
    }
    const auto fraction = static_cast<std::uint64_t>(elapsed_us * 65536 / half_life_us);
    std::uint64_t factor = LEADING[fraction >> (FACTORS.size() - LEADING_BITS)];
#pragma GCC unroll 4
    for (std::size_t index = LEADING_BITS; index < FACTORS.size(); ++index) {
        const std::uint64_t product = factor * FACTORS[index] >> 32;
        const std::uint64_t chosen = -(fraction >> (FACTORS.size() - 1 - index) & 1);  // all bits or none: no branch
        factor -= (factor - product) & chosen;
    }
    return factor >> halvings;
}

void count(std::int64_t& number, std::int64_t& sum, std::int64_t value, std::int64_t window) {
    sum += value;
    if (++number == window) {
        number /= 2;
        sum /= 2;
    }
}

// The norm's share of norm + agent: 1/2 when the agent is as good as the norm, with `prior` calls at the norm mixed in.
std::int64_t share_ppm(bool less_is_better, std::int64_t norm, std::int64_t prior, std::int64_t sum, std::int64_t number,
                       std::int64_t scale) {
    static_assert(std::max(DURATION_US_MAX, 5 * PPM) < std::numeric_limits<std::int64_t>::max() / (PRIOR_CALLS_MAX + QUEUE_WINDOW));
    const std::int64_t mean = (prior * norm + sum * scale) / (prior + number);
    if (norm + mean == 0) return NEUTRAL_PPM;
    const Wide better = less_is_better ? norm : mean;
    if (norm + mean <= std::numeric_limits<std::int64_t>::max() / PPM) {  // mostly; 64 bits divide many times faster
        return static_cast<std::int64_t>(better) * PPM / static_cast<std::int64_t>(norm + mean);
    }
    return static_cast<std::int64_t>(better * PPM / (norm + mean));
}

}  // namespace

// ---- commands ----

void Engine::handle(const SignIn& command) {
    std::array<std::uint16_t, CHANNELS_MAX> capacity{};
    if (!resolve_capacity(command.capacity, capacity)) return;
    AgentId id = resolve(command.agent);
    ROUTER_CHECK(!command.as_before || command.agent.id != NONE);
    if (command.as_before) capacity = agents_[id].capacity;
    if (id != NONE && agents_[id].signed_in()) return reject(RejectReason::already_signed_in, command.agent);
    if (id == NONE && static_cast<std::int64_t>(agents_.size()) >= settings_.agents_max) {
        return reject(RejectReason::too_many_agents, command.agent);
    }
    if (id != NONE && !capacity_suffices(agents_[id], capacity)) {
        return reject(RejectReason::capacity_in_use, command.agent);
    }
    if (id == NONE) {
        id = static_cast<AgentId>(agents_.size());
        agents_.emplace_back().name = command.agent.name;
        agents_.back().engagements.reserve(1);  // not when the first call comes
        agent_ids_.insert(NumberTable::hash_of(command.agent.name), id);
        agents_[id].profile = skills_.acquire_profile(command.skills, command.agent.name);
    } else if (!command.as_before) {
        set_profile(id, skills_.acquire_profile(command.skills, agents_[id].name));
    }
    Agent& agent = agents_[id];
    touch(agent);
    agent_index_.remove(id, agent);
    agent.capacity = capacity;
    agent.reason.clear();
    agent.sign_in_order = sequence_;
    agent.idle_since_us = now_us_;
    set_availability(id, command.ready ? Availability::ready : Availability::not_ready);
    Event& event = emit(EventKind::agent_signed_in);
    event.agent = id;
    event.code = static_cast<std::uint8_t>(agent.availability);
    settle(id, {});
}

void Engine::handle(const SignOut& command) {
    const AgentId id = resolve(command.agent);
    if (id == NONE) return reject(RejectReason::unknown_agent, command.agent);
    if (!agents_[id].signed_in()) return reject(RejectReason::agent_signed_out, command.agent);
    const std::vector<CallId> returned = take_offers_back(id, WithdrawalCause::agent_signed_out);
    sign_out(id, false);
    settle(id, returned);
}

void Engine::sign_out(AgentId id, bool no_answer) {
    Agent& agent = agents_[id];
    std::vector<std::uint64_t> wrap_ups;
    for (const Engagement& engagement : agent.engagements) {
        if (engagement.state == EngagementState::wrap_up) wrap_ups.push_back(engagement.offer);
    }
    for (const std::uint64_t offer : wrap_ups) close_wrap_up(id, offer);
    agent.reason.clear();
    set_availability(id, Availability::signed_out);
    Event& event = emit(EventKind::agent_signed_out);
    event.agent = id;
    event.flag = no_answer;
}

void Engine::handle(const SetAvailability& command) {
    const AgentId id = resolve(command.agent);
    if (id == NONE) return reject(RejectReason::unknown_agent, command.agent);
    Agent& agent = agents_[id];
    if (!agent.signed_in()) return reject(RejectReason::agent_signed_out, command.agent);
    if (command.ready) return make_ready(id, command);
    if (command.after_call && agent.engaged() && agent.availability >= Availability::ready) {
        const bool news = agent.availability != Availability::closing || agent.reason != command.reason;
        agent.reason = command.reason;
        set_availability(id, Availability::closing);
        if (news) emit_availability(id);
        return;
    }
    make_not_ready(id, command.reason);
}

void Engine::make_ready(AgentId id, const SetAvailability& command) {
    Agent& agent = agents_[id];
    if (agent.availability == Availability::ready) return;
    agent.reason = command.reason;
    if (agent.availability == Availability::not_ready) agent.idle_since_us = now_us_;
    set_availability(id, Availability::ready);
    emit_availability(id);
    settle(id, {});
}

void Engine::make_not_ready(AgentId id, const std::string& reason) {
    Agent& agent = agents_[id];
    const std::vector<CallId> returned = take_offers_back(id, WithdrawalCause::agent_not_ready);
    const bool news = agent.availability != Availability::not_ready || agent.reason != reason;
    agent.reason = reason;
    set_availability(id, Availability::not_ready);
    if (news) emit_availability(id);
    settle(id, returned);
}

void Engine::handle(const UpdateAgent& command) {
    const AgentId id = resolve(command.agent);
    if (id == NONE) return reject(RejectReason::unknown_agent, command.agent);
    if (!agents_[id].signed_in()) return reject(RejectReason::agent_signed_out, command.agent);
    std::array<std::uint16_t, CHANNELS_MAX> capacity = agents_[id].capacity;
    if (command.capacity) {
        if (!resolve_capacity(*command.capacity, capacity)) return;
        if (!capacity_suffices(agents_[id], capacity)) return reject(RejectReason::capacity_in_use, command.agent);
    }
    if (command.skills) set_profile(id, skills_.acquire_profile(*command.skills, agents_[id].name));
    Agent& agent = agents_[id];
    if (agent.capacity != capacity) {
        touch(agent);
        agent_index_.remove(id, agent);
        agent.capacity = capacity;
        agent_index_.update(agents_, id);
    }
    emit(EventKind::agent_updated).agent = id;
    settle(id, {});
}

// ---- parts of them ----

bool Engine::resolve_capacity(const Capacities& given, std::array<std::uint16_t, CHANNELS_MAX>& capacity) {
    capacity.fill(0);
    if (given.empty()) std::fill_n(capacity.begin(), agent_index_.channels(), std::uint16_t{1});
    for (const auto& [name, number] : given) {
        const ChannelId channel = find_channel(name);
        if (channel == NONE) {
            reject(RejectReason::unknown_channel, name);
            return false;
        }
        capacity[channels_[channel].index] = number;
    }
    return true;
}

bool Engine::capacity_suffices(const Agent& agent, const std::array<std::uint16_t, CHANNELS_MAX>& capacity) const {
    for (std::size_t channel = 0; channel < capacity.size(); ++channel) {
        if (agent.used[channel] > capacity[channel]) return false;
    }
    return true;
}

std::vector<CallId> Engine::take_offers_back(AgentId id, WithdrawalCause cause) {
    std::vector<CallId> calls;
    for (const Engagement& engagement : agents_[id].engagements) {
        if (engagement.state == EngagementState::offered) calls.push_back(engagement.call);
    }
    for (const CallId call : calls) withdraw(call, cause);
    return calls;
}

void Engine::emit_availability(AgentId id) {
    Event& event = emit(EventKind::agent_availability_changed);
    event.agent = id;
    event.code = static_cast<std::uint8_t>(agents_[id].availability);
    event.text = add_text(agents_[id].reason);
}

void Engine::set_availability(AgentId id, Availability availability) {
    Agent& agent = agents_[id];
    if (agent.availability != availability) {
        touch(agent);
        const int signed_in_change = static_cast<int>(availability != Availability::signed_out) - static_cast<int>(agent.signed_in());
        agent.availability = availability;
        if (signed_in_change != 0) skills_.count_signed_in(agent.profile, signed_in_change);
    }
    agent_index_.update(agents_, id);
}

// Takes over the use of the profile that the caller acquired.
void Engine::set_profile(AgentId id, ProfileId profile) {
    Agent& agent = agents_[id];
    agent_index_.remove(id, agent);
    if (agent.signed_in()) skills_.count_signed_in(agent.profile, -1);
    skills_.release_profile(agent.profile);
    agent.profile = profile;
    if (agent.signed_in()) skills_.count_signed_in(agent.profile, 1);
    agent_index_.update(agents_, id);
}

void Engine::bring_occupancy_up(Agent& agent) {
    if (agent.availability >= Availability::ready || agent.engaged()) {
        const std::uint64_t kept = decay_q32(now_us_ - agent.occupancy_at_us, settings_.occupancy_half_life_us);
        const std::uint64_t in_use_q32 = static_cast<std::uint64_t>(agent_index_.in_use_ppm(agent)) * Q32 / PPM;
        agent.occupancy_q32 = static_cast<std::uint64_t>(
            (Wide{agent.occupancy_q32} * kept + Wide{in_use_q32} * (Q32 - kept)) >> 32);
    }
    agent.occupancy_at_us = now_us_;
}

// As an assignment, by the offer number that the call has.
Engagement& Engine::add_engagement(AgentId id, const Call& call, CallId call_id) {
    Agent& agent = agents_[id];
    touch(agent);
    const Id channel = channels_[call.channel].index;
    ++agent.used[channel];
    ROUTER_CHECK(agent.used[channel] <= agent.capacity[channel]);
    ROUTER_CHECK(agent.engagements.empty() || !agent_index_.exclusive(channel));
    Engagement& engagement = agent.engagements.emplace_back();
    engagement.offer = call.offer;
    engagement.call = call_id;
    engagement.queue = call.queue;
    engagement.channel = call.channel;
    engagement.state = EngagementState::assigned;
    engagement.started_us = now_us_;
    agent_index_.update(agents_, id);
    return engagement;
}

void Engine::release(AgentId id, std::uint64_t offer, bool sets_idle) {
    Agent& agent = agents_[id];
    touch(agent);
    Engagement* engagement = agent.find_engagement(offer);
    ROUTER_CHECK(engagement != nullptr);
    timers_.cancel(engagement->timer);
    const Id channel = channels_[engagement->channel].index;
    ROUTER_CHECK(agent.used[channel] > 0);
    --agent.used[channel];
    agent.engagements.erase(agent.engagements.begin() + (engagement - agent.engagements.data()));
    if (sets_idle) agent.idle_since_us = now_us_;
    agent_index_.update(agents_, id);
}

// ---- learning ----

Learned& Engine::learned_for(Agent& agent, QueueId queue) {
    for (Learned& entry : agent.learned) {
        if (entry.queue == queue) return entry;
    }
    agent.learned.emplace_back().queue = queue;
    return agent.learned.back();
}

void Engine::learn_call(AgentId id, QueueId queue, TimeUs handle_us) {
    if (!queues_[queue].learns) return;
    Agent& agent = agents_[id];
    const bool ranks = agent_index_.queue(queue).efficiency_bit != NONE;
    if (ranks) agent_index_.remove(id, agent);
    Learned& entry = learned_for(agent, queue);
    Learned& norm = queues_[queue].learned;
    const TimeUs counted_us = std::min(handle_us, DURATION_US_MAX);  // so that no sum can overflow
    count(norm.calls, norm.handle_sum_us, counted_us, QUEUE_WINDOW);
    count(entry.calls, entry.handle_sum_us, counted_us, AGENT_WINDOW);
    entry.efficiency_ppm = efficiency(entry, norm);
    if (ranks) agent_index_.update(agents_, id);
}

void Engine::learn_outcome(AgentId id, QueueId queue, std::optional<bool> resolved,
                           std::optional<std::uint8_t> satisfaction) {
    if (!queues_[queue].learns) return;
    Agent& agent = agents_[id];
    const bool ranks = agent_index_.queue(queue).efficiency_bit != NONE;
    if (ranks) agent_index_.remove(id, agent);
    Learned& entry = learned_for(agent, queue);
    Learned& norm = queues_[queue].learned;
    if (resolved) {
        count(norm.resolutions, norm.resolved, *resolved, QUEUE_WINDOW);
        count(entry.resolutions, entry.resolved, *resolved, AGENT_WINDOW);
    }
    if (satisfaction) {
        count(norm.satisfactions, norm.satisfaction_sum, *satisfaction, QUEUE_WINDOW);
        count(entry.satisfactions, entry.satisfaction_sum, *satisfaction, AGENT_WINDOW);
    }
    entry.efficiency_ppm = efficiency(entry, norm);
    if (ranks) agent_index_.update(agents_, id);
}

std::int64_t Engine::efficiency(const Learned& agent, const Learned& norm) const {
    const EfficiencySettings& mix = settings_.efficiency;
    const std::int64_t weights = mix.handle_time + mix.resolution + mix.satisfaction;
    if (weights == 0) return NEUTRAL_PPM;
    std::int64_t handle = NEUTRAL_PPM;
    std::int64_t resolution = NEUTRAL_PPM;
    std::int64_t satisfaction = NEUTRAL_PPM;
    const std::int64_t prior = mix.prior_calls;
    if (norm.calls > 0) {
        handle = share_ppm(true, norm.handle_sum_us / norm.calls, prior, agent.handle_sum_us, agent.calls, 1);
    }
    if (norm.resolutions > 0) {
        resolution = share_ppm(false, norm.resolved * PPM / norm.resolutions, prior, agent.resolved, agent.resolutions, PPM);
    }
    if (norm.satisfactions > 0) {
        satisfaction = share_ppm(false, norm.satisfaction_sum * PPM / norm.satisfactions, prior, agent.satisfaction_sum,
                                 agent.satisfactions, PPM);
    }
    return (mix.handle_time * handle + mix.resolution * resolution + mix.satisfaction * satisfaction) / weights;
}

}  // namespace router
