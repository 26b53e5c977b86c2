// Reasons: of a decision, term by term, and of an agent's not being eligible. Read only.
#include <algorithm>
#include <limits>

#include "engine.hpp"

namespace router {

namespace {

constexpr std::size_t OBSTACLES = static_cast<std::size_t>(Obstacle::call_detached);

// Idle time is uncapped, so its contribution can pass 64 bits; it is shown as the largest number then.
std::int64_t saturated(Wide value) {
    return static_cast<std::int64_t>(std::min<Wide>(value, std::numeric_limits<std::int64_t>::max()));
}

template <std::size_t SIZE>
std::vector<TermValue> term_values(const std::array<const char*, SIZE>& names, const std::array<std::int64_t, SIZE>& values,
                                   const std::array<std::int64_t, SIZE>& weights) {
    std::vector<TermValue> terms;
    for (std::size_t index = 0; index < SIZE; ++index) {
        terms.push_back({names[index], values[index], weights[index], saturated(Wide{values[index]} * weights[index])});
    }
    return terms;
}

// The term that speaks most for the winner.
std::string decisive_term(const Candidate& winner, const Candidate& loser) {
    std::string name;
    std::int64_t most = 0;
    for (std::size_t index = 0; index < winner.terms.size(); ++index) {
        const std::int64_t difference = winner.terms[index].contribution_nano - loser.terms[index].contribution_nano;
        if (name.empty() || difference > most) {
            most = difference;
            name = winner.terms[index].name;
        }
    }
    return name;
}

}  // namespace

Candidate Engine::describe_agent(const Call& call, AgentId agent_id) const {
    const Agent& agent = agents_[agent_id];
    const auto& weights = queues_[call.queue].settings.agent_weights;
    Candidate candidate{call.name, agent.name, queues_[call.queue].settings.name, call.tier(), {}, 0};
    candidate.terms = term_values(AGENT_TERM_NAMES, agent_terms(call, agent_id), weights);
    const TimeUs idle_us = agent.engaged() ? 0 : now_us_ - agent.idle_since_us;
    candidate.terms[AGENT_IDLE].contribution_nano =
        saturated(Wide{weights[AGENT_IDLE]} * idle_us * PPM / settings_.idle_scale_us);
    candidate.total_nano = saturated(agent_total(call, agent_id) / settings_.idle_scale_us);
    return candidate;
}

Candidate Engine::describe_call(const Call& call, AgentId agent_id) const {
    const auto& weights = queues_[call.queue].settings.call_weights;
    Candidate candidate{call.name, agents_[agent_id].name, queues_[call.queue].settings.name, call.tier(), {}, 0};
    candidate.terms = term_values(CALL_TERM_NAMES, call_terms(call, agent_id), weights);
    for (const TermValue& term : candidate.terms) candidate.total_nano += term.contribution_nano;
    return candidate;
}

void Engine::explain(Decision& decision, CallId winner, AgentId winning_agent, CallId runner_up, AgentId runner_up_agent) const {
    decision.time_us = now_us_;
    decision.sequence = sequence_;
    decision.offer = next_offer_;
    const Call& call = calls_[winner];
    decision.winner = decision.agent_was_chosen ? describe_agent(call, winning_agent) : describe_call(call, winning_agent);
    if (runner_up == NONE) {
        decision.decided_by = "only_candidate";
        return;
    }
    const Call& other = calls_[runner_up];
    decision.runner_up = decision.agent_was_chosen ? describe_agent(other, runner_up_agent) : describe_call(other, runner_up_agent);
    decision.decided_by = decision.agent_was_chosen ? agent_difference(call, winning_agent, runner_up_agent, decision)
                                                    : call_difference(call, other, decision);
}

std::string Engine::agent_difference(const Call& call, AgentId winner, AgentId loser, const Decision& decision) const {
    if (agent_total(call, winner) != agent_total(call, loser)) return decisive_term(decision.winner, *decision.runner_up);
    const Agent& first = agents_[winner];
    const Agent& second = agents_[loser];
    if (first.engaged() != second.engaged()) return "engaged";
    return first.idle_since_us != second.idle_since_us ? "idle_since" : "sign_in_order";
}

std::string Engine::call_difference(const Call& winner, const Call& loser, const Decision& decision) const {
    const Tier tier = winner.tier();
    if (tier != loser.tier()) return "tier";
    if (tier == Tier::overdue || tier == Tier::urgent_overdue) {
        if (due_us(winner) != due_us(loser)) return "due";
    } else if (decision.winner.total_nano != decision.runner_up->total_nano) {
        return decisive_term(decision.winner, *decision.runner_up);
    }
    return winner.effective_arrival_us != loser.effective_arrival_us ? "effective_arrival" : "order";
}

void Engine::keep(Call& call, Decision decision) {
    if (call.explain) {
        call.has_rare = true;
        if (call.decisions.size() == DECISIONS_KEPT_MAX) call.decisions.erase(call.decisions.begin());
        call.decisions.push_back(decision);
    }
    if (tracing) last_decisions_.push_back(std::move(decision));
}

// Bit n stands for obstacle n + 1.
std::uint32_t Engine::obstacle_bits(const Call& call, AgentId agent_id) const {
    const Agent& agent = agents_[agent_id];
    const bool waits = call.state == CallState::waiting;
    const Id channel = channels_[call.channel].index;
    const bool has_capacity = channel != NONE && agent.capacity[channel] > 0;
    const std::array<bool, OBSTACLES> holds{
        !waits,
        queues_[call.queue].paused,
        agent.availability == Availability::signed_out,
        agent.availability == Availability::not_ready,
        agent.availability == Availability::closing,
        !has_capacity,
        has_capacity && (agent.open_channels >> channel & 1) == 0,
        waits && !skills_.satisfies(agent.profile, stage_of(call)),
        waits && call.held() && !call.prefers(agent_id),
        call.bars_agent(agent_id),
        call.detached,
    };
    std::uint32_t bits = 0;
    for (std::size_t index = 0; index < holds.size(); ++index) bits |= std::uint32_t{holds[index]} << index;
    return bits;
}

std::vector<Obstacle> Engine::obstacles(CallId call, AgentId agent) const {
    const std::uint32_t bits = obstacle_bits(calls_[call], agent);
    std::vector<Obstacle> found;
    for (std::size_t index = 0; index < OBSTACLES; ++index) {
        if (bits >> index & 1) found.push_back(static_cast<Obstacle>(index + 1));
    }
    return found;
}

std::vector<std::pair<Obstacle, std::int64_t>> Engine::count_obstacles(CallId call) const {
    std::array<std::int64_t, OBSTACLES> counts{};
    for (AgentId id = 0; id < agents_.size(); ++id) {
        if (!agents_[id].signed_in()) continue;
        const std::uint32_t bits = obstacle_bits(calls_[call], id);
        for (std::size_t index = 0; index < counts.size(); ++index) counts[index] += bits >> index & 1;
    }
    std::vector<std::pair<Obstacle, std::int64_t>> found;
    for (std::size_t index = 0; index < counts.size(); ++index) {
        if (counts[index] > 0) found.emplace_back(static_cast<Obstacle>(index + 1), counts[index]);
    }
    return found;
}

}  // namespace router
