#include "offer_table.hpp"

#include <utility>

namespace router {

bool OfferTable::erase(std::uint64_t offer) {
    if (count_ == 0) return false;
    std::size_t hole = home(offer);
    for (; slots_[hole].offer != offer || slots_[hole].call == NONE; hole = (hole + 1) & mask()) {
        if (slots_[hole].call == NONE) return false;
    }
    --count_;
    // Whoever stands behind and would be sought from the hole on moves up.
    for (std::size_t at = (hole + 1) & mask(); slots_[at].call != NONE; at = (at + 1) & mask()) {
        const std::size_t walked = (at - home(slots_[at].offer)) & mask();
        if (walked < ((at - hole) & mask())) continue;
        slots_[hole] = slots_[at];
        hole = at;
    }
    slots_[hole].call = NONE;
    return true;
}

void OfferTable::grow() {
    const std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(slots_.empty() ? 16 : 2 * slots_.size()));
    for (const Slot& slot : old) {
        if (slot.call != NONE) place(slot.offer, slot.call);
    }
}

}  // namespace router
