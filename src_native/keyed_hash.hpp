// SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012), as CPython and Rust hash texts with it:
// who does not know the key cannot choose texts that hash alike.
#pragma once

#include <cstdint>
#include <string_view>

namespace router {

struct HashKey {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
};

std::uint64_t keyed_hash(std::string_view text, const HashKey& key);

// By a key that the kernel drew for this process; the same for as long as it lives, and in its children. For tables that
// nobody iterates over, since what it changes is where things lie in them, and nothing else.
std::uint64_t process_hash(std::string_view text);

}  // namespace router
