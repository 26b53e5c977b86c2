// Random numbers that are a function of what they are for, and of nothing drawn before them.
//
// Philox 4x32-10: J. K. Salmon, M. A. Moraes, R. O. Dror & D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
// The key is a stream (seed, replication, purpose, name), the counter a draw of it (customer, attempt, part). So a draw
// needs no state, any number of them may be made in any order, and two scenarios that share callers share their draws.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <string_view>

#include "base.hpp"

namespace router::simulation {

// What a stream is for. Numbers are never reused: with them every result would change.
enum class Purpose : std::uint32_t {
    interval = 1,               // between arrivals
    day_factor = 2,
    customer = 3,               // which of the customers calls
    handle_time = 4,
    patience = 5,
    resolution = 6,
    satisfaction = 7,
    wrap_up = 8,
    redial_unresolved = 9,      // whether
    redial_unresolved_after = 10,
    redial_abandoned = 11,
    redial_abandoned_after = 12,
    ring = 13,
    reject = 14,                // whether
    reject_after = 15,
    no_answer = 16,             // whether
    return_after = 17,
    hunted_call = 18,
    hunted_agent = 19,
};

// One draw of a stream: of this customer, or whatever else is counted, at this attempt.
struct Draw {
    std::uint64_t number = 0;
    std::uint32_t attempt = 0;
};

using PhiloxBlock = std::array<std::uint32_t, 4>;
using PhiloxKey = std::array<std::uint32_t, 2>;

inline PhiloxBlock philox(PhiloxBlock block, PhiloxKey key) {
    constexpr std::uint64_t MULTIPLIER_0 = 0xD2511F53;
    constexpr std::uint64_t MULTIPLIER_1 = 0xCD9E8D57;
    constexpr std::uint32_t WEYL_0 = 0x9E3779B9;
    constexpr std::uint32_t WEYL_1 = 0xBB67AE85;
    const auto round = [&] {
        const std::uint64_t product_0 = MULTIPLIER_0 * block[0];
        const std::uint64_t product_1 = MULTIPLIER_1 * block[2];
        block = {static_cast<std::uint32_t>(product_1 >> 32) ^ block[1] ^ key[0], static_cast<std::uint32_t>(product_1),
                 static_cast<std::uint32_t>(product_0 >> 32) ^ block[3] ^ key[1], static_cast<std::uint32_t>(product_0)};
        key[0] += WEYL_0;
        key[1] += WEYL_1;
    };
    // ten of them, and no loop: it costs half of one
    round(), round(), round(), round(), round();
    round(), round(), round(), round(), round();
    return block;
}

// 53 bits, above 0 and below 1: 0 itself becomes half of the smallest step.
inline double open_unit(std::uint64_t bits) {
    const std::uint64_t high = bits >> 11;
    return high == 0 ? 0x1p-54 : static_cast<double>(high) * 0x1p-53;
}

// The standard normal deviate below which a share `probability` in (0, 1) lies, to about 16 digits:
// M. J. Wichura, Algorithm AS 241 (PPND16), Applied Statistics 37 (1988).
double normal_quantile(double probability);

class Stream {
public:
    struct Pair {
        std::uint64_t first;
        std::uint64_t second;
    };

    Stream() = default;
    // `name` is that of the callers or of the group of agents.
    Stream(std::uint64_t seed, std::uint64_t replication, Purpose purpose, std::string_view name);

    // 128 bits. Draws that need more of them number their parts.
    Pair bits(Draw draw, std::uint32_t part = 0) const {
        const PhiloxBlock block = philox({static_cast<std::uint32_t>(draw.number), static_cast<std::uint32_t>(draw.number >> 32),
                                          draw.attempt, part}, key_);
        return {std::uint64_t{block[1]} << 32 | block[0], std::uint64_t{block[3]} << 32 | block[2]};
    }
    double uniform(Draw draw) const { return open_unit(bits(draw).first); }
    bool chance(Draw draw, double probability) const { return uniform(draw) < probability; }
    // 0 … count − 1, each as likely but for less than count ÷ 2^64; `count` > 0.
    std::uint64_t below(Draw draw, std::uint64_t count) const {
        return static_cast<std::uint64_t>((static_cast<unsigned __int128>(bits(draw).first) * count) >> 64);
    }
    // With mean 1, by inversion.
    double exponential(Draw draw) const { return -std::log(uniform(draw)); }
    // With mean 0 and variance 1, by inversion.
    double normal(Draw draw) const { return normal_quantile(uniform(draw)); }
    PhiloxKey key() const { return key_; }

private:
    PhiloxKey key_{};
};

// Draws 0, 1, 2, … of a stream one after the other, two of them from each block.
class Sequence {
public:
    Sequence() = default;
    explicit Sequence(Stream stream) : stream_(stream) {}

    double uniform() {
        if (next_++ % 2 != 0) return open_unit(second_);
        const Stream::Pair pair = stream_.bits({next_ / 2, 0});
        second_ = pair.second;
        return open_unit(pair.first);
    }
    double exponential() { return -std::log(uniform()); }

private:
    Stream stream_;
    std::uint64_t next_ = 0;
    std::uint64_t second_ = 0;
};

// Gamma variates of one shape > 0 with scale 1 (mean = variance = shape). G. Marsaglia & W. W. Tsang, "A simple method for
// generating gamma variables", ACM TOMS 26 (2000); a shape below 1 is taken from shape + 1 times U^(1/shape).
class GammaShape {
public:
    GammaShape() = default;
    explicit GammaShape(double shape);
    double draw(const Stream& stream, Draw draw) const;

private:
    double shift_ = 0;   // d of the paper
    double slope_ = 0;   // c of the paper
    double boost_ = 0;   // 1 ÷ shape where it is below 1, else 0
};

}  // namespace router::simulation
