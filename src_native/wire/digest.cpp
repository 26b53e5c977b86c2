#include "wire/digest.hpp"

#include <bit>
#include <cstdint>
#include <cstring>

#include "base.hpp"

namespace router::wire {

namespace {

constexpr std::size_t BLOCK = 128;
constexpr std::size_t KEY_MAX = 64;
constexpr int ROUNDS = 12;

constexpr std::array<std::uint64_t, 8> INITIAL{
    0x6a09e667f3bcc908u, 0xbb67ae8584caa73bu, 0x3c6ef372fe94f82bu, 0xa54ff53a5f1d36f1u,
    0x510e527fade682d1u, 0x9b05688c2b3e6c1fu, 0x1f83d9abfb41bd6bu, 0x5be0cd19137e2179u};

constexpr std::uint8_t SIGMA[10][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0}};

using State = std::array<std::uint64_t, 8>;

// Little endian.
std::uint64_t word_at(const unsigned char* at) {
    std::uint64_t word = 0;
    if constexpr (std::endian::native == std::endian::little) {
        std::memcpy(&word, at, sizeof(word));
    } else {
        for (int byte = 7; byte >= 0; --byte) word = word << 8 | at[byte];
    }
    return word;
}

inline void mix(std::uint64_t& a, std::uint64_t& b, std::uint64_t& c, std::uint64_t& d, std::uint64_t x, std::uint64_t y) {
    a += b + x;
    d = std::rotr(d ^ a, 32);
    c += d;
    b = std::rotr(b ^ c, 24);
    a += b + y;
    d = std::rotr(d ^ a, 16);
    c += d;
    b = std::rotr(b ^ c, 63);
}

// Take one block in, the last one filled up with zeros; `taken` bytes have been taken with it.
void compress(State& state, const unsigned char* block, std::uint64_t taken, bool last) {
    std::uint64_t message[16], v[16];
    for (int index = 0; index < 16; ++index) message[index] = word_at(block + 8 * index);
    for (int index = 0; index < 8; ++index) {
        v[index] = state[index];
        v[index + 8] = INITIAL[index];
    }
    v[12] ^= taken;
    if (last) v[14] = ~v[14];
#pragma GCC unroll 12
    for (int round = 0; round < ROUNDS; ++round) {
        const std::uint8_t* s = SIGMA[round % 10];
        mix(v[0], v[4], v[8], v[12], message[s[0]], message[s[1]]);
        mix(v[1], v[5], v[9], v[13], message[s[2]], message[s[3]]);
        mix(v[2], v[6], v[10], v[14], message[s[4]], message[s[5]]);
        mix(v[3], v[7], v[11], v[15], message[s[6]], message[s[7]]);
        mix(v[0], v[5], v[10], v[15], message[s[8]], message[s[9]]);
        mix(v[1], v[6], v[11], v[12], message[s[10]], message[s[11]]);
        mix(v[2], v[7], v[8], v[13], message[s[12]], message[s[13]]);
        mix(v[3], v[4], v[9], v[14], message[s[14]], message[s[15]]);
    }
    for (int index = 0; index < 8; ++index) state[index] ^= v[index] ^ v[index + 8];
}

State begin(std::string_view key, bool last) {
    State state = INITIAL;
    state[0] ^= 0x01010000u | key.size() << 8 | sizeof(Digest);
    unsigned char block[BLOCK] = {};
    std::memcpy(block, key.data(), key.size());
    compress(state, block, BLOCK, last);
    return state;
}

Digest front_of(const State& state) {
    Digest made;
    for (std::size_t byte = 0; byte < made.size(); ++byte) {
        made[byte] = static_cast<char>(state[byte / 8] >> (8 * (byte % 8)));
    }
    return made;
}

}  // namespace

DigestKey::DigestKey(std::string_view key) : key_(key) {
    ROUTER_CHECK(!key.empty() && key.size() <= KEY_MAX);
    state_ = begin(key, false);
}

Digest DigestKey::digest(std::string_view content) const {
    if (content.empty()) return front_of(begin(key_, true));
    State state = state_;
    std::uint64_t taken = BLOCK;
    for (; content.size() > BLOCK; content.remove_prefix(BLOCK)) {
        compress(state, reinterpret_cast<const unsigned char*>(content.data()), taken += BLOCK, false);
    }
    unsigned char block[BLOCK] = {};
    std::memcpy(block, content.data(), content.size());
    compress(state, block, taken + content.size(), true);
    return front_of(state);
}

}  // namespace router::wire
