// Whether what was announced came true: how often intervals held, and how often announcements of one call crept upward.
#pragma once

#include <cstdint>
#include <string>

namespace router::wait {

// How often 80 % intervals held, lately and ever.
class Coverage {
public:
    void count(double low_s, double high_s, double wait_s);
    double lately() const;  // exponentially forgetting, over about 1,000 answers; -1: none yet
    std::int64_t held() const { return held_; }
    std::int64_t counted() const { return counted_; }
    std::string save() const;
    void restore(const std::string& bytes);  // throws CorruptSnapshot; nothing has changed then

private:
    std::int64_t held_ = 0;
    std::int64_t counted_ = 0;
    double recent_held_ = 0;
    double recent_counted_ = 0;
};

// Successive announcements of one call's wait. An announcement that keeps its word falls by the time that has passed: the end
// that it names, moment plus mean, stays where it was.
class Creep {
public:
    // `earlier_s` was announced, and `passed_s` later `now_s`. Not finite or below 0 is refused (std::invalid_argument).
    void count(double earlier_s, double passed_s, double now_s);
    std::int64_t updates() const { return updates_; }
    // Whose number is higher than the one before, by over a second: the caller hears a longer wait than the last time.
    std::int64_t rose() const { return rose_; }
    // Whose end moved later, by more than 5 s and a tenth of the wait announced before.
    std::int64_t moved_later() const { return moved_later_; }
    // By how much the end moved, later less earlier, on average; 0 without updates.
    double mean_shift_s() const { return updates_ ? shift_s_ / static_cast<double>(updates_) : 0; }

private:
    std::int64_t updates_ = 0;
    std::int64_t rose_ = 0;
    std::int64_t moved_later_ = 0;
    double shift_s_ = 0;
};

}  // namespace router::wait
