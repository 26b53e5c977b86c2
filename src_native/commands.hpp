// Commands as the engine takes them: checked for form at the edge, names still as text. See router/engine/commands.py.
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

struct SignIn {
    std::string agent;
    Skills skills;
    Capacities capacity;
    bool ready = true;
};
struct SignOut {
    std::string agent;
};
struct SetAvailability {
    std::string agent;
    bool ready = true;
    std::string reason;
    bool after_call = false;
};
struct UpdateAgent {
    std::string agent;
    std::optional<Skills> skills;
    std::optional<Capacities> capacity;
};
struct Enqueue {
    std::string call;
    std::string queue;
    std::string channel;
    std::optional<RequirementSpec> requirement;
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
    std::string call;
    std::optional<Urgency> urgency;
    std::optional<std::uint8_t> priority;
    std::optional<RequirementSpec> requirement;
    std::optional<Names> preferred_agents;
    std::optional<Attributes> attributes;
};
struct Cancel {
    std::string call;
    std::string reason;
};
struct Requeue {
    std::string call;
    bool keep_place = true;
    std::string reason;
};
struct Transfer {
    std::string call;
    std::string queue;
    bool keep_place = true;
    std::optional<RequirementSpec> requirement;
    std::optional<Names> preferred_agents;
    std::optional<TimeUs> hold_us;
};
struct Assign {
    std::string call;
    std::string agent;
};
struct TurnIntoCallback {
    std::string call;
};
struct Accept {
    std::uint64_t offer = 0;
};
struct Reject {
    std::uint64_t offer = 0;
    std::string reason;
};
struct Complete {
    std::string call;
};
struct EndWrapUp {
    std::string agent;
    std::string call;  // empty: the oldest
};
struct RecordOutcome {
    std::string call;
    std::optional<bool> resolved;
    std::optional<std::uint8_t> satisfaction;
    std::string agent;
    std::string queue;
};
struct Configure {
    Settings settings;
    std::vector<std::pair<std::string, std::string>> moves;
};
struct PauseQueue {
    std::string queue;
};
struct ResumeQueue {
    std::string queue;
};
struct Detach {
    std::string call;
};
struct Attach {
    std::string call;
};
struct Restart {};
struct Advance {};

using Command = std::variant<SignIn, SignOut, SetAvailability, UpdateAgent, Enqueue, UpdateCall, Cancel, Requeue,
                             Transfer, Assign, TurnIntoCallback, Accept, Reject, Complete, EndWrapUp, RecordOutcome,
                             Configure, PauseQueue, ResumeQueue, Detach, Attach, Restart, Advance>;

}  // namespace router
