// A hash over events that tells runs apart: over kinds, times and numbers, not over names. A call counts by its number in the
// run (1 for the first that came), so it does not matter how the engine numbers those that it remembers.
#pragma once

#include <bit>
#include <cstdint>

#include "events.hpp"

namespace router::simulation {

class EventHash {
public:
    // `call_number` 0: the event is about none.
    void add(const Event& event, std::uint64_t call_number) {
        const std::uint64_t what = std::uint64_t{event.agent} << 32 | std::uint64_t{event.code} << 16 |
                                   std::uint64_t{event.flag} << 8 | static_cast<std::uint64_t>(event.kind);
        const std::uint64_t where = std::uint64_t{event.queue} << 32 | event.from_queue;
        // Each field times an odd number of its own: fields that differ cancel out as seldom as chance has it.
        const std::uint64_t mixed = what * 0x9E3779B97F4A7C15 + where * 0xD6E8FEB86659FD93 +
                                    static_cast<std::uint64_t>(event.time_us) * 0xA0761D6478BD642F +
                                    event.offer * 0xE7037ED1A0B428DB + call_number * 0x8EBC6AF09C88C6E3 +
                                    static_cast<std::uint64_t>(event.value) * 0x589965CC75374CC3 +
                                    static_cast<std::uint64_t>(event.hold_until_us) * 0x1D8E4E27C47D124F;
        // Both halves of the product.
        const auto product = static_cast<unsigned __int128>(std::rotl(value_, 23) ^ mixed) * 0xEB44ACCAB455D165;
        value_ = static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
    }
    std::uint64_t value() const { return value_; }

private:
    std::uint64_t value_ = 0x243F6A8885A308D3;
};

}  // namespace router::simulation
