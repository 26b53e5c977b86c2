// What was asked, in 16 bytes: keyed BLAKE2b (RFC 7693), as router.wire.commands.digest makes it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace router::wire {

using Digest = std::array<char, 16>;

// A key taken in, for any number of digests: the name of a command's message, 1 to 64 bytes.
class DigestKey {
public:
    explicit DigestKey(std::string_view key);
    // Of a message's deterministic bytes.
    Digest digest(std::string_view content) const;

private:
    std::string key_;
    std::array<std::uint64_t, 8> state_;  // after the key's own block
};

}  // namespace router::wire
