// Residual lifetimes by inverse transform.
#include "lifetime.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>

namespace router::wait {

namespace {

void require(bool sound, const char* what) {
    if (!sound) throw std::invalid_argument(std::string("a lifetime needs ") + what);
}

}  // namespace

struct Lifetime::Shape {
    // samples
    std::shared_ptr<const std::vector<float>> sorted_s;
    std::size_t few = 0;     // with fewer samples left than this the tail rules
    double tail_mean_s = 0;
    // hazard: cumulative[i] is what has been gathered before edges_s[i]
    std::shared_ptr<const std::vector<double>> edges_s;
    std::vector<double> rates_per_s;
    std::vector<double> cumulative;

    std::size_t bin(double age_s) const {
        return static_cast<std::size_t>(std::upper_bound(edges_s->begin() + 1, edges_s->end(), age_s) - edges_s->begin()) - 1;
    }
    double gathered(double age_s) const {
        const std::size_t at = bin(age_s);
        return cumulative[at] + (age_s - (*edges_s)[at]) * rates_per_s[at];
    }
    // The age at which so much has been gathered; ENDLESS_S: never.
    double age_at(double sum) const {
        const auto above = std::upper_bound(cumulative.begin() + 1, cumulative.end(), sum);
        const auto at = static_cast<std::size_t>(above - cumulative.begin()) - 1;
        if (!(rates_per_s[at] > 0)) return ENDLESS_S;
        return std::min(ENDLESS_S, (*edges_s)[at] + (sum - cumulative[at]) / rates_per_s[at]);
    }
    // The first sample that outlasts the age: at birth all of them do, those of 0 s too.
    std::size_t first_above(double age_s) const {
        if (age_s <= 0) return 0;
        const auto above = std::upper_bound(sorted_s->begin(), sorted_s->end(), age_s,
                                            [](double age, float sample) { return age < static_cast<double>(sample); });
        return static_cast<std::size_t>(above - sorted_s->begin());
    }
};

Lifetime Lifetime::exponential(double mean_s) {
    require(mean_s >= 0, "a mean of 0 s or more");
    Lifetime made;
    if (mean_s >= ENDLESS_S) return made;
    made.kind_ = mean_s > 0 ? Kind::exponential : Kind::fixed;
    made.length_s_ = mean_s;
    return made;
}

Lifetime Lifetime::fixed(double length_s) {
    require(length_s >= 0, "a length of 0 s or more");
    Lifetime made;
    if (length_s >= ENDLESS_S) return made;
    made.kind_ = Kind::fixed;
    made.length_s_ = length_s;
    return made;
}

Lifetime Lifetime::of_samples(std::shared_ptr<const std::vector<float>> sorted_s) {
    require(sorted_s && !sorted_s->empty(), "at least one sample");
    require(std::all_of(sorted_s->begin(), sorted_s->end(), [](float sample) { return sample >= 0 && std::isfinite(sample); }),
            "samples of 0 s or more, and finite");
    require(std::is_sorted(sorted_s->begin(), sorted_s->end()), "sorted samples");
    const std::size_t count = sorted_s->size();
    auto shape = std::make_shared<Shape>();
    shape->few = std::clamp<std::size_t>(count / 20, 1, 5);
    // the mean of what the longest fiftieth had to go beyond all others
    const std::size_t longest = std::max(shape->few, count / 50);
    const double others_s = longest < count ? static_cast<double>((*sorted_s)[count - longest - 1]) : 0;
    const auto mean_of = [&](std::size_t from) {
        return std::accumulate(sorted_s->begin() + static_cast<std::ptrdiff_t>(from), sorted_s->end(), 0.0) /
               static_cast<double>(count - from);
    };
    Lifetime made;
    made.kind_ = Kind::samples;
    made.length_s_ = mean_of(0);
    shape->tail_mean_s = std::max(mean_of(count - longest) - others_s, made.length_s_ / 10);
    shape->sorted_s = std::move(sorted_s);
    made.shape_ = std::move(shape);
    return made;
}

Lifetime Lifetime::of_hazard(std::shared_ptr<const std::vector<double>> edges_s, std::vector<double> rates_per_s) {
    require(edges_s && !edges_s->empty() && edges_s->size() == rates_per_s.size(), "a rate for each edge");
    require(edges_s->front() == 0 && std::isfinite(edges_s->back()), "edges from 0 s on, and finite");
    require(std::adjacent_find(edges_s->begin(), edges_s->end(), [](double a, double b) { return !(a < b); }) == edges_s->end(),
            "rising edges");
    require(std::all_of(rates_per_s.begin(), rates_per_s.end(), [](double rate) { return rate >= 0 && std::isfinite(rate); }),
            "rates of 0 or more, and finite");
    Lifetime made;
    if (std::all_of(rates_per_s.begin(), rates_per_s.end(), [](double rate) { return rate == 0; })) return made;
    auto shape = std::make_shared<Shape>();
    shape->edges_s = std::move(edges_s);
    shape->rates_per_s = std::move(rates_per_s);
    shape->cumulative.assign(1, 0);
    double mean_s = 0;
    for (std::size_t i = 0; i < shape->rates_per_s.size(); ++i) {
        const double rate = shape->rates_per_s[i];
        const double left = std::exp(-shape->cumulative[i]);
        if (i + 1 == shape->rates_per_s.size()) {
            mean_s = rate > 0 ? std::min(ENDLESS_S, mean_s + left / rate) : ENDLESS_S;
            break;
        }
        const double length = (*shape->edges_s)[i + 1] - (*shape->edges_s)[i];
        mean_s += rate * length > 1e-12 ? left * -std::expm1(-rate * length) / rate : left * length;
        shape->cumulative.push_back(shape->cumulative[i] + rate * length);
    }
    made.kind_ = Kind::hazard;
    made.length_s_ = mean_s;
    made.shape_ = std::move(shape);
    return made;
}

Lifetime Lifetime::stretched(double by) const {
    require(by > 0 && std::isfinite(by), "to be stretched by more than 0, and not without end");
    Lifetime made = *this;
    made.stretch_ *= by;
    return made;
}

double Lifetime::residual_s(double age_s, double uniform, double factor, double rate) const {
    if (kind_ == Kind::endless) return ENDLESS_S;
    // of the minimum of `rate` such lifetimes
    if (rate != 1) uniform = -std::expm1(std::log1p(-uniform) / rate);
    factor *= stretch_;
    const double residual = residual_of_one(age_s / factor, uniform);
    return residual >= ENDLESS_S ? ENDLESS_S : std::min(ENDLESS_S, residual * factor);
}

double Lifetime::residual_of_one(double age_s, double uniform) const {
    switch (kind_) {
        case Kind::endless: return ENDLESS_S;
        case Kind::exponential: return -std::log1p(-uniform) * length_s_;
        case Kind::fixed: return std::max(0.0, length_s_ - age_s);
        case Kind::hazard: {
            const double at_s = shape_->age_at(shape_->gathered(age_s) - std::log1p(-uniform));
            return at_s >= ENDLESS_S ? ENDLESS_S : std::max(0.0, at_s - age_s);
        }
        case Kind::samples: break;
    }
    const std::vector<float>& samples = *shape_->sorted_s;
    const std::size_t first = shape_->first_above(age_s);
    const std::size_t left = samples.size() - first;
    if (left < shape_->few) return -std::log1p(-uniform) * shape_->tail_mean_s;
    const auto picked = std::min(left - 1, static_cast<std::size_t>(uniform * static_cast<double>(left)));
    return std::max(0.0, static_cast<double>(samples[first + picked]) - age_s);
}

double Lifetime::survival(double age_s, double more_s, double factor, double rate) const {
    factor *= stretch_;
    const double chance = survival_of_one(age_s / factor, more_s / factor);
    return rate == 1 ? chance : std::pow(chance, rate);
}

double Lifetime::survival_of_one(double age_s, double more_s) const {
    switch (kind_) {
        case Kind::endless: return 1;
        case Kind::exponential: return std::exp(-more_s / length_s_);
        case Kind::fixed: return more_s < length_s_ - age_s ? 1 : 0;
        case Kind::hazard: return std::exp(shape_->gathered(age_s) - shape_->gathered(age_s + more_s));
        case Kind::samples: break;
    }
    const std::size_t count = shape_->sorted_s->size();
    const std::size_t left = count - shape_->first_above(age_s);
    if (left < shape_->few) return shape_->tail_mean_s > 0 ? std::exp(-more_s / shape_->tail_mean_s) : 0;
    // a sample of just this length has ended then; of age 0 and more_s 0 too, which is no different from the chance a moment later
    const auto above = std::upper_bound(shape_->sorted_s->begin(), shape_->sorted_s->end(), age_s + more_s,
                                        [](double age, float sample) { return age < static_cast<double>(sample); });
    return static_cast<double>(shape_->sorted_s->end() - above) / static_cast<double>(left);
}

double Lifetime::mean_s() const { return length_s_ >= ENDLESS_S ? ENDLESS_S : length_s_ * stretch_; }

double Lifetime::hazard_per_s(double age_s) const {
    switch (kind_) {
        case Kind::endless: return 0;
        case Kind::exponential: return 1 / (length_s_ * stretch_);
        case Kind::hazard: return shape_->rates_per_s[shape_->bin(age_s / stretch_)] / stretch_;
        case Kind::fixed:
        case Kind::samples: break;
    }
    return -1;
}

}  // namespace router::wait
