// The enumerations of router/engine/vocabulary.py, with the same numbers. A test compares the two.
#pragma once

#include <cstdint>

namespace router {

enum class Urgency : std::uint8_t { normal, important, urgent };
inline constexpr int URGENCIES = 3;
enum class Tier : std::uint8_t { urgent_overdue, urgent, overdue, important, normal };
enum class CallState : std::uint8_t { waiting, offered, assigned, completed, abandoned, refused };
enum class Availability : std::uint8_t { signed_out, not_ready, ready, closing };
enum class EngagementState : std::uint8_t { offered, assigned, wrap_up };
enum class NoAnswerAction : std::uint8_t { not_ready, keep_ready, sign_out };
enum class WrapUpMode : std::uint8_t { none, fixed, manual };
enum class AssignmentCause : std::uint8_t { accepted, automatic, forced };
enum class WithdrawalCause : std::uint8_t {
    call_abandoned,
    call_requeued,
    call_transferred,
    forced_assignment,
    agent_not_ready,
    agent_signed_out,
    call_detached,
    restarted,
};
enum class LimitCause : std::uint8_t { queue_full, wait_limit };
enum class RejectReason : std::uint8_t {
    none,
    unknown_agent,
    unknown_call,
    unknown_offer,
    unknown_queue,
    unknown_channel,
    already_signed_in,
    agent_signed_out,
    capacity_in_use,
    too_many_agents,
    duplicate_call,
    too_many_calls,
    call_finished,
    call_waiting,
    call_assigned,
    call_not_assigned,
    call_not_completed,
    already_callback,
    offer_ended,
    no_capacity,
    not_in_wrap_up,
    outcome_already_recorded,
    outcome_mismatch,
    queue_already_paused,
    queue_not_paused,
    queue_has_calls,
    channel_in_use,
    too_many_requirements,
    call_detached,
    call_not_detached,
};

enum class Obstacle : std::uint8_t {
    none,
    call_not_waiting,
    queue_paused,
    agent_signed_out,
    agent_not_ready,
    agent_closing,
    no_capacity,
    agent_busy,
    skills_lacking,
    held_for_others,
    barred,
    call_detached,
};

// The highest valid number of each enumeration that a snapshot holds.
constexpr auto last_of(Urgency) { return Urgency::urgent; }
constexpr auto last_of(Tier) { return Tier::normal; }
constexpr auto last_of(CallState) { return CallState::refused; }
constexpr auto last_of(Availability) { return Availability::closing; }
constexpr auto last_of(EngagementState) { return EngagementState::wrap_up; }
constexpr auto last_of(NoAnswerAction) { return NoAnswerAction::sign_out; }
constexpr auto last_of(WrapUpMode) { return WrapUpMode::manual; }
constexpr auto last_of(RejectReason) { return RejectReason::call_not_detached; }

inline bool is_finished(CallState state) { return state >= CallState::completed; }

}  // namespace router
