#include "text.hpp"

#include <cstddef>

namespace router {

namespace {

bool continues(unsigned char byte) { return (byte & 0xC0) == 0x80; }

// The bytes of the character at the front, which is not ASCII; 0 if it is none, or a control character.
std::size_t character(const unsigned char* at, std::size_t left) {
    const unsigned char first = at[0];
    if (first < 0xC2) return 0;
    if (first < 0xE0) return left >= 2 && continues(at[1]) && !(first == 0xC2 && at[1] < 0xA0) ? 2 : 0;
    if (first < 0xF0) {
        if (left < 3 || !continues(at[1]) || !continues(at[2])) return 0;
        if (first == 0xE0 && at[1] < 0xA0) return 0;  // more bytes than it takes
        return first == 0xED && at[1] >= 0xA0 ? 0 : 3;  // a surrogate
    }
    if (first > 0xF4 || left < 4 || !continues(at[1]) || !continues(at[2]) || !continues(at[3])) return 0;
    if (first == 0xF0 && at[1] < 0x90) return 0;
    return first == 0xF4 && at[1] >= 0x90 ? 0 : 4;  // above U+10FFFF
}

}  // namespace

bool is_unicode_text(std::string_view text) {
    const char* at = text.data();
    std::size_t left = text.size();
    while (left > 0) {
        std::size_t size = 1;
        if (left >= 8 && is_plain({at, 8})) {
            size = 8;
        } else if (const auto byte = static_cast<unsigned char>(*at); byte >= 0x80) {
            size = character(reinterpret_cast<const unsigned char*>(at), left);
            if (size == 0) return false;
        } else if (byte < 0x20 || byte == 0x7F) {
            return false;
        }
        at += size;
        left -= size;
    }
    return true;
}

}  // namespace router
