// Rejections as bytes: the google.rpc.Status that router/server/errors.py makes of one, in the words that it gives.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "events.hpp"

namespace router::wire {

// Of one reason: the message is `before`, the subject, `after`.
struct Wording {
    std::uint32_t code = 0;  // of gRPC
    std::string reason;
    std::string before;
    std::string after;
};

struct Wordings {
    std::string domain;
    std::size_t subject_bytes_max = 0;  // a longer one is not worded here
    std::vector<Wording> reasons;       // by RejectReason; the first is none
};

// Append `header` (field 1) and `error` (field 3) of a CommandResult. False where the subject has to be made fit to be shown,
// since it is long or not plain ASCII: then nothing is appended.
bool write_rejection(std::string& out, const Result& result, const Wordings& wordings);

}  // namespace router::wire
