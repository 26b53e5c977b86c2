// How long something lasts, and how much longer once it has lasted so long: a talk, a caller's patience, a break.
//
// Immutable and cheap to copy: samples are shared. Seconds, as double; ages and lifetimes are >= 0. What is made from numbers
// that no lifetime has (negative, not a number, edges that do not rise) throws std::invalid_argument.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace router::wait {

inline constexpr double ENDLESS_S = 1e18;

class Lifetime {
public:
    // Never ends.
    Lifetime() = default;
    static Lifetime exponential(double mean_s);
    // Exactly so long; what has lasted longer ends at once.
    static Lifetime fixed(double length_s);
    // As one of these, equally likely; what has lasted longer than nearly all of them goes on exponentially, by the mean of what
    // the longest had still to go. At least one; sorted, >= 0.
    static Lifetime of_samples(std::shared_ptr<const std::vector<float>> sorted_s);
    // By a hazard that is constant between edges: rates_per_s[i] rules from edges_s[i] on, the last one for ever. edges_s[0] is 0.
    static Lifetime of_hazard(std::shared_ptr<const std::vector<double>> edges_s, std::vector<double> rates_per_s);

    // The same, `by` > 0 times as long.
    Lifetime stretched(double by) const;

    // Whether it never ends, for whatever age and number.
    bool endless() const { return kind_ == Kind::endless; }
    // How much longer, for a uniform number in (0, 1), of what has lasted `age_s`; ENDLESS_S: for ever. `factor` > 0 stretches the
    // lifetime (a slow agent: 1.2); `rate` > 0 multiplies its hazard at every age (an agent who comes back later: 0.8). Inverse
    // transform: rising in `uniform`. O(log samples).
    double residual_s(double age_s, double uniform, double factor = 1, double rate = 1) const;
    // The chance that what has lasted `age_s` lasts more than `more_s` longer.
    double survival(double age_s, double more_s, double factor = 1, double rate = 1) const;
    double mean_s() const;  // ENDLESS_S if endless, or if some never end
    // Deaths per second at an age: 0 if endless; of `fixed` and samples not known: negative.
    double hazard_per_s(double age_s) const;

private:
    enum class Kind : std::uint8_t { endless, exponential, fixed, samples, hazard };
    struct Shape;

    double residual_of_one(double age_s, double uniform) const;
    double survival_of_one(double age_s, double more_s) const;

    Kind kind_ = Kind::endless;
    double length_s_ = ENDLESS_S;  // of `fixed`, or the mean; not stretched
    double stretch_ = 1;
    std::shared_ptr<const Shape> shape_;
};

}  // namespace router::wait
