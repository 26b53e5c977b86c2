// Who wins among candidates: what they are worth, and the judges who compare them. For engine_match.cpp alone.
#pragma once

#include <type_traits>

#include "agents.hpp"
#include "calls.hpp"

namespace router {

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

// Both judges are shown seats, where candidates stand, and ask `score_of` what a seat is worth. The same candidate may come
// twice; its better score counts.

// Wants to know the winner only: a candidate without a rival is not even scored.
template <class Seat, class ScoreOf>
class WinnerJudge {
public:
    static constexpr bool WANTS_RUNNER_UP = false;

    explicit WinnerJudge(const ScoreOf& score_of) : score_of_(score_of) {}
    void consider(const Seat& seat) {
        if (first_.id == NONE) {
            first_ = seat;
            return;
        }
        if (!scored_) first_score_ = score_of_(first_);
        scored_ = true;
        const Score score = score_of_(seat);
        if (!score.beats(first_score_)) return;
        first_ = seat;
        first_score_ = score;
    }
    const Seat& first() const { return first_; }

private:
    using Score = std::invoke_result_t<ScoreOf, Seat>;
    const ScoreOf& score_of_;
    Seat first_;
    Score first_score_;
    bool scored_ = false;
};

// Wants to know the second best, too, and how many were considered.
template <class Seat, class ScoreOf>
class PodiumJudge {
public:
    static constexpr bool WANTS_RUNNER_UP = true;

    explicit PodiumJudge(const ScoreOf& score_of) : score_of_(score_of) {}
    void consider(const Seat& seat) {
        ++considered_;
        const auto score = score_of_(seat);
        if (first_.id == NONE || score.beats(first_score_)) {
            if (first_.id != seat.id) {
                second_ = first_;
                second_score_ = first_score_;
            }
            first_ = seat;
            first_score_ = score;
        } else if (seat.id != first_.id && (second_.id == NONE || score.beats(second_score_))) {
            second_ = seat;
            second_score_ = score;
        }
    }
    const Seat& first() const { return first_; }
    const Seat& second() const { return second_; }
    std::uint64_t considered() const { return considered_; }

private:
    using Score = std::invoke_result_t<ScoreOf, Seat>;
    const ScoreOf& score_of_;
    Seat first_;
    Seat second_;
    Score first_score_;
    Score second_score_;
    std::uint64_t considered_ = 0;
};

// An agent in an order of a class, or one who is preferred (no class).
struct AgentSeat {
    AgentId id = NONE;
    const AgentIndex::Class* agent_class = nullptr;
    const OrderKey* key = nullptr;
    bool neutral = false;  // with the efficiency of one of whom nothing is learned, which the key leaves out
};

// What agents in the orders are worth for one call: what does not depend on the seat is worked out once, and what depends on
// the profile alone once for the seats of a profile that come one after the other.
class AgentScale {
public:
    AgentScale(const SkillMatrix& skills, const Stage& stage, const std::array<std::int64_t, AGENT_TERMS>& weights, TimeUs idle_scale_us, Wide idle_now)
        : skills_(skills), stage_(stage), weights_(weights), idle_scale_us_(idle_scale_us), idle_now_(idle_now) {}

    // Of one in the orders.
    AgentScore score(const AgentSeat& seat) const {
        if (seat.agent_class->profile != profile_) weigh(seat.agent_class->profile);
        const std::int64_t base = seat.neutral ? base_ + weights_[AGENT_EFFICIENCY] * NEUTRAL_PPM : base_;
        Wide total = Wide{base} * idle_scale_us_ - seat.key->major;
        if (!seat.agent_class->engaged) total += idle_now_;
        return AgentScore{total, seat.agent_class->engaged, seat.key->middle, seat.key->minor};
    }

private:
    void weigh(ProfileId profile) const {
        profile_ = profile;
        base_ = weights_[AGENT_SKILL_FIT] * stage_.fit_ppm[profile];
        if (weights_[AGENT_RESERVE] > 0) base_ += weights_[AGENT_RESERVE] * skills_.reserve_ppm(profile, stage_);
    }

    const SkillMatrix& skills_;
    const Stage& stage_;
    const std::array<std::int64_t, AGENT_TERMS>& weights_;
    const TimeUs idle_scale_us_;
    const Wide idle_now_;  // what the present instant adds for one who is idle
    mutable ProfileId profile_ = NONE;
    mutable std::int64_t base_ = 0;
};

struct CallSeat {
    CallId id = NONE;
    Tier tier{};
    bool affinity = false;
};

inline bool is_overdue(Tier tier) { return tier == Tier::urgent_overdue || tier == Tier::overdue; }

}  // namespace router
