#include "random.hpp"

namespace router::simulation {

namespace {

// The finaliser of SplitMix64 (Steele, Lea & Flood, OOPSLA 2014): every bit of the input moves every bit of the output.
std::uint64_t scramble(std::uint64_t value) {
    value += 0x9E3779B97F4A7C15;
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9;
    value = (value ^ value >> 27) * 0x94D049BB133111EB;
    return value ^ value >> 31;
}

// FNV-1a, 64 bits.
std::uint64_t hash_name(std::string_view name) {
    std::uint64_t hash = 0xCBF29CE484222325;
    for (const char byte : name) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001B3;
    return hash;
}

using Coefficients = std::array<double, 8>;  // the highest power first

// Of AS 241: the middle 85 %, what lies beyond, and beyond about 1.4e-11 from either end.
constexpr Coefficients CENTRE_ABOVE{
    2.5090809287301226727e+3, 3.3430575583588128105e+4, 6.7265770927008700853e+4, 4.5921953931549871457e+4,
    1.3731693765509461125e+4, 1.9715909503065514427e+3, 1.3314166789178437745e+2, 3.3871328727963666080e+0};
constexpr Coefficients CENTRE_BELOW{
    5.2264952788528545610e+3, 2.8729085735721942674e+4, 3.9307895800092710610e+4, 2.1213794301586595867e+4,
    5.3941960214247511077e+3, 6.8718700749205790830e+2, 4.2313330701600911252e+1, 1.0};
constexpr Coefficients FLANK_ABOVE{
    7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e+0,
    3.64784832476320460504e+0, 5.76949722146069140550e+0, 4.63033784615654529590e+0, 1.42343711074968357734e+0};
constexpr Coefficients FLANK_BELOW{
    1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
    6.89767334985100004550e-1, 1.67638483018380384940e+0, 2.05319162663775882187e+0, 1.0};
constexpr Coefficients TAIL_ABOVE{
    2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2,
    2.96560571828504891230e-1, 1.78482653991729133580e+0, 5.46378491116411436990e+0, 6.65790464350110377720e+0};
constexpr Coefficients TAIL_BELOW{
    2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
    1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0};

double polynomial(const Coefficients& coefficients, double x) {
    double sum = coefficients[0];
    for (std::size_t index = 1; index < coefficients.size(); ++index) sum = sum * x + coefficients[index];
    return sum;
}

}  // namespace

double normal_quantile(double probability) {
    const double off_centre = probability - 0.5;
    if (std::abs(off_centre) <= 0.425) {
        const double x = 0.180625 - off_centre * off_centre;
        return off_centre * polynomial(CENTRE_ABOVE, x) / polynomial(CENTRE_BELOW, x);
    }
    const double x = std::sqrt(-std::log(off_centre < 0 ? probability : 1.0 - probability));
    const double size = x <= 5.0 ? polynomial(FLANK_ABOVE, x - 1.6) / polynomial(FLANK_BELOW, x - 1.6)
                                 : polynomial(TAIL_ABOVE, x - 5.0) / polynomial(TAIL_BELOW, x - 5.0);
    return off_centre < 0 ? -size : size;
}

Stream::Stream(std::uint64_t seed, std::uint64_t replication, Purpose purpose, std::string_view name) {
    std::uint64_t key = scramble(seed);
    key = scramble(key ^ replication);
    key = scramble(key ^ static_cast<std::uint64_t>(purpose));
    key = scramble(key ^ hash_name(name));
    key_ = {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)};
}

GammaShape::GammaShape(double shape) {
    if (shape < 1) boost_ = 1 / shape;
    shift_ = (shape < 1 ? shape + 1 : shape) - 1.0 / 3;
    slope_ = 1 / std::sqrt(9 * shift_);
}

double GammaShape::draw(const Stream& stream, Draw draw) const {
    constexpr std::uint32_t BOOST_PART = 0xFFFFFFFF;
    double variate = shift_;
    for (std::uint32_t part = 0; part < BOOST_PART; ++part) {
        const Stream::Pair pair = stream.bits(draw, part);
        const double normal = normal_quantile(open_unit(pair.first));
        const double root = 1 + slope_ * normal;
        if (root <= 0) continue;
        const double cube = root * root * root;
        if (std::log(open_unit(pair.second)) < 0.5 * normal * normal + shift_ - shift_ * cube + shift_ * std::log(cube)) {
            variate = shift_ * cube;
            break;
        }
    }
    if (boost_ > 0) variate *= std::pow(open_unit(stream.bits(draw, BOOST_PART).first), boost_);
    return variate;
}

}  // namespace router::simulation
