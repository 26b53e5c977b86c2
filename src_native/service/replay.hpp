// Replay: journalled commands through the engine again, from the bytes of the journal's records.
//
// What is not read natively, and what does not go as it went, is Python's turn: router/server/recovery/recovery.py carries it out, or
// says what is wrong with it. Of an entry whose turn that is nothing was done here.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "engine.hpp"
#include "service/followers.hpp"
#include "service/hooks.hpp"

namespace router::service {

class Replay {
public:
    Replay(Engine& engine, Followers& followers, const Hooks& hooks)
        : engine_(engine), followers_(followers), hooks_(hooks) {}

    // Take up the bytes of a router.journal.v1.Record, which must outlive it; false if it is not in the plain form.
    bool read(std::string_view record);
    std::size_t size() const { return entries_.size(); }
    std::string_view entry(std::size_t index) const { return entries_[index]; }

    // The entry at hand; `size()` at the end.
    std::size_t next = 0;
    // Carry out entries from the one at hand on, up to number `end`, until one is Python's turn. Throws what means that the
    // engine must not go on.
    void run(std::size_t end);

private:
    bool carry_out(std::string_view bytes);

    Engine& engine_;
    Followers& followers_;
    Hooks hooks_;
    std::vector<std::string_view> entries_;
};

}  // namespace router::service
