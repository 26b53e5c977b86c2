#include "keyed_hash.hpp"

#if defined(__linux__)
#include <sys/auxv.h>
#else
#include <cstdlib>
#endif

#include <bit>
#include <cstddef>
#include <cstring>

#include "text.hpp"

namespace router {

namespace {

struct Rounds {
    std::uint64_t v0, v1, v2, v3;

    explicit Rounds(const HashKey& key)
        : v0(key.low ^ 0x736f6d6570736575u),
          v1(key.high ^ 0x646f72616e646f6du),
          v2(key.low ^ 0x6c7967656e657261u),
          v3(key.high ^ 0x7465646279746573u) {}

    void round() {
        v0 += v1;
        v1 = std::rotl(v1, 13) ^ v0;
        v0 = std::rotl(v0, 32);
        v2 += v3;
        v3 = std::rotl(v3, 16) ^ v2;
        v0 += v3;
        v3 = std::rotl(v3, 21) ^ v0;
        v2 += v1;
        v1 = std::rotl(v1, 17) ^ v2;
        v2 = std::rotl(v2, 32);
    }
    void take(std::uint64_t word) {
        v3 ^= word;
        round();
        v0 ^= word;
    }
    std::uint64_t finish() {
        v2 ^= 0xff;
        round();
        round();
        round();
        return v0 ^ v1 ^ v2 ^ v3;
    }
};

constexpr std::size_t WORD = sizeof(std::uint64_t);
static_assert(std::endian::native == std::endian::little, "SipHash reads words with the least byte first");

HashKey drawn_key() {
    HashKey key;
#if defined(__linux__)
    if (const auto* bytes = reinterpret_cast<const void*>(getauxval(AT_RANDOM))) std::memcpy(&key, bytes, sizeof key);
#else
    arc4random_buf(&key, sizeof key);
#endif
    return key;
}

// Less than a word, without a copy of so many bytes: what two reads have in common comes to the same place.
std::uint64_t read_rest(const char* at, std::size_t left) {
    if (left >= 4) return read_bytes<std::uint32_t>(at) | read_bytes<std::uint32_t>(at + left - 4) << 8 * (left - 4);
    if (left == 0) return 0;
    return read_bytes<std::uint8_t>(at) | read_bytes<std::uint8_t>(at + left / 2) << 8 * (left / 2) | read_bytes<std::uint8_t>(at + left - 1) << 8 * (left - 1);
}

inline std::uint64_t hash(std::string_view text, const HashKey& key) {
    Rounds rounds(key);
    const char* at = text.data();
    const std::size_t whole = text.size() / WORD;
    for (std::size_t index = 0; index < whole; ++index, at += WORD) {
        rounds.take(read_bytes<std::uint64_t>(at));
    }
    rounds.take(read_rest(at, text.size() % WORD) | std::uint64_t{text.size()} << 56);
    return rounds.finish();
}

const HashKey PROCESS_KEY = drawn_key();

}  // namespace

std::uint64_t keyed_hash(std::string_view text, const HashKey& key) { return hash(text, key); }

std::uint64_t process_hash(std::string_view text) { return hash(text, PROCESS_KEY); }

}  // namespace router
