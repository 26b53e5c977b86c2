#include "coverage.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "bits.hpp"

namespace router::wait {

namespace {

constexpr double REMEMBERED = 1 - 1.0 / 1'000;
constexpr double RISE_MIN_S = 1;
constexpr double SHIFT_MIN_S = 5;
constexpr double SHIFT_MIN_SHARE = 0.1;

}  // namespace

void Coverage::count(double low_s, double high_s, double wait_s) {
    if (!std::isfinite(low_s) || !std::isfinite(high_s) || !std::isfinite(wait_s)) {
        throw std::invalid_argument("an interval and the wait that came of it must be finite");
    }
    const bool held = low_s <= wait_s && wait_s <= high_s;
    held_ += held;
    ++counted_;
    recent_held_ = recent_held_ * REMEMBERED + (held ? 1 : 0);
    recent_counted_ = recent_counted_ * REMEMBERED + 1;
}

double Coverage::lately() const {
    return counted_ ? recent_held_ / recent_counted_ : -1;
}

std::string Coverage::save() const {
    ArchiveWriter archive;
    archive(held_);
    archive(counted_);
    archive_real(archive, recent_held_);
    archive_real(archive, recent_counted_);
    return archive.seal();
}

void Coverage::restore(const std::string& bytes) {
    ArchiveReader archive(bytes);
    Coverage read;
    archive(read.held_);
    archive(read.counted_);
    archive_real(archive, read.recent_held_);
    archive_real(archive, read.recent_counted_);
    archive.finish();
    if (read.held_ < 0 || read.held_ > read.counted_ || read.recent_held_ < 0 || read.recent_held_ > read.recent_counted_ ||
        (read.counted_ > 0) != (read.recent_counted_ > 0)) {
        throw CorruptSnapshot("the snapshot has a coverage that cannot be");
    }
    *this = read;
}

void Creep::count(double earlier_s, double passed_s, double now_s) {
    for (const double value : {earlier_s, passed_s, now_s}) {
        if (!std::isfinite(value) || value < 0) throw std::invalid_argument("an announced wait must be finite and not below 0");
    }
    const double shift_s = passed_s + now_s - earlier_s;
    ++updates_;
    rose_ += now_s > earlier_s + RISE_MIN_S;
    moved_later_ += shift_s > std::max(SHIFT_MIN_S, SHIFT_MIN_SHARE * earlier_s);
    shift_s_ += shift_s;
}

}  // namespace router::wait
