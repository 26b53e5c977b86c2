#include "correction.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "bits.hpp"

namespace router::wait {

namespace {

constexpr double RIDGE = 1'000;       // strong, for waits come in bursts: a day of answers is not worth its number
constexpr double REMEMBERED = 0.99999;  // of an answer, by the next one
constexpr double WEIGHT_SCALE_S = 50;   // a call whose base is this weighs 1 in the least squares
constexpr double WEIGHT_MAX_S = 14'400;
constexpr double EXCESS_MAX = 4;        // of wait over base, as a ratio: what is more counts as this
constexpr double RATIO_MIN = 0.3, RATIO_MAX = 3;
constexpr double LOG_RATIO_MAX = 2;
constexpr double STEP = 0.005;
constexpr double SQUARES_BEFORE = 1'000;  // of gradients: the first answers move a quantile no more than later ones
constexpr double OFFSET_STEP = 0.2;       // by 1 / sqrt(answers of the band), but at least
constexpr double OFFSET_STEP_MIN = 0.002;
constexpr double ANSWERS_BEFORE = 1'000;  // as if a band had seen so many
constexpr double OFFSET_MAX = 5;
constexpr double SPREAD_USUAL = 1.5;  // log of the ratio of the interval's ends; a base that knows better takes smaller steps
constexpr double SPREAD_MIN = 0.05;
constexpr double INTERVAL = LEVEL[HIGH_LEVEL] - LEVEL[LOW_LEVEL];
constexpr double HELD_ANSWERS = 1'000;  // over about so many coverage is watched
constexpr double HELD_SLACK = 0.02;
constexpr double WIDENING_STEP = 0.004;
constexpr double WIDENING_KEPT = 0.9995;
constexpr double WIDENING_MAX = 2;
constexpr double LEAN_ANSWERS = 100;  // over about so many the share of waits above the median is watched
constexpr double LEAN_MAX = 0.45;     // further than this from a half is no chance
constexpr double LEAN_STEP = 0.02;
constexpr double ANSWERS_AFTER_LEAN = 100;  // offsets then adapt as if they had seen no more

double dot(std::span<const double> a, const std::vector<double>& b) {
    double sum = 0;
    for (std::size_t index = 0; index < a.size(); ++index) sum += a[index] * b[index];
    return sum;
}

std::size_t band_of(double mean_s) {
    return static_cast<std::size_t>(std::upper_bound(BAND_EDGES_S.begin(), BAND_EDGES_S.end(), mean_s) - BAND_EDGES_S.begin());
}

// Relative to what is usual.
double spread_of(const Base& base) {
    const double low_s = std::max(base.quantile_s[LOW_LEVEL], QUANTILE_MIN_S);
    const double high_s = std::max(base.quantile_s[HIGH_LEVEL], low_s);
    return std::clamp(std::log(high_s / low_s) / SPREAD_USUAL, SPREAD_MIN, 1.0);
}

bool is_time(double value_s) {
    return std::isfinite(value_s) && value_s >= 0;
}

}  // namespace

Correction::Correction(std::size_t features) : features_(features), weights_(features), covariance_(features * features) {
    band_answers_.fill(ANSWERS_BEFORE);
    for (std::size_t j = 0; j < features; ++j) covariance_[j * features + j] = 1 / RIDGE;
    for (Quantile& quantile : quantiles_) {
        quantile.weights.assign(features, 0);
        quantile.squares.assign(features, SQUARES_BEFORE);
    }
}

void Correction::check(const Base& base, std::span<const double> x) const {
    if (x.size() != features_) throw std::invalid_argument("the number of features must stay the same");
    for (const double value : x) {
        if (!std::isfinite(value)) throw std::invalid_argument("a feature must be finite");
    }
    for (const double value_s : base.quantile_s) {
        if (!is_time(value_s)) throw std::invalid_argument("a base's quantile must be finite and not below 0");
    }
    if (!is_time(base.mean_s)) throw std::invalid_argument("a base's mean must be finite and not below 0");
}

double Correction::corrected_mean(const Base& base, std::span<const double> x) const {
    const double ratio = std::clamp(1 + dot(x, weights_), RATIO_MIN, RATIO_MAX);
    return std::clamp(std::max(base.mean_s, MEAN_MIN_S) * ratio, QUANTILE_MIN_S, WAIT_MAX_S);
}

double Correction::quantile_s(std::size_t level, std::size_t band, const Base& base, std::span<const double> x) const {
    const Quantile& quantile = quantiles_[level];
    const double log_ratio = std::clamp(dot(x, quantile.weights), -LOG_RATIO_MAX, LOG_RATIO_MAX) + quantile.offsets[band];
    return std::clamp(std::max(base.quantile_s[level], QUANTILE_MIN_S) * std::exp(log_ratio), QUANTILE_MIN_S, WAIT_MAX_S);
}

Corrected Correction::predict(const Base& base, std::span<const double> x) const {
    check(base, x);
    Corrected result;
    result.mean_s = corrected_mean(base, x);
    const std::size_t band = band_of(result.mean_s);
    for (std::size_t level = 0; level < LEVELS; ++level) {
        result.quantile_s[level] = quantile_s(level, band, base, x);
    }
    std::sort(result.quantile_s.begin(), result.quantile_s.end());
    result.low_s = std::clamp(result.quantile_s[LOW_LEVEL] * std::exp(-widening_), QUANTILE_MIN_S, WAIT_MAX_S);
    result.high_s = std::clamp(result.quantile_s[HIGH_LEVEL] * std::exp(widening_), result.low_s, WAIT_MAX_S);
    return result;
}

void Correction::learn(const Base& base, std::span<const double> x, double wait_s) {
    check(base, x);
    if (!is_time(wait_s)) throw std::invalid_argument("a wait must be finite and not below 0");
    wait_s = std::min(wait_s, WAIT_MAX_S);
    learn_widening(predict(base, x), wait_s);
    learn_quantiles(base, x, wait_s);
    learn_mean(base, x, wait_s);
    ++answers_;
}

// The last word on the interval: where its coverage of late is off by more than chance, it gets wider or narrower as a whole,
// until its two quantiles have found their places.
void Correction::learn_widening(const Corrected& announced, double wait_s) {
    const double held = announced.low_s <= wait_s && wait_s <= announced.high_s ? 1 : 0;
    held_lately_ += (held - held_lately_) / HELD_ANSWERS;
    widening_ *= WIDENING_KEPT;
    if (std::abs(held_lately_ - INTERVAL) <= HELD_SLACK) return;
    widening_ = std::clamp(widening_ + WIDENING_STEP * (INTERVAL - held), -WIDENING_MAX, WIDENING_MAX);
}

void Correction::learn_quantiles(const Base& base, std::span<const double> x, double wait_s) {
    const std::size_t band = band_of(corrected_mean(base, x));
    std::array<bool, LEVELS> above{};
    for (std::size_t level = 0; level < LEVELS; ++level) above[level] = wait_s > quantile_s(level, band, base, x);
    const double spread = spread_of(base);
    const double step = spread * std::max(OFFSET_STEP_MIN, OFFSET_STEP / std::sqrt(++band_answers_[band]));
    for (std::size_t level = 0; level < LEVELS; ++level) {
        Quantile& quantile = quantiles_[level];
        const double slope = above[level] ? LEVEL[level] : LEVEL[level] - 1;
        for (std::size_t j = 0; j < features_; ++j) {
            const double gradient = slope * x[j];
            quantile.squares[j] += gradient * gradient;
            quantile.weights[j] += spread * STEP * gradient / std::sqrt(quantile.squares[j]);
        }
        quantile.offsets[band] = std::clamp(quantile.offsets[band] + step * slope, -OFFSET_MAX, OFFSET_MAX);
    }
    learn_lean(above[MEDIAN_LEVEL]);
}

// Where nearly all waits of late lie on one side of the median, the world has changed its scale: all quantiles move at once
// then. Each on its own the outer ones would need thousands of answers.
void Correction::learn_lean(bool above_median) {
    const double side = above_median ? 0.5 : -0.5;
    lean_ += (side - lean_) / LEAN_ANSWERS;
    if (std::abs(lean_) <= LEAN_MAX) return;
    for (double& answers : band_answers_) answers = std::min(answers, ANSWERS_AFTER_LEAN);
    for (Quantile& quantile : quantiles_) {
        for (double& offset : quantile.offsets) offset = std::clamp(offset + LEAN_STEP * side, -OFFSET_MAX, OFFSET_MAX);
    }
}

// Least squares of the excess ratio, weighted by the base, with exponential forgetting.
void Correction::learn_mean(const Base& base, std::span<const double> x, double wait_s) {
    const double mean_s = std::max(base.mean_s, MEAN_MIN_S);
    const double excess = std::min(wait_s / mean_s - 1, EXCESS_MAX);
    const double weight = std::min(mean_s, WEIGHT_MAX_S) / WEIGHT_SCALE_S;
    std::vector<double> direction(features_);
    for (std::size_t i = 0; i < features_; ++i) {
        for (std::size_t j = 0; j < features_; ++j) direction[i] += covariance_[i * features_ + j] * x[j];
    }
    const double scale = weight / (REMEMBERED + weight * dot(x, direction));
    const double error = excess - dot(x, weights_);
    for (std::size_t i = 0; i < features_; ++i) weights_[i] += scale * direction[i] * error;
    for (std::size_t i = 0; i < features_; ++i) {
        for (std::size_t j = i; j < features_; ++j) {
            double& value = covariance_[i * features_ + j];
            value = (value - scale * direction[i] * direction[j]) / REMEMBERED;
            covariance_[j * features_ + i] = value;
        }
    }
    bound_covariance();
}

// Forgetting makes it grow where nothing is learnt (hours in which nobody calls): never beyond what it began with.
void Correction::bound_covariance() {
    for (std::size_t j = 0; j < features_; ++j) {
        const double variance = covariance_[j * features_ + j];
        if (variance > 0 && variance <= 1 / RIDGE) continue;
        if (!(variance > 0)) {  // rounding ate it up
            reset_covariance(j);
            continue;
        }
        const double shrink = std::sqrt(1 / RIDGE / variance);
        for (std::size_t i = 0; i < features_; ++i) covariance_[j * features_ + i] *= shrink;
        for (std::size_t i = 0; i < features_; ++i) covariance_[i * features_ + j] *= shrink;
    }
}

void Correction::reset_covariance(std::size_t feature) {
    for (std::size_t i = 0; i < features_; ++i) {
        covariance_[feature * features_ + i] = covariance_[i * features_ + feature] = 0;
    }
    covariance_[feature * features_ + feature] = 1 / RIDGE;
}

void Correction::forget(std::size_t feature) {
    if (feature >= features_) throw std::invalid_argument("there is no such feature");
    weights_[feature] = 0;
    reset_covariance(feature);
    for (Quantile& quantile : quantiles_) {
        quantile.weights[feature] = 0;
        quantile.squares[feature] = SQUARES_BEFORE;
    }
}

template <class Archive, class Self>
void Correction::describe(Archive& archive, Self& self) {
    archive(self.answers_);
    archive_real(archive, self.held_lately_);
    archive_real(archive, self.widening_);
    archive_real(archive, self.lean_);
    archive_reals(archive, self.weights_);
    archive_reals(archive, self.covariance_);
    archive_reals(archive, self.band_answers_);
    for (auto& quantile : self.quantiles_) {
        archive_reals(archive, quantile.weights);
        archive_reals(archive, quantile.squares);
        archive_reals(archive, quantile.offsets);
    }
}

std::string Correction::save() const {
    ArchiveWriter archive;
    describe(archive, *this);
    return archive.seal();
}

void Correction::restore(const std::string& bytes) {
    ArchiveReader archive(bytes);
    Correction read(features_);
    describe(archive, read);
    archive.finish();
    if (read.answers_ < 0) throw CorruptSnapshot("the snapshot has a count below 0");
    *this = std::move(read);
}

}  // namespace router::wait
