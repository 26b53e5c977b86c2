// The learned correction: from features at the time of an estimate, and what came of it, to a better mean, calibrated quantiles
// and an 80 % interval whose coverage is kept. All online, O(features^2) an update, fixed memory.
//
// Mean: recursive least squares on the ratio of wait to base. Quantiles: pinball steps (AdaGrad; Duchi, Hazan & Singer 2011) on
// the log of the ratio to the base's quantile, with an offset by band of the predicted mean that goes on adapting, so that each
// quantile keeps its share whatever comes (Gibbs & Candès 2021). The interval is the 5 % to 85 % pair: waits are skew, so it
// is shorter than the one from 10 % to 90 %. Two watchmen are quicker than that: one moves all quantiles where nearly all waits
// lie on one side of the median, one widens or narrows the interval where its coverage of late is off by more than chance.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "coverage.hpp"

namespace router::wait {

inline constexpr std::size_t LEVELS = 6;
inline constexpr std::array<double, LEVELS> LEVEL{0.05, 0.1, 0.5, 0.8, 0.85, 0.9};
inline constexpr std::size_t LOW_LEVEL = 0, HIGH_LEVEL = 4;  // of the interval
inline constexpr std::size_t MEDIAN_LEVEL = 2, USUAL_LEVEL = 3;
// Edges of the bands of the predicted mean.
inline constexpr std::array<double, 8> BAND_EDGES_S{4, 8, 15, 30, 60, 120, 250, 1'000};
inline constexpr std::size_t BANDS = BAND_EDGES_S.size() + 1;
// No wait is predicted to be shorter: what was answered sooner teaches nothing.
inline constexpr double QUANTILE_MIN_S = 1;
inline constexpr double MEAN_MIN_S = 1.5;
inline constexpr double WAIT_MAX_S = 366.0 * 24 * 3600;

// What a correction starts from: the futures' mean and quantiles, or, without futures, the fallback's.
struct Base {
    double mean_s = 0;
    std::array<double, LEVELS> quantile_s{};
};

struct Corrected {
    double mean_s = 0;
    std::array<double, LEVELS> quantile_s{};  // rising
    double low_s = 0, high_s = 0;
};

// All times are finite and >= 0, features finite: anything else is refused (std::invalid_argument).
class Correction {
public:
    explicit Correction(std::size_t features);
    Corrected predict(const Base& base, std::span<const double> x) const;
    // A call that was estimated so was answered after `wait_s`.
    void learn(const Base& base, std::span<const double> x, double wait_s);
    // The feature will mean something else: unlearn what hangs on it.
    void forget(std::size_t feature);
    std::int64_t answers() const { return answers_; }  // learnt from
    std::string save() const;
    void restore(const std::string& bytes);  // throws CorruptSnapshot; nothing has changed then

private:
    template <class Archive, class Self>
    static void describe(Archive& archive, Self& self);
    void check(const Base& base, std::span<const double> x) const;
    double corrected_mean(const Base& base, std::span<const double> x) const;
    double quantile_s(std::size_t level, std::size_t band, const Base& base, std::span<const double> x) const;
    void learn_mean(const Base& base, std::span<const double> x, double wait_s);
    void learn_quantiles(const Base& base, std::span<const double> x, double wait_s);
    void learn_widening(const Corrected& announced, double wait_s);
    void learn_lean(bool above_median);
    void bound_covariance();
    void reset_covariance(std::size_t feature);

    std::size_t features_;
    std::int64_t answers_ = 0;
    double held_lately_ = LEVEL[HIGH_LEVEL] - LEVEL[LOW_LEVEL];  // share of intervals
    double widening_ = 0;  // of the interval at both ends, as a log
    double lean_ = 0;  // by how much more than half the waits of late were above the median
    std::vector<double> weights_;
    std::vector<double> covariance_;  // features x features, symmetric
    struct Quantile {
        std::vector<double> weights;
        std::vector<double> squares;  // of gradients, summed
        std::array<double, BANDS> offsets{};
    };
    std::array<Quantile, LEVELS> quantiles_;
    std::array<double, BANDS> band_answers_{};
};

}  // namespace router::wait
