#include "number_table.hpp"

#include <algorithm>
#include <utility>

#include "keyed_hash.hpp"

namespace router {

namespace {

constexpr std::size_t PLACES_MIN = 16;
constexpr std::size_t NUMBERS_MAX = std::size_t{1} << 31;  // half of the hashes, so that chains stay short

}  // namespace

NumberTable::Hash NumberTable::hash_of(std::string_view text) {
    const auto hash = static_cast<Hash>(process_hash(text));
    return hash == 0 ? 1 : hash;
}

void NumberTable::insert(Hash hash, std::uint32_t number) {
    ROUTER_CHECK(hash != 0 && size_ < NUMBERS_MAX);
    if ((size_ + 1) * 3 > places_.size() * 2) grow();
    put({hash, number});
    ++size_;
}

void NumberTable::erase(Hash hash, std::uint32_t number) {
    ROUTER_CHECK(size_ > 0);
    std::size_t gap = hash & mask();
    for (; places_[gap].hash != hash || places_[gap].number != number; gap = (gap + 1) & mask()) ROUTER_CHECK(places_[gap].hash != 0);
    // Those after it that would not be found across the gap move up.
    for (std::size_t next = (gap + 1) & mask(); places_[next].hash != 0; next = (next + 1) & mask()) {
        const std::size_t home = places_[next].hash & mask();
        if (((next - home) & mask()) < ((next - gap) & mask())) continue;
        places_[gap] = places_[next];
        gap = next;
    }
    places_[gap] = Place{};
    --size_;
}

void NumberTable::put(Place place) {
    std::size_t at = place.hash & mask();
    while (places_[at].hash != 0) at = (at + 1) & mask();
    places_[at] = place;
}

void NumberTable::grow() {
    const std::vector<Place> earlier = std::exchange(places_, std::vector<Place>(std::max(PLACES_MIN, places_.size() * 2)));
    for (const Place& place : earlier) {
        if (place.hash != 0) put(place);
    }
}

}  // namespace router
