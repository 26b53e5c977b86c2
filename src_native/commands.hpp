// Commands as the engine takes them: checked for form at the edge, names still as text. See router/engine/commands.py.
//
// Who runs the engine natively may give numbers instead of names: see Ref.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "settings.hpp"

namespace router {

using Skills = std::vector<std::pair<std::string, std::uint8_t>>;
using Capacities = std::vector<std::pair<std::string, std::uint16_t>>;  // empty: one on every channel
using Attributes = std::vector<std::pair<std::string, std::string>>;    // sorted by key
using Names = std::vector<std::string>;

// What a command is about: by its name, or by the number that the engine gave it, which wins where it is set. A number
// that the engine never gave is a bug of the caller and stops the engine. The numbers of agents, queues and channels stay
// theirs for good. A call's number is unknown once the call is forgotten, and then free for another call.
template <class Kind>
struct Ref {
    std::string name;
    Id id = NONE;

    Ref() = default;
    Ref(std::string by_name) : name(std::move(by_name)) {}
    Ref(const char* by_name) : name(by_name) {}
    static Ref number(Id id) {
        Ref ref;
        ref.id = id;
        return ref;
    }
    bool empty() const { return id == NONE && name.empty(); }
};
using AgentRef = Ref<struct AgentKind>;
using CallRef = Ref<struct CallKind>;
using QueueRef = Ref<struct QueueKind>;
using ChannelRef = Ref<struct ChannelKind>;

// A requirement given by a command: as it is, or by the number that Engine::hold_requirement() gave, which wins.
struct RequirementRef {
    std::optional<RequirementSpec> spec;
    RequirementId id = NONE;

    RequirementRef() = default;
    RequirementRef(RequirementSpec given) : spec(std::move(given)) {}
    bool has_value() const { return id != NONE || spec.has_value(); }
};

struct SignIn {
    AgentRef agent;
    Skills skills;
    Capacities capacity;
    bool ready = true;
    bool as_before = false;  // natively, for an agent by number: with the skills and capacity that it had last
};
struct SignOut {
    AgentRef agent;
};
struct SetAvailability {
    AgentRef agent;
    bool ready = true;
    std::string reason;
    bool after_call = false;
};
struct UpdateAgent {
    AgentRef agent;
    std::optional<Skills> skills;
    std::optional<Capacities> capacity;
};
struct Enqueue {
    std::string call;  // empty, natively only: a call without a name, which its number alone can tell
    QueueRef queue;
    ChannelRef channel;
    RequirementRef requirement;
    Urgency urgency = Urgency::normal;
    std::uint8_t priority = 0;
    Names preferred_agents;
    std::optional<TimeUs> hold_us;
    TimeUs credited_wait_us = 0;
    std::string customer;
    Attributes attributes;
    bool callback = false;
    bool explain = false;
};
struct UpdateCall {
    CallRef call;
    std::optional<Urgency> urgency;
    std::optional<std::uint8_t> priority;
    RequirementRef requirement;
    std::optional<Names> preferred_agents;
    std::optional<Attributes> attributes;
};
struct Cancel {
    CallRef call;
    std::string reason;
};
struct Requeue {
    CallRef call;
    bool keep_place = true;
    std::string reason;
};
struct Transfer {
    CallRef call;
    QueueRef queue;
    bool keep_place = true;
    RequirementRef requirement;
    std::optional<Names> preferred_agents;
    std::optional<TimeUs> hold_us;
};
struct Assign {
    CallRef call;
    AgentRef agent;
};
struct TurnIntoCallback {
    CallRef call;
};
struct Accept {
    std::uint64_t offer = 0;
};
struct Reject {
    std::uint64_t offer = 0;
    std::string reason;
};
struct Complete {
    CallRef call;
};
struct EndWrapUp {
    AgentRef agent;
    std::string call;         // empty: the oldest
    std::uint64_t offer = 0;  // natively: the offer that led to it, which wins over the call; 0: none given
};
struct RecordOutcome {
    CallRef call;
    std::optional<bool> resolved;
    std::optional<std::uint8_t> satisfaction;
    AgentRef agent;
    QueueRef queue;
};
struct Configure {
    Settings settings;
    std::vector<std::pair<std::string, std::string>> moves;
};
struct PauseQueue {
    QueueRef queue;
};
struct ResumeQueue {
    QueueRef queue;
};
struct Detach {
    CallRef call;
};
struct Attach {
    CallRef call;
};
struct Restart {};
struct Advance {};

using Command = std::variant<SignIn, SignOut, SetAvailability, UpdateAgent, Enqueue, UpdateCall, Cancel, Requeue,
                             Transfer, Assign, TurnIntoCallback, Accept, Reject, Complete, EndWrapUp, RecordOutcome,
                             Configure, PauseQueue, ResumeQueue, Detach, Attach, Restart, Advance>;

}  // namespace router
