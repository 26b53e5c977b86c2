#include "presence.hpp"

#include <algorithm>

#include "archive.hpp"

namespace router::wait {

void Presence::end_day(DayKind kind, bool anybody_worked) {
    const AgentModel::Day day = today_;
    today_ = {};
    if (!anybody_worked) return;
    switch (kind) {
        case DayKind::workday: return workdays_.add(day);
        case DayKind::saturday: return saturdays_.add(day);
        case DayKind::sunday: return sundays_.add(day);
    }
}

template <std::size_t SIZE>
void Presence::Days<SIZE>::tell(AgentModel& model) const {
    static_assert(SIZE <= std::tuple_size_v<decltype(model.days)>);
    model.days_known = static_cast<std::uint8_t>(std::min<std::size_t>(ended, SIZE));
    std::copy_n(days.begin(), model.days_known, model.days.begin());
}

void Presence::tell(DayKind kind, AgentModel& model) const {
    model.seen_today = seen_today();
    switch (kind) {
        case DayKind::workday: return workdays_.tell(model);
        case DayKind::saturday: return saturdays_.tell(model);
        case DayKind::sunday: return sundays_.tell(model);
    }
}

template <class Archive>
void Presence::archive(Archive& archive) {
    const auto day = [&](AgentModel::Day& one) {
        archive(one.in_s);
        archive(one.out_s);
        const bool absent = one.in_s == -1 && one.out_s == -1;
        if (!absent && (one.in_s < 0 || one.out_s < one.in_s || one.out_s >= DAY_S)) {
            throw CorruptSnapshot("the snapshot has a time of day out of range");
        }
    };
    const auto days = [&](auto& of_kind) {
        archive(of_kind.ended);
        const std::size_t known = std::min<std::size_t>(of_kind.ended, of_kind.days.size());
        for (std::size_t i = 0; i < known; ++i) day(of_kind.days[i]);
    };
    day(today_);
    days(workdays_);
    days(saturdays_);
    days(sundays_);
}
template void Presence::archive(ArchiveWriter&);
template void Presence::archive(ArchiveReader&);

}  // namespace router::wait
