// Journal entries from their bytes: those of router.journal.v1 that come in volume, in the plain form of format.hpp.
#pragma once

#include <optional>
#include <string_view>

#include "wire/command_reader.hpp"

namespace router::wire {

// The views are into the bytes that were read.
struct ReadEntry {
    TimeUs time_us = 0;
    std::string_view client_id;   // empty: nobody said one
    std::string_view request_id;  // empty: none; there is a client id and a digest otherwise
    std::string_view content;     // the digest
    std::optional<ReadCommand> read;  // nothing: Advance

    const Command& command() const;
};

// A router.journal.v1.Entry without a note, of a command that is read here or of Advance. Like commands, all others are left
// to the full reader.
std::optional<ReadEntry> read_entry(std::string_view bytes);

}  // namespace router::wire
