// One push and one pop on a binary heap of the standard library, and nothing else: the least that any order costs.
//
// usage: bare_heap ENTRIES [PAIRS [ROUNDS]]. The heap holds so many entries (a key and a number, 16 bytes); each pair takes
// the least and puts it back with a later key, drawn beforehand. Prints nanoseconds per pair (the best round) and a digest
// of the order in which entries came out; Python's heapq must give the same (bench/baselines.py).
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <queue>
#include <vector>

namespace {

struct Entry {
    std::uint64_t key;
    std::uint64_t number;
    bool operator>(const Entry& other) const { return key != other.key ? key > other.key : number > other.number; }
};

using Heap = std::priority_queue<Entry, std::vector<Entry>, std::greater<>>;

std::uint64_t draw(std::uint64_t& state) {
    state = state * 6364136223846793005 + 1442695040888963407;
    return (state >> 33) % 1'000'000;
}

}  // namespace

int main(int count, char** words) {
    const std::size_t entries = count > 1 ? std::strtoull(words[1], nullptr, 10) : 100;
    const std::size_t pairs = count > 2 ? std::strtoull(words[2], nullptr, 10) : 1'000'000;
    const int rounds = count > 3 ? std::atoi(words[3]) : 10;
    if (entries == 0 || pairs == 0 || rounds < 1) {
        std::fprintf(stderr, "usage: bare_heap ENTRIES [PAIRS [ROUNDS]], all above 0\n");
        return 2;
    }
    std::uint64_t state = 1;
    std::vector<std::uint64_t> later(pairs);
    for (std::uint64_t& key : later) key = draw(state);
    double best_ns = 0;
    std::uint64_t digest = 0;
    for (int round = 0; round < rounds; ++round) {
        std::vector<Entry> start(entries);
        for (std::size_t number = 0; number < entries; ++number) start[number] = {later[number % pairs], number};
        Heap heap(std::greater<>{}, std::move(start));
        digest = 0;
        const auto began = std::chrono::steady_clock::now();
        for (const std::uint64_t key : later) {
            Entry first = heap.top();
            heap.pop();
            digest = digest * 31 + first.number;
            first.key += key;
            heap.push(first);
        }
        const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - began;
        if (round == 0 || spent.count() < best_ns) best_ns = spent.count();
    }
    std::printf("%.2f %llu\n", best_ns / static_cast<double>(pairs), static_cast<unsigned long long>(digest));
    return 0;
}
