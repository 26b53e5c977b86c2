// The two choices, best agent for a call and best call for an agent, and the three procedures that use them.
//
// Only heads of compatible classes are weighed, plus affinity pairs one by one, plus barred candidates stepped over.
#include <algorithm>
#include <limits>

#include "engine.hpp"
#include "judges.hpp"

namespace router {

// ---- who may take what ----

bool Engine::may_take(const Agent& agent, AgentId agent_id, const Call& call, bool heed_pauses) const {
    return agent.availability == Availability::ready && may_have(agent, agent_id, call, agent.open_channels, heed_pauses);
}

// The same of an agent who is ready, with these open channels.
bool Engine::may_have(const Agent& agent, AgentId agent_id, const Call& call, std::uint16_t open, bool heed_pauses) const {
    return (open >> channels_[call.channel].index & 1) != 0 && skills_.satisfies(agent.profile, stage_of(call)) &&
           !(heed_pauses && queues_[call.queue].paused) && !call.detached && !call.bars_agent(agent_id) &&
           (!call.held() || call.prefers(agent_id));
}

// ---- the best agent for a call ----

AgentId Engine::best_agent(const Call& call, Decision* decision) const {
    if (queues_[call.queue].paused || call.detached) return NONE;
    const AgentScale scale = agent_scale(call);
    const auto score_of = [&](const AgentSeat& seat) { return seat.agent_class == nullptr ? preferred_score(seat.id, call) : scale.score(seat); };
    if (decision == nullptr) {
        WinnerJudge<AgentSeat, decltype(score_of)> judge(score_of);
        ++statistics_.decisions;
        judge_agents(call, true, judge, statistics_);
        return judge.first().id;
    }
    PodiumJudge<AgentSeat, decltype(score_of)> judge(score_of);
    Statistics counted;
    judge_agents(call, true, judge, counted);
    const AgentId winner = judge.first().id;
    const AgentId runner_up = judge.second().id;
    if (winner != NONE) {
        const CallId id = static_cast<CallId>(&call - calls_.data());
        decision->agent_was_chosen = true;
        decision->candidates = judge.considered();
        explain(*decision, id, winner, runner_up == NONE ? NONE : id, runner_up);
    }
    return winner;
}

AgentScale Engine::agent_scale(const Call& call) const {
    const auto& weights = queues_[call.queue].settings.agent_weights;
    return AgentScale{skills_, skills_.stage(stage_of(call)), weights, settings_.idle_scale_us, Wide{weights[AGENT_IDLE] * PPM} * now_us_};
}

// Of one who is weighed alone, outside the orders.
AgentScore Engine::preferred_score(AgentId id, const Call& call) const {
    const Agent& agent = agents_[id];
    return AgentScore{agent_total(call, id), agent.engaged(), agent.idle_since_us, agent.sign_in_order};
}

// Shows the judge who may win, and counts what is examined.
template <class Judge>
void Engine::judge_agents(const Call& call, bool heed_pauses, Judge& judge, Statistics& counted) const {
    const IndexedQueue& queue = agent_index_.queue(call.queue);
    const Id channel = channels_[call.channel].index;

    // One order of one class: its first member that is not barred, and the next, who may be the runner-up.
    const auto consider_order = [&](const AgentIndex::Class& entry, const OrderForest& orders, OrderForest::Node node, Id skipped_bit) {
        if (node == NONE) return;
        const auto next = [&] { node = skipped_bit == NONE ? orders.next(node) : orders.next_without(node, skipped_bit); };
        ++counted.classes;
        for (; node != NONE && call.bars_agent(orders.item(node)); next()) ++counted.barred;
        if (node == NONE) return;
        ++counted.candidates;
        const bool neutral = skipped_bit != NONE;  // those without a learned efficiency
        agents_[orders.item(node)].prefetch();  // the score is in the key, but the winner is looked at next
        judge.consider({orders.item(node), &entry, &orders.key(node), neutral});
        if constexpr (Judge::WANTS_RUNNER_UP) {
            do {
                next();
            } while (node != NONE && call.bars_agent(orders.item(node)));
            if (node != NONE) judge.consider({orders.item(node), &entry, &orders.key(node), neutral});
        }
    };
    const OrderForest& orders = agent_index_.orders();
    const auto consider_profile = [&](ProfileId profile) {
        for (const Id id : agent_index_.classes_of(profile)) {
            const AgentIndex::Class& entry = agent_index_.at(id);
            if (entry.size == 0 || (entry.open >> channel & 1) == 0) continue;
            const OrderForest::Set& everybody = agent_index_.everybody(id, queue.group);
            const Id bit = queue.efficiency_bit;
            if (bit == NONE) {
                consider_order(entry, orders, everybody.first, NONE);
            } else {
                consider_order(entry, orders, orders.first_without(everybody, bit), bit);
                consider_order(entry, agent_index_.learned_orders(), agent_index_.learned(id, bit).first, NONE);
            }
        }
    };
    if (!call.held()) {
        Bitset::for_each_common(skills_.stage(stage_of(call)).profiles, agent_index_.profiles_with(channel), consider_profile);
    }
    for (const AgentId id : call.preferred) {
        if (!may_take(agents_[id], id, call, heed_pauses)) continue;
        ++counted.affinity_pairs;
        ++counted.candidates;
        judge.consider({id, nullptr, nullptr, false});
    }
}

std::array<std::int64_t, AGENT_TERMS> Engine::agent_terms(const Call& call, AgentId agent_id) const {
    const Agent& agent = agents_[agent_id];
    const StageId stage = stage_of(call);
    std::array<std::int64_t, AGENT_TERMS> terms{};
    terms[AGENT_SKILL_FIT] = skills_.fit_ppm(agent.profile, stage);
    const TimeUs idle_us = agent.engaged() ? 0 : now_us_ - agent.idle_since_us;
    const Wide idle_ppm = Wide{idle_us} * PPM / settings_.idle_scale_us;
    terms[AGENT_IDLE] = static_cast<std::int64_t>(std::min<Wide>(idle_ppm, std::numeric_limits<std::int64_t>::max()));
    terms[AGENT_LOAD] = PPM - agent_index_.load_ppm(agent);
    terms[AGENT_EFFICIENCY] = agent.efficiency_ppm(call.queue);
    terms[AGENT_AFFINITY] = call.prefers(agent_id) ? PPM : 0;
    terms[AGENT_RESERVE] = skills_.reserve_ppm(agent.profile, stage);
    return terms;
}

// Exact: times idle_scale, so that the idle term needs no rounding.
Wide Engine::agent_total(const Call& call, AgentId agent_id) const {
    const Agent& agent = agents_[agent_id];
    const auto& weights = queues_[call.queue].settings.agent_weights;
    const auto terms = agent_terms(call, agent_id);
    Wide rounded = 0;
    for (int term = 0; term < AGENT_TERMS; ++term) {
        if (term != AGENT_IDLE) rounded += Wide{weights[term]} * terms[term];
    }
    const TimeUs idle_us = agent.engaged() ? 0 : now_us_ - agent.idle_since_us;
    return rounded * settings_.idle_scale_us + Wide{weights[AGENT_IDLE]} * idle_us * PPM;
}

// ---- the best call for an agent ----

CallId Engine::best_call(AgentId agent_id, Decision* decision) const {
    const Agent& agent = agents_[agent_id];
    if (agent.availability != Availability::ready || agent.open_channels == 0) return NONE;
    const auto score_of = [&](const CallSeat& seat) { return call_score(seat, agent_id); };
    if (decision == nullptr) {
        WinnerJudge<CallSeat, decltype(score_of)> judge(score_of);
        ++statistics_.decisions;
        judge_calls(agent_id, agent.open_channels, true, judge, statistics_);
        return judge.first().id;
    }
    PodiumJudge<CallSeat, decltype(score_of)> judge(score_of);
    Statistics counted;
    judge_calls(agent_id, agent.open_channels, true, judge, counted);
    const CallId winner = judge.first().id;
    const CallId runner_up = judge.second().id;
    if (winner != NONE) {
        decision->agent_was_chosen = false;
        decision->candidates = judge.considered();
        explain(*decision, winner, agent_id, runner_up, runner_up == NONE ? NONE : agent_id);
    }
    return winner;
}

CallScore Engine::call_score(const CallSeat& seat, AgentId agent_id) const {
    const Call& call = calls_[seat.id];
    const bool due = is_overdue(seat.tier);
    return CallScore{seat.tier, due ? due_us(call) : 0, due ? 0 : waiting_total(call, agent_id, seat.affinity),
                     call.effective_arrival_us, call.order};
}

// Shows the judge what may win for an agent with these open channels, and counts what is examined.
template <class Judge>
void Engine::judge_calls(AgentId agent_id, std::uint16_t open, bool heed_pauses, Judge& judge, Statistics& counted) const {
    const Agent& agent = agents_[agent_id];
    const OrderForest& orders = call_index_.orders();

    const auto consider_stage = [&](StageId stage) {
        for (const Id id : call_index_.classes_of(stage)) {
            const CallIndex::Class& entry = call_index_.at(id);
            if ((open >> channels_[entry.channel].index & 1) == 0) continue;
            if (heed_pauses && queues_[entry.queue].paused) continue;
            // A class of a lower tier cannot win; it is weighed only where a runner-up is wanted.
            if (!Judge::WANTS_RUNNER_UP && judge.first().id != NONE && entry.tier > judge.first().tier) continue;
            ++counted.classes;
            OrderForest::Node node = entry.calls.first;
            for (; node != NONE && calls_[orders.item(node)].bars_agent(agent_id); node = orders.next(node)) ++counted.barred;
            if (node == NONE) continue;
            ++counted.candidates;
            judge.consider({orders.item(node), entry.tier, false});
            if constexpr (Judge::WANTS_RUNNER_UP) {
                do {
                    node = orders.next(node);
                } while (node != NONE && calls_[orders.item(node)].bars_agent(agent_id));
                if (node != NONE) judge.consider({orders.item(node), entry.tier, false});
            }
        }
    };
    Bitset::for_each_common(skills_.profile(agent.profile).stages, call_index_.stages(), consider_stage);
    for (const CallId id : agent.affinity_calls) {
        if (!may_have(agent, agent_id, calls_[id], open, heed_pauses)) continue;
        ++counted.affinity_pairs;
        ++counted.candidates;
        judge.consider({id, calls_[id].tier(), true});
    }
}

std::int64_t Engine::age_ppm(const Call& call) const {
    const TimeUs wait = now_us_ - call.effective_arrival_us;
    return static_cast<std::int64_t>(std::min<Wide>(Wide{wait} * PPM / target_us(call), 10 * PPM));
}

std::int64_t Engine::deadline_ppm(const Call& call) const {
    const TimeUs wait = now_us_ - call.effective_arrival_us;
    const TimeUs half = target_us(call) / 2;
    if (wait <= half) return 0;
    return static_cast<std::int64_t>(std::min<Wide>(Wide{wait - half} * PPM / (target_us(call) - half), PPM));
}

TimeUs Engine::target_us(const Call& call) const {
    return queues_[call.queue].settings.target_us[static_cast<std::size_t>(call.urgency)];
}

std::array<std::int64_t, CALL_TERMS> Engine::call_terms(const Call& call, AgentId agent_id) const {
    const Agent& agent = agents_[agent_id];
    std::array<std::int64_t, CALL_TERMS> terms{};
    terms[CALL_PRIORITY] = call.priority * PPM / 9;
    terms[CALL_AGE] = age_ppm(call);
    terms[CALL_DEADLINE] = deadline_ppm(call);
    terms[CALL_SKILL_FIT] = skills_.best_fit_ppm(agent.profile, call.requirement);
    terms[CALL_EFFICIENCY] = agent.efficiency_ppm(call.queue);
    terms[CALL_AFFINITY] = call.prefers(agent_id) ? PPM : 0;
    return terms;
}

// The weighted sum of call_terms(), with what the caller knows already and without what weighs nothing.
std::int64_t Engine::waiting_total(const Call& call, AgentId agent_id, bool affinity) const {
    const auto& weights = queues_[call.queue].settings.call_weights;
    std::int64_t total = weights[CALL_PRIORITY] * (call.priority * PPM / 9);
    if (weights[CALL_SKILL_FIT] > 0) {
        total += weights[CALL_SKILL_FIT] * skills_.best_fit_ppm(agents_[agent_id].profile, call.requirement);
    }
    if (weights[CALL_AGE] > 0) total += weights[CALL_AGE] * age_ppm(call);
    if (weights[CALL_DEADLINE] > 0) total += weights[CALL_DEADLINE] * deadline_ppm(call);
    if (weights[CALL_EFFICIENCY] > 0) total += weights[CALL_EFFICIENCY] * agents_[agent_id].efficiency_ppm(call.queue);
    if (affinity) total += weights[CALL_AFFINITY] * PPM;
    return total;
}

// ---- what would be chosen, without the counting ----

CallId Engine::would_take(AgentId agent_id) const {
    const Agent& agent = agents_[agent_id];
    if (!agent.signed_in()) return NONE;
    const bool available = agent.availability == Availability::ready && agent.open_channels != 0;
    const std::uint16_t open = available ? agent.open_channels : agent_index_.channels_with_capacity(agent);
    const auto score_of = [&](const CallSeat& seat) { return call_score(seat, agent_id); };
    WinnerJudge<CallSeat, decltype(score_of)> judge(score_of);
    Statistics counted;
    judge_calls(agent_id, open, false, judge, counted);
    return judge.first().id;
}

AgentId Engine::would_get(CallId id) const {
    const Call& call = calls_[id];
    if (call.state != CallState::waiting || call.detached) return NONE;
    const AgentScale scale = agent_scale(call);
    const auto score_of = [&](const AgentSeat& seat) { return seat.agent_class == nullptr ? preferred_score(seat.id, call) : scale.score(seat); };
    WinnerJudge<AgentSeat, decltype(score_of)> judge(score_of);
    Statistics counted;
    judge_agents(call, false, judge, counted);
    return judge.first().id;
}

// ---- the procedures ----

void Engine::seek(CallId id) {
    if (calls_[id].state != CallState::waiting) return;
    const AgentId agent = choose_agent(id);
    if (agent == NONE) return;
    leave_waiting(id);
    present(id, agent);
}

// For a waiting call, whether it stands in its queue's line yet or not.
AgentId Engine::choose_agent(CallId id) {
    agent_index_.settle(agents_);
    const AgentId agent = best_agent(calls_[id], nullptr);
    if (agent != NONE && (tracing || calls_[id].explain)) {
        Decision decision;
        best_agent(calls_[id], &decision);
        keep(calls_[id], std::move(decision));
    }
    return agent;
}

void Engine::serve(AgentId agent, std::span<const CallId> settling) {
    for (CallId id = best_call(agent, nullptr); id != NONE; id = best_call(agent, nullptr)) {
        if (std::find(settling.begin(), settling.end(), id) != settling.end()) {
            seek(id);
            continue;
        }
        if (tracing || calls_[id].explain) {
            Decision decision;
            best_call(agent, &decision);
            keep(calls_[id], std::move(decision));
        }
        leave_waiting(id);
        present(id, agent);
    }
}

void Engine::settle(AgentId agent_id, std::span<const CallId> calls, bool refreshing) {
    if (agent_id != NONE) close_if_free(agent_id);
    if (calls.empty()) {
        if (agent_id != NONE) serve(agent_id, {});
        return;
    }
    std::vector<CallId> waiting = return_to_waiting(calls, refreshing);
    if (agent_id != NONE) serve(agent_id, waiting);
    std::erase_if(waiting, [this](CallId id) { return calls_[id].state != CallState::waiting; });
    std::sort(waiting.begin(), waiting.end(), [this](CallId a, CallId b) {
        return rank_key(calls_[a], due_us(calls_[a])) < rank_key(calls_[b], due_us(calls_[b]));
    });
    for (const CallId id : waiting) seek(id);
}

void Engine::close_if_free(AgentId id) {
    const Agent& agent = agents_[id];
    if (agent.availability != Availability::closing || agent.engaged()) return;
    set_availability(id, Availability::not_ready);
    emit_availability(id);
}

// By order. Nobody is asked to take them yet.
std::vector<CallId> Engine::return_to_waiting(std::span<const CallId> calls, bool refreshing) {
    std::vector<CallId> waiting(calls.begin(), calls.end());
    std::sort(waiting.begin(), waiting.end(), [this](CallId a, CallId b) { return calls_[a].order < calls_[b].order; });
    for (const CallId id : waiting) {
        if (refreshing) {
            refresh(id);
        } else {
            assess(calls_[id]);
        }
        enter_waiting(id);
    }
    return waiting;
}

}  // namespace router
