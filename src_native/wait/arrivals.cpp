#include "arrivals.hpp"

#include <algorithm>
#include <cmath>


namespace router::wait {

namespace {

constexpr double RECENT_S = 1800;       // how long an arrival counts as recent
constexpr double RECENT_MIN_S = 60;     // nothing is concluded from less
constexpr double FADE = 0.9;            // of a weekday's counts when it comes again
constexpr double OTHER_DAYS_WEIGHT = 1; // so many weeks weigh as much as the other days of the kind
constexpr double RECENT_DAYS = 0.5;     // and so many days as much as the recent rate
constexpr double LEVEL_PRIOR = 20;      // arrivals
constexpr double LEVEL_MIN = 0.25, LEVEL_MAX = 4;
constexpr TimeUs PERIOD_US = 15 * 60 * SECOND_US;
constexpr std::size_t PERIODS = 16;     // four hours

std::size_t slot_of(std::int32_t second_of_day) { return static_cast<std::size_t>(second_of_day / SLOT_S); }

double seconds(TimeUs duration_us) { return static_cast<double>(duration_us) / 1e6; }

}  // namespace

void Arrivals::uncover(std::size_t first, std::size_t last) {
    for (std::size_t slot = first; slot <= last; ++slot) uncovered_.set(slot);
}

void Arrivals::begin(const Calendar& calendar, TimeUs time_us) {
    begun_us_ = time_us;
    const std::int32_t second = calendar.second_of_day(time_us);
    uncovered_.reset();
    if (second > 0) uncover(0, slot_of(second));
}

void Arrivals::resume(const Calendar& calendar, TimeUs from_us, TimeUs time_us) {
    begun_us_ = time_us;  // of the recent rate: nothing was seen before
    for (const auto& known : queues_) {
        if (known) known->recent = 0;
    }
    const bool same_day = calendar.day(from_us) == calendar.day(time_us);
    uncover(same_day ? slot_of(calendar.second_of_day(from_us)) : 0, slot_of(calendar.second_of_day(time_us)));
}

Arrivals::OfQueue& Arrivals::of(QueueId queue) {
    if (queue >= queues_.size()) queues_.resize(queue + 1);
    if (!queues_[queue]) queues_[queue] = std::make_unique<OfQueue>();
    return *queues_[queue];
}

void Arrivals::count(Kind kind, TimeUs time_us, const Calendar& calendar) {
    OfQueue& known = of(kind.queue);
    ++known.today[slot_of(calendar.second_of_day(time_us))];
    known.recent = known.recent * std::exp(-seconds(time_us - known.recent_at_us) / RECENT_S) + 1;
    known.recent_at_us = time_us;
    add_kind(kind);
}

// The rarest kind makes room for a new one, which inherits its count: no busy kind can be missed (Metwally et al. 2005).
void Arrivals::add_kind(Kind kind) {
    const auto found = std::find_if(kinds_.begin(), kinds_.end(), [&](const Kind& one) { return one.is(kind); });
    if (found != kinds_.end()) {
        ++found->count;
        return;
    }
    kind.count = 1;
    if (kinds_.size() == KINDS_MAX) {
        const auto rarest = std::min_element(kinds_.begin(), kinds_.end(),
                                             [](const Kind& a, const Kind& b) { return a.count < b.count; });
        kind.count += rarest->count;
        kinds_.erase(rarest);
    }
    kinds_.push_back(kind);
}

void Arrivals::end_day(std::int64_t day, std::int64_t empty_days) {
    const auto weekday = static_cast<std::size_t>(Calendar::weekday_of(day));
    for (const auto& known : queues_) {
        if (!known) continue;
        for (std::size_t slot = 0; slot < SLOTS; ++slot) {
            if (uncovered_.test(slot)) continue;
            known->counts[weekday][slot] = known->counts[weekday][slot] * static_cast<float>(FADE) + static_cast<float>(known->today[slot]);
            known->seen[weekday][slot] = known->seen[weekday][slot] * static_cast<float>(FADE) + 1;
        }
        known->today.fill(0);
        for (std::int64_t i = 1; i <= std::min<std::int64_t>(empty_days, 7); ++i) {
            const auto empty = static_cast<std::size_t>(Calendar::weekday_of(day + i));
            for (float& counts : known->counts[empty]) counts *= static_cast<float>(FADE);
            for (float& seen : known->seen[empty]) seen = seen * static_cast<float>(FADE) + 1;
        }
    }
    uncovered_.reset();
    for (Kind& kind : kinds_) kind.count *= FADE;
}

void Arrivals::keep_configured(const Engine& engine) {
    for (QueueId queue = 0; queue < queues_.size(); ++queue) {
        if (queues_[queue] && !engine.queue(queue).configured) queues_[queue].reset();
    }
    std::erase_if(kinds_, [&](const Kind& kind) {
        return !engine.queue(kind.queue).configured || engine.channel(kind.channel).index == NONE;
    });
}

Arrivals::Level Arrivals::level(const OfQueue& known, TimeUs now_us, const Calendar& calendar) const {
    Level level;
    const std::int32_t second = calendar.second_of_day(now_us);
    const int weekday = Calendar::weekday_of(calendar.day(now_us));
    double came = LEVEL_PRIOR, expected = LEVEL_PRIOR;
    for (std::size_t slot = 0; slot < slot_of(second); ++slot) {
        if (uncovered_.test(slot) || seen(known, weekday, slot) <= 0) continue;
        came += known.today[slot];
        expected += rate(known, {}, weekday, slot) * SLOT_S;
    }
    level.today = std::clamp(came / expected, LEVEL_MIN, LEVEL_MAX);
    const double span_s = std::max(RECENT_MIN_S, seconds(now_us - begun_us_));
    level.recent = known.recent * std::exp(-seconds(now_us - known.recent_at_us) / RECENT_S) /
                   (RECENT_S * -std::expm1(-span_s / RECENT_S));
    level.recent_days = RECENT_DAYS;
    return level;
}

// How many such half-hours of days of this kind were seen.
double Arrivals::seen(const OfQueue& known, int weekday, std::size_t slot) {
    double sum = 0;
    for (int other = 0; other < 7; ++other) {
        if (Calendar::kind_of(other) == Calendar::kind_of(weekday)) sum += static_cast<double>(known.seen[static_cast<std::size_t>(other)][slot]);
    }
    return sum;
}

// Calls per second: of this weekday, drawn towards days of its kind, they towards what came of late.
double Arrivals::rate(const OfQueue& known, const Level& level, int weekday, std::size_t slot) {
    double counts = 0;
    for (int other = 0; other < 7; ++other) {
        if (Calendar::kind_of(other) == Calendar::kind_of(weekday)) counts += static_cast<double>(known.counts[static_cast<std::size_t>(other)][slot]);
    }
    const double weight = seen(known, weekday, slot) + level.recent_days;
    if (weight <= 0) return 0;
    const double of_kind = (level.today * counts + level.recent_days * level.recent * SLOT_S) / weight;
    const auto own = static_cast<std::size_t>(weekday);
    const double own_counts = level.today * static_cast<double>(known.counts[own][slot]);
    return (own_counts + OTHER_DAYS_WEIGHT * of_kind) / (static_cast<double>(known.seen[own][slot]) + OTHER_DAYS_WEIGHT) / SLOT_S;
}

double Arrivals::rate_per_s(QueueId queue, TimeUs now_us, TimeUs at_us, const Calendar& calendar) const {
    if (queue >= queues_.size() || !queues_[queue]) return 0;
    const OfQueue& known = *queues_[queue];
    return rate(known, level(known, now_us, calendar), Calendar::weekday_of(calendar.day(at_us)),
                slot_of(calendar.second_of_day(at_us)));
}

std::vector<double> Arrivals::next_rates(const OfQueue& known, TimeUs now_us, const Calendar& calendar) const {
    const Level now = level(known, now_us, calendar);
    std::vector<double> rates_per_s;
    for (std::size_t i = 0; i < PERIODS; ++i) {
        const TimeUs at_us = now_us + static_cast<TimeUs>(i) * PERIOD_US + PERIOD_US / 2;
        rates_per_s.push_back(rate(known, now, Calendar::weekday_of(calendar.day(at_us)), slot_of(calendar.second_of_day(at_us))));
    }
    return rates_per_s;
}

std::vector<ArrivalStream> Arrivals::streams(TimeUs now_us, const Calendar& calendar) const {
    std::vector<const Kind*> busiest;
    for (const Kind& kind : kinds_) busiest.push_back(&kind);
    std::stable_sort(busiest.begin(), busiest.end(), [](const Kind* a, const Kind* b) { return a->count > b->count; });
    if (busiest.size() > STREAMS_MAX) busiest.resize(STREAMS_MAX);
    std::vector<double> of_all_kinds(queues_.size());
    for (const Kind& kind : kinds_) of_all_kinds[kind.queue] += kind.count;
    std::vector<std::vector<double>> of_queue(queues_.size());
    std::vector<ArrivalStream> streams;
    for (const Kind* kind : busiest) {
        std::vector<double>& rates_per_s = of_queue[kind->queue];
        if (rates_per_s.empty()) rates_per_s = next_rates(*queues_[kind->queue], now_us, calendar);
        ArrivalStream& stream = streams.emplace_back();
        stream.queue = kind->queue;
        stream.channel = kind->channel;
        stream.urgency = kind->urgency;
        stream.priority = kind->priority;
        stream.period_us = PERIOD_US;
        const double share = kind->count / std::max(of_all_kinds[kind->queue], 1e-300);
        for (const double rate : rates_per_s) stream.rates_per_s.push_back(rate * share);
    }
    return streams;
}

template <class Archive>
void Arrivals::archive(Archive& archive, const NameTable& names) {
    constexpr bool READS = std::is_same_v<Archive, ArchiveReader>;
    archive_time(archive, begun_us_);
    std::uint64_t uncovered = uncovered_.to_ullong();
    archive(uncovered);
    uncovered_ = std::bitset<SLOTS>(uncovered);
    const auto count = [&](float& value) {
        double wide = static_cast<double>(value);
        archive_count(archive, wide, 1e12);
        value = static_cast<float>(wide);
    };
    names.each_queue(archive, [&](QueueId id) {
        bool present = id < queues_.size() && queues_[id];
        archive(present);
        if (!present) return;
        OfQueue unknown;
        OfQueue& known = id == NONE ? unknown : of(id);
        for (Slots& slots : known.counts) std::for_each(slots.begin(), slots.end(), count);
        for (Slots& slots : known.seen) std::for_each(slots.begin(), slots.end(), count);
        archive(known.today);
        archive_count(archive, known.recent);
        archive_time(archive, known.recent_at_us);
    });
    std::uint64_t size = kinds_.size();
    archive(size);
    if (size > KINDS_MAX) throw CorruptSnapshot("the snapshot has too many kinds of calls");
    kinds_.resize(size);
    for (Kind& kind : kinds_) {
        names.queue(archive, kind.queue);
        names.channel(archive, kind.channel);
        archive(kind.urgency);
        archive(kind.priority);
        archive_count(archive, kind.count);
    }
    if constexpr (READS) {
        std::erase_if(kinds_, [this](const Kind& kind) {
            return kind.channel == NONE || kind.queue >= queues_.size() || !queues_[kind.queue];
        });
    }
}
template void Arrivals::archive(ArchiveWriter&, const NameTable&);
template void Arrivals::archive(ArchiveReader&, const NameTable&);

}  // namespace router::wait
