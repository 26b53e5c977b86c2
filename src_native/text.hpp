// Text as names and attributes must be: valid UTF-8 without control characters (U+0000 to U+001F, U+007F to U+009F).
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "limits.hpp"

namespace router {

template <class Word>
std::uint64_t read_bytes(const char* at) {
    Word word;
    std::memcpy(&word, at, sizeof word);
    return word;
}

// Whether all of it is printable ASCII, as most text is: eight bytes at a time.
inline bool is_plain(std::string_view text) {
    constexpr std::uint64_t EACH = 0x0101010101010101, HIGH = 0x80 * EACH;
    const char* at = text.data();
    const std::size_t size = text.size();
    std::uint64_t odd = 0;
    const auto see = [&](std::uint64_t word) { odd |= (word | (word + EACH) | (word - 0x20 * EACH)) & HIGH; };
    if (size >= 8) {
        for (const char* last = at + size - 8; at < last; at += 8) see(read_bytes<std::uint64_t>(at));
        see(read_bytes<std::uint64_t>(text.data() + size - 8));  // some of them once more
    } else if (size >= 4) {
        see(read_bytes<std::uint32_t>(at) | read_bytes<std::uint32_t>(at + size - 4) << 32);
    } else {
        for (const char byte : text) odd |= static_cast<unsigned char>(byte) - 0x20u >= 0x5Fu;
    }
    return odd == 0;
}

// The same of any text.
bool is_unicode_text(std::string_view text);

// Of any length, also empty.
inline bool is_text(std::string_view text) { return is_plain(text) || is_unicode_text(text); }
// 1 to NAME_BYTES_MAX bytes.
inline bool is_name(std::string_view text) { return !text.empty() && text.size() <= NAME_BYTES_MAX && is_text(text); }

}  // namespace router
