// What follows the engine: told of each command, once and in order, right after it was carried out.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine.hpp"

namespace router::service {

// One command that got a number. Its events are in `engine.events()`, what became of it in `engine.result()`.
struct Done {
    const Engine& engine;
    std::string_view client_id;  // who sent it; empty if nobody said
    std::uint8_t kind = 0;       // of command: its place in `router::Command`
};

class Follower {
public:
    virtual ~Follower() = default;
    virtual void observe(const Done& done) = 0;

protected:
    Follower() = default;
    Follower(const Follower&) = default;
    Follower& operator=(const Follower&) = default;
};

}  // namespace router::service
