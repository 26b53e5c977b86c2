// Text as router/wire and the binding check it: valid UTF-8 without control characters (U+0000 to U+001F, U+007F to U+009F).
#pragma once

#include <cstddef>
#include <string_view>

namespace router::wire {

inline constexpr std::size_t NAME_BYTES_MAX = 255;

// Of any length, also empty.
bool is_text(std::string_view text);
// 1 to NAME_BYTES_MAX bytes.
inline bool is_name(std::string_view text) { return !text.empty() && text.size() <= NAME_BYTES_MAX && is_text(text); }

}  // namespace router::wire
