// Answers and journal entries as bytes: what router/wire/results.py and router/journal/records.py write.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "events.hpp"

namespace router::wire {

// Append `header` (field 1) and `result` (field 2), which CommandResult and the responses to unary commands have in
// common. The result must be no rejection.
void write_answer(std::string& out, const Result& result, bool repeated);

// Append one `entries` field (1) of router.journal.v1.Record: the same bytes that encode_record writes for it.
struct EntryParts {
    TimeUs time_us = 0;
    std::string_view client_id;
    std::string_view request_id;
    std::string_view content;  // the digest; empty without a request id
    std::string_view actor;
    std::string_view command;  // bytes of router.v1.Command without its request id
};
void write_entry(std::string& out, const EntryParts& parts);

// Bytes of router.v1.Command for a command's own message.
void wrap_part(std::string& out, std::uint32_t field, std::string_view part);

}  // namespace router::wire
