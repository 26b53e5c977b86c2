#include "hazard.hpp"

#include <algorithm>
#include <cmath>

#include "name_table.hpp"

namespace router::wait {

namespace {

constexpr double US = 1e6;
constexpr double OWN_LEVEL_ENDS = 20;  // so many ends weigh as much as the pool's level
constexpr double OWN_SHAPE_ENDS = 10;  // and so many in a bin as much as the pool's shape
constexpr double GROWN = 0.1;

// The bin of an age; `before` puts an edge into the bin that ends there.
std::size_t bin_of(double age_s, bool before) {
    const auto from = AGE_S.begin() + 1;
    const auto above = before ? std::lower_bound(from, AGE_S.end(), age_s) : std::upper_bound(from, AGE_S.end(), age_s);
    return static_cast<std::size_t>(above - AGE_S.begin()) - 1;
}

}  // namespace

Lifetime lifetime_of(const Rates& rates) {
    static const auto edges_s = std::make_shared<const std::vector<double>>(AGE_S.begin(), AGE_S.end());
    return Lifetime::of_hazard(edges_s, {rates.begin(), rates.end()});
}

void HazardCounts::add_exposure(TimeUs from_age_us, TimeUs to_age_us) {
    if (to_age_us <= from_age_us) return;
    double from_us = static_cast<double>(from_age_us);
    const double to_us = static_cast<double>(to_age_us);
    for (std::size_t bin = bin_of(from_us / US, false); from_us < to_us; ++bin) {
        const double end_us = bin + 1 < AGES ? std::min(to_us, AGE_S[bin + 1] * US) : to_us;
        exposure_us_[bin] += end_us - from_us;
        from_us = end_us;
    }
}

void HazardCounts::add_end(TimeUs age_us) { ++ends_[bin_of(static_cast<double>(age_us) / US, true)]; }

void HazardCounts::fade(double by) {
    for (double& ends : ends_) ends *= by;
    for (double& exposure_us : exposure_us_) exposure_us = std::floor(exposure_us * by);
}

double HazardCounts::ends() const {
    double sum = 0;
    for (const double ends : ends_) sum += ends;
    return sum;
}

double HazardCounts::exposure_s() const {
    double sum_us = 0;
    for (const double exposure_us : exposure_us_) sum_us += exposure_us;
    return sum_us / US;
}

double HazardCounts::expected_ends(const Rates& rates) const {
    double sum = 0;
    for (std::size_t i = 0; i < AGES; ++i) sum += rates[i] * exposure_us_[i] / US;
    return sum;
}

Rates HazardCounts::rates(const Rates& prior, double prior_exposure_s) const {
    Rates rates{};
    for (std::size_t i = 0; i < AGES; ++i) {
        rates[i] = (ends_[i] + prior[i] * prior_exposure_s) / (exposure_us_[i] / US + prior_exposure_s);
    }
    return rates;
}

Rates HazardCounts::smooth_rates(double mean_prior, double prior_exposure_s) const {
    Rates rates{};
    double before = (ends() + mean_prior * prior_exposure_s) / (exposure_s() + prior_exposure_s);
    for (std::size_t i = 0; i < AGES; ++i) {
        before = rates[i] = (ends_[i] + before * prior_exposure_s) / (exposure_us_[i] / US + prior_exposure_s);
    }
    return rates;
}

Rates HazardCounts::rates_within(const Rates& pool) const {
    const double level = (ends() + OWN_LEVEL_ENDS) / (expected_ends(pool) + OWN_LEVEL_ENDS);
    Rates rates{};
    for (std::size_t i = 0; i < AGES; ++i) {
        const double prior = level * pool[i];
        if (prior > 0) rates[i] = (ends_[i] + OWN_SHAPE_ENDS) / (exposure_us_[i] / US + OWN_SHAPE_ENDS / prior);
    }
    return rates;
}

template <class Archive>
void HazardCounts::archive(Archive& archive) {
    for (double& ends : ends_) archive_count(archive, ends);
    for (double& exposure_us : exposure_us_) archive_count(archive, exposure_us, 1e21);
}
template void HazardCounts::archive(ArchiveWriter&);
template void HazardCounts::archive(ArchiveReader&);

// ---- pooled ----

PooledHazard::OfQueue& PooledHazard::of(QueueId queue) {
    if (queue >= queues_.size()) queues_.resize(queue + 1);
    OfQueue& found = queues_[queue];
    if (!found.counts) found.counts = std::make_unique<HazardCounts>();
    return found;
}

HazardCounts* PooledHazard::counts(QueueId queue, bool make) {
    if (make) return of(queue).counts.get();
    return queue < queues_.size() ? queues_[queue].counts.get() : nullptr;
}

void PooledHazard::add_exposure(QueueId queue, TimeUs from_age_us, TimeUs to_age_us) {
    OfQueue& found = of(queue);
    found.counts->add_exposure(from_age_us, to_age_us);
    found.lifetime.reset();
    pool_.add_exposure(from_age_us, to_age_us);
    refresh_if_grown();
}

void PooledHazard::add_end(QueueId queue, TimeUs age_us) {
    OfQueue& found = of(queue);
    found.counts->add_end(age_us);
    found.lifetime.reset();
    pool_.add_end(age_us);
    refresh_if_grown();
}

void PooledHazard::fade(double by) {
    pool_.fade(by);
    for (OfQueue& found : queues_) {
        if (found.counts) found.counts->fade(by);
    }
    refresh();
}

void PooledHazard::keep_configured(const Engine& engine) {
    for (QueueId queue = 0; queue < queues_.size(); ++queue) {
        if (queues_[queue].counts && !engine.queue(queue).configured) queues_[queue] = {};
    }
}

void PooledHazard::refresh_if_grown() {
    const double exposure_s = pool_.exposure_s();
    if (pool_.ends() >= refreshed_ends_ * (1 + GROWN) + 1 || exposure_s >= refreshed_exposure_s_ * (1 + GROWN) + 60) refresh();
}

void PooledHazard::refresh() {
    refreshed_ends_ = pool_.ends();
    refreshed_exposure_s_ = pool_.exposure_s();
    pool_rates_ = pool_.smooth_rates(mean_prior_, prior_exposure_s_);
    pool_lifetime_ = lifetime_of(pool_rates_);
    for (OfQueue& found : queues_) found.lifetime.reset();
}

const Lifetime& PooledHazard::lifetime(QueueId queue) const {
    if (queue >= queues_.size() || !queues_[queue].counts) return pool_lifetime_;
    const OfQueue& found = queues_[queue];
    if (!found.lifetime) found.lifetime = lifetime_of(found.counts->rates_within(pool_rates_));
    return *found.lifetime;
}

double PooledHazard::ends(QueueId queue) const {
    return queue < queues_.size() && queues_[queue].counts ? queues_[queue].counts->ends() : 0;
}

double PooledHazard::exposure_s(QueueId queue) const {
    return queue < queues_.size() && queues_[queue].counts ? queues_[queue].counts->exposure_s() : 0;
}

template <class Archive>
void PooledHazard::archive_pool(Archive& archive) {
    pool_.archive(archive);
    archive_reals(archive, pool_rates_);
    archive_count(archive, refreshed_ends_);
    archive_count(archive, refreshed_exposure_s_);
    if constexpr (std::is_same_v<Archive, ArchiveReader>) pool_lifetime_ = lifetime_of(pool_rates_);
}
template void PooledHazard::archive_pool(ArchiveWriter&);
template void PooledHazard::archive_pool(ArchiveReader&);

}  // namespace router::wait
