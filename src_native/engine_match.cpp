// The two choices, best agent for a call and best call for an agent, and the three procedures that use them.
//
// Only heads of compatible classes are weighed, plus affinity pairs one by one, plus barred candidates stepped over.
#include <algorithm>
#include <limits>

#include "engine.hpp"

namespace router {

namespace {

struct AgentScore {
    Wide total = 0;
    bool engaged = false;
    TimeUs idle_since_us = 0;
    std::uint64_t sign_in_order = 0;

    bool beats(const AgentScore& other) const {
        if (total != other.total) return total > other.total;
        if (engaged != other.engaged) return !engaged;
        if (idle_since_us != other.idle_since_us) return idle_since_us < other.idle_since_us;
        return sign_in_order < other.sign_in_order;
    }
};

struct CallScore {
    Tier tier{};
    TimeUs due_us = 0;        // in the overdue tiers, else 0
    std::int64_t total = 0;   // in the others, else 0
    TimeUs effective_arrival_us = 0;
    std::uint64_t order = 0;

    bool beats(const CallScore& other) const {
        if (tier != other.tier) return tier < other.tier;
        if (due_us != other.due_us) return due_us < other.due_us;
        if (total != other.total) return total > other.total;
        if (effective_arrival_us != other.effective_arrival_us) return effective_arrival_us < other.effective_arrival_us;
        return order < other.order;
    }
};

// The best candidate so far, and the second best. The same one may come twice; its better score counts.
template <class Score>
class Podium {
public:
    void consider(Id id, const Score& score) {
        ++considered_;
        if (first_ == NONE || score.beats(first_score_)) {
            if (first_ != id) {
                second_ = first_;
                second_score_ = first_score_;
            }
            first_ = id;
            first_score_ = score;
        } else if (id != first_ && (second_ == NONE || score.beats(second_score_))) {
            second_ = id;
            second_score_ = score;
        }
    }
    Id first() const { return first_; }
    Id second() const { return second_; }
    const Score& best() const { return first_score_; }
    std::uint64_t considered() const { return considered_; }

private:
    Id first_ = NONE;
    Id second_ = NONE;
    Score first_score_;
    Score second_score_;
    std::uint64_t considered_ = 0;
};

bool is_overdue(Tier tier) { return tier == Tier::urgent_overdue || tier == Tier::overdue; }

}  // namespace

// ---- who may take what ----

bool Engine::may_take(const Agent& agent, AgentId agent_id, const Call& call) const {
    return agent.availability == Availability::ready &&
           (agent_index_.open_channels(agent) >> channels_[call.channel].index & 1) != 0 &&
           skills_.satisfies(agent.profile, stage_of(call)) && !queues_[call.queue].paused && !call.detached &&
           !call.bars_agent(agent_id) && (!call.held() || call.prefers(agent_id));
}

// ---- the best agent for a call ----

AgentId Engine::best_agent(const Call& call, Decision* decision) const {
    if (queues_[call.queue].paused || call.detached) return NONE;
    const auto& weights = queues_[call.queue].settings.agent_weights;
    const IndexedQueue& queue = agent_index_.queue(call.queue);
    const OrderForest& orders = agent_index_.orders();
    const Wide scale = settings_.idle_scale_us;
    const Wide idle_now = Wide{weights[AGENT_IDLE]} * now_us_ * PPM;
    const StageId stage = stage_of(call);
    const Id channel = channels_[call.channel].index;
    Podium<AgentScore> podium;
    Statistics counted;

    const auto consider_member = [&](const AgentIndex::Class& entry, OrderForest::Node node, Wide base) {
        const OrderKey& key = orders.key(node);
        const Wide total = base - key.major + (entry.engaged ? 0 : idle_now);
        podium.consider(orders.item(node), {total, entry.engaged, key.middle, key.minor});
    };
    // One order of one class: its first member that is not barred.
    const auto consider_order = [&](const AgentIndex::Class& entry, OrderForest::Node node, Id skipped_bit, Wide base) {
        if (node == NONE) return;
        ++counted.classes;
        while (node != NONE && call.bars_agent(orders.item(node))) {
            ++counted.barred;
            node = skipped_bit == NONE ? orders.next(node) : orders.next_without(node, skipped_bit);
        }
        if (node == NONE) return;
        ++counted.candidates;
        consider_member(entry, node, base);
        if (decision == nullptr) return;
        // The runner-up may stand right behind the winner.
        do {
            node = skipped_bit == NONE ? orders.next(node) : orders.next_without(node, skipped_bit);
        } while (node != NONE && call.bars_agent(orders.item(node)));
        if (node != NONE) consider_member(entry, node, base);
    };
    const auto consider_profile = [&](ProfileId profile) {
        const std::int64_t fit = skills_.fit_ppm(profile, stage);
        const std::int64_t reserve = weights[AGENT_RESERVE] == 0 ? 0 : skills_.reserve_ppm(profile, stage);
        const Wide base = scale * (Wide{weights[AGENT_SKILL_FIT]} * fit + Wide{weights[AGENT_RESERVE]} * reserve);
        const Wide neutral = scale * weights[AGENT_EFFICIENCY] * NEUTRAL_PPM;
        for (const Id id : agent_index_.classes_of(profile)) {
            const AgentIndex::Class& entry = agent_index_.at(id);
            if (entry.size == 0 || (entry.open >> channel & 1) == 0) continue;
            const OrderForest::Root everybody = entry.groups[queue.group];
            const Id bit = queue.efficiency_bit;
            if (bit == NONE) {
                consider_order(entry, orders.first(everybody), NONE, base);
            } else {
                consider_order(entry, orders.first_without(everybody, bit), bit, base + neutral);
                consider_order(entry, orders.first(entry.learned[bit]), NONE, base);
            }
        }
    };
    if (!call.held()) {
        Bitset::for_each_common(skills_.stage(stage).profiles, agent_index_.profiles_with(channel), consider_profile);
    }
    for (const AgentId id : call.preferred) {
        const Agent& agent = agents_[id];
        if (!may_take(agent, id, call)) continue;
        ++counted.affinity_pairs;
        ++counted.candidates;
        podium.consider(id, {agent_total(call, id), agent.engaged(), agent.idle_since_us, agent.sign_in_order});
    }

    if (decision == nullptr) {
        count_decision(counted);
    } else if (podium.first() != NONE) {
        const CallId id = static_cast<CallId>(&call - calls_.data());
        decision->agent_was_chosen = true;
        decision->candidates = podium.considered();
        explain(*decision, id, podium.first(), podium.second() == NONE ? NONE : id, podium.second());
    }
    return podium.first();
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
    if (agent.availability != Availability::ready) return NONE;
    const std::uint16_t open = agent_index_.open_channels(agent);
    if (open == 0) return NONE;
    const OrderForest& orders = call_index_.orders();
    Podium<CallScore> podium;
    Statistics counted;

    const auto score = [&](const Call& call, std::int64_t fit, bool affinity) {
        const Tier tier = call.tier();
        const bool due = is_overdue(tier);
        return CallScore{tier, due ? due_us(call) : 0, due ? 0 : waiting_total(call, agent_id, fit, affinity),
                         call.effective_arrival_us, call.order};
    };
    const auto consider_stage = [&](StageId stage) {
        std::int64_t fit = -1;
        for (const Id id : call_index_.classes_of(stage)) {
            const CallIndex::Class& entry = call_index_.at(id);
            if ((open >> channels_[entry.channel].index & 1) == 0 || queues_[entry.queue].paused) continue;
            // A class of a lower tier cannot win; it is weighed only where a runner-up is wanted.
            if (decision == nullptr && podium.first() != NONE && entry.tier > podium.best().tier) continue;
            ++counted.classes;
            OrderForest::Node node = orders.first(entry.root);
            while (node != NONE && calls_[orders.item(node)].bars_agent(agent_id)) {
                ++counted.barred;
                node = orders.next(node);
            }
            if (node == NONE) continue;
            ++counted.candidates;
            if (fit < 0) fit = skills_.best_fit_ppm(agent.profile, skills_.stage(stage).requirement);
            podium.consider(orders.item(node), score(calls_[orders.item(node)], fit, false));
            if (decision == nullptr) continue;
            // The runner-up may stand right behind the winner.
            do {
                node = orders.next(node);
            } while (node != NONE && calls_[orders.item(node)].bars_agent(agent_id));
            if (node != NONE) podium.consider(orders.item(node), score(calls_[orders.item(node)], fit, false));
        }
    };
    Bitset::for_each_common(skills_.profile(agent.profile).stages, call_index_.stages(), consider_stage);
    for (const CallId id : agent.affinity_calls) {
        const Call& call = calls_[id];
        if (!may_take(agent, agent_id, call)) continue;
        ++counted.affinity_pairs;
        ++counted.candidates;
        podium.consider(id, score(call, skills_.best_fit_ppm(agent.profile, call.requirement), true));
    }

    if (decision == nullptr) {
        count_decision(counted);
    } else if (podium.first() != NONE) {
        decision->agent_was_chosen = false;
        decision->candidates = podium.considered();
        explain(*decision, podium.first(), agent_id, podium.second(), podium.second() == NONE ? NONE : agent_id);
    }
    return podium.first();
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
std::int64_t Engine::waiting_total(const Call& call, AgentId agent_id, std::int64_t fit_ppm, bool affinity) const {
    const auto& weights = queues_[call.queue].settings.call_weights;
    std::int64_t total = weights[CALL_PRIORITY] * (call.priority * PPM / 9) + weights[CALL_SKILL_FIT] * fit_ppm;
    if (weights[CALL_AGE] > 0) total += weights[CALL_AGE] * age_ppm(call);
    if (weights[CALL_DEADLINE] > 0) total += weights[CALL_DEADLINE] * deadline_ppm(call);
    if (weights[CALL_EFFICIENCY] > 0) total += weights[CALL_EFFICIENCY] * agents_[agent_id].efficiency_ppm(call.queue);
    if (affinity) total += weights[CALL_AFFINITY] * PPM;
    return total;
}

void Engine::count_decision(const Statistics& counted) const {
    ++statistics_.decisions;
    statistics_.candidates += counted.candidates;
    statistics_.classes += counted.classes;
    statistics_.affinity_pairs += counted.affinity_pairs;
    statistics_.barred += counted.barred;
}

// ---- the procedures ----

void Engine::seek(CallId id) {
    if (calls_[id].state != CallState::waiting) return;
    const AgentId agent = best_agent(calls_[id], nullptr);
    if (agent == NONE) return;
    if (tracing || calls_[id].explain) {
        Decision decision;
        best_agent(calls_[id], &decision);
        keep(calls_[id], std::move(decision));
    }
    present(id, agent);
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
        present(id, agent);
    }
}

void Engine::settle(AgentId agent_id, std::span<const CallId> calls, bool refreshing) {
    if (agent_id != NONE) close_if_free(agent_id);
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
