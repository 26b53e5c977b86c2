// Events as fixed-size records; the binding turns them into the classes of router/engine/events.py.
#pragma once

#include <cstdint>

#include "base.hpp"
#include "vocabulary.hpp"

namespace router {

enum class EventKind : std::uint8_t {
    command_rejected,
    agent_signed_in,
    agent_signed_out,
    agent_availability_changed,
    agent_updated,
    call_enqueued,
    call_updated,
    call_abandoned,
    call_requeued,
    call_transferred,
    call_overflowed,
    call_refused,
    call_step_reached,
    call_hold_ended,
    call_overdue,
    call_turned_into_callback,
    offer_made,
    offer_accepted,
    offer_rejected,
    offer_expired,
    offer_withdrawn,
    call_assigned,
    call_completed,
    wrap_up_started,
    wrap_up_ended,
    outcome_recorded,
    queue_paused,
    queue_resumed,
    call_moved,
    configured,
    call_detached,
    call_attached,
    restarted,
};

// Numbers stay valid until the next command. `text` and `call_text` index the texts of the command.
struct Event {
    EventKind kind{};
    std::uint8_t code = 0;     // reason, cause, action or availability, by kind
    bool flag = false;         // kept place, callback, no answer, by kind
    TimeUs time_us = 0;
    std::uint64_t sequence = 0;
    std::uint64_t offer = 0;
    CallId call = NONE;        // NONE: the name is in call_text
    AgentId agent = NONE;
    QueueId queue = NONE;
    QueueId from_queue = NONE;
    Id text = NONE;            // reason or subject
    Id call_text = NONE;
    std::int64_t value = 0;    // wait, handle time, downtime, expiry, arrival or step, by kind
    TimeUs hold_until_us = NEVER;
};

// The answer to one command, small enough to be remembered.
struct Result {
    std::uint64_t sequence = 0;
    TimeUs time_us = 0;
    RejectReason rejection = RejectReason::none;
    std::string subject;
    bool about_call = false;
    CallState call_state{};
    std::string queue;
    std::string agent;       // empty: none
    std::uint64_t offer = 0; // 0: none
};

// Work done since the engine was made; not part of its state.
struct Statistics {
    std::uint64_t commands = 0;
    std::uint64_t decisions = 0;
    std::uint64_t candidates = 0;
    std::uint64_t classes = 0;
    std::uint64_t affinity_pairs = 0;
    std::uint64_t barred = 0;
};

}  // namespace router
