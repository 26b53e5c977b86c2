// What is called natively of whoever has the lane, or replays.
#pragma once

#include <cstdint>

namespace router::service {

struct Hooks {
    void* self = nullptr;
    std::int64_t (*now_ns)() = nullptr;   // real time
    void (*learn)(void* self) = nullptr;  // called after each command that got a number; throws nothing
};

}  // namespace router::service
