// Events as bytes of router.v1.Event: what router/wire/events.py writes.
#pragma once

#include <string>
#include <string_view>

#include "engine.hpp"

namespace router::wire {

// Append the bytes of one event of the engine's last command.
void write_event(std::string& out, const Engine& engine, const Event& event);

// Whether events of a kind name an agent, or a queue.
bool names_agent(EventKind kind);
bool names_queue(EventKind kind);
// The call that an event names, from its bytes; empty if it names none.
std::string_view call_of(std::string_view event);

}  // namespace router::wire
