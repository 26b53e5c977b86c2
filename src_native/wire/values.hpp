// Values that several messages have, from the field at hand of a Reader; the message is refused if it is none.
#pragma once

#include <cstdint>
#include <string>

#include "base.hpp"
#include "text.hpp"
#include "wire/format.hpp"

namespace router::wire {

// A name; also any other short text, which is left out where it is empty.
inline std::string read_name(Reader& reader) {
    const std::string_view text = reader.bytes();
    if (reader.ok() && !is_name(text)) reader.refuse();
    return reader.ok() ? std::string(text) : std::string();
}

inline std::uint64_t read_number(Reader& reader, std::uint64_t least, std::uint64_t most, bool present = false) {
    const std::uint64_t value = reader.number(present);
    return reader.ok() && value >= least && value <= most ? value : reader.refuse();
}

// A google.protobuf.Duration of 0 to DURATION_US_MAX; parts of a microsecond are cut off.
TimeUs read_duration(Reader& reader);

}  // namespace router::wire
