// The least program that simulates M/M/n: two heaps, random numbers, the statistics of the waits, and no router.
//
// A heap holds what will happen (the next arrival, the end of each service), another who waits, by arrival; the longest
// idle agent is first in a ring. Random numbers are the standard library's: mt19937_64 and exponential_distribution. Of
// all waits: mean, share above 0, and a histogram to 2^-10 of the value; of the line: its integral over time; of each
// agent: busy time and calls. Prints one line of JSON; the seconds are the processor's, for the loop alone.
//
// bare_loop AGENTS ARRIVALS SERVICE CUSTOMERS SEED: rates per second of simulated time, whole calls.

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <queue>
#include <random>
#include <vector>

namespace {

struct Happening {
    double time;
    std::uint32_t agent;  // who is done, or ARRIVAL

    static constexpr std::uint32_t ARRIVAL = ~0U;
    bool operator>(const Happening& other) const { return time > other.time; }
};

struct Waiting {
    double arrival;
    std::uint64_t number;

    bool operator>(const Waiting& other) const {
        return arrival != other.arrival ? arrival > other.arrival : number > other.number;
    }
};

template <typename Entry>
using Heap = std::priority_queue<Entry, std::vector<Entry>, std::greater<Entry>>;

// Who is idle, the longest idle first.
class Ring {
public:
    explicit Ring(std::uint32_t agents) : agents_(agents) {
        for (std::uint32_t agent = 0; agent < agents; ++agent) push(agent);
    }
    bool empty() const { return size_ == 0; }
    void push(std::uint32_t agent) {
        std::size_t place = first_ + size_++;
        if (place >= agents_.size()) place -= agents_.size();
        agents_[place] = agent;
    }
    std::uint32_t pop() {
        const std::uint32_t agent = agents_[first_];
        if (++first_ == agents_.size()) first_ = 0;
        --size_;
        return agent;
    }

private:
    std::vector<std::uint32_t> agents_;
    std::size_t first_ = 0;
    std::size_t size_ = 0;
};

class Histogram {
public:
    void add(double wait_s) {
        const auto value = static_cast<std::uint64_t>(wait_s * 1e6);
        const auto shift = static_cast<std::size_t>(std::bit_width(value >> 11));
        const std::size_t index = (shift << 10) + (value >> shift);
        if (index >= counts_.size()) counts_.resize(index + 1024);
        ++counts_[index];
        ++count_;
    }
    // The lower edge of the bucket that this share lies below.
    double quantile(double share) const {
        auto left = static_cast<std::uint64_t>(share * static_cast<double>(count_));
        std::size_t index = 0;
        while (index < counts_.size() && counts_[index] <= left) left -= counts_[index++];
        const std::size_t shift = index < 2048 ? 0 : (index >> 10) - 1;
        return static_cast<double>((index - (shift << 10)) << shift) * 1e-6;
    }

private:
    std::vector<std::uint64_t> counts_;
    std::uint64_t count_ = 0;
};

struct Agent {
    double busy_s = 0;
    std::uint64_t calls = 0;
};

class Line {
public:
    Line(std::uint32_t agents, double arrivals, double service, std::uint64_t seed)
        : idle_(agents), agents_(agents), interval_(arrivals), handle_time_(service), random_(seed) {}

    void run(std::uint64_t customers) {
        happenings_.push({interval_(random_), Happening::ARRIVAL});
        while (!happenings_.empty()) {
            const Happening next = happenings_.top();
            happenings_.pop();
            line_integral_ += static_cast<double>(waiting_.size()) * (next.time - now_);
            now_ = next.time;
            if (next.agent != Happening::ARRIVAL) {
                release(next.agent);
            } else {
                arrive();
                if (arrived_ < customers) happenings_.push({now_ + interval_(random_), Happening::ARRIVAL});
            }
        }
    }

    void print(double seconds) const {
        double busy_s = 0;
        std::uint64_t answered = 0;
        for (const Agent& agent : agents_) {
            busy_s += agent.busy_s;
            answered += agent.calls;
        }
        const auto count = static_cast<double>(arrived_);
        std::printf("{\"customers\": %llu, \"answered\": %llu, \"wait_mean\": %.9g, \"delayed\": %.9g, \"wait_p95\": %.9g, "
                    "\"waiting_mean\": %.9g, \"busy_mean\": %.9g, \"seconds\": %.6f}\n",
                    static_cast<unsigned long long>(arrived_), static_cast<unsigned long long>(answered), wait_sum_ / count,
                    static_cast<double>(delayed_) / count, waits_.quantile(0.95), line_integral_ / now_, busy_s / now_, seconds);
    }

private:
    void arrive() {
        const std::uint64_t number = arrived_++;
        if (idle_.empty()) {
            waiting_.push({now_, number});
            ++delayed_;
        } else {
            serve(idle_.pop(), now_);
        }
    }

    void release(std::uint32_t agent) {
        if (waiting_.empty()) return idle_.push(agent);
        const double arrival = waiting_.top().arrival;
        waiting_.pop();
        serve(agent, arrival);
    }

    void serve(std::uint32_t agent, double arrival) {
        const double handle_time = handle_time_(random_);
        wait_sum_ += now_ - arrival;
        waits_.add(now_ - arrival);
        agents_[agent].busy_s += handle_time;
        ++agents_[agent].calls;
        happenings_.push({now_ + handle_time, agent});
    }

    Heap<Happening> happenings_;
    Heap<Waiting> waiting_;
    Ring idle_;
    std::vector<Agent> agents_;
    std::exponential_distribution<double> interval_;
    std::exponential_distribution<double> handle_time_;
    std::mt19937_64 random_;
    Histogram waits_;
    double now_ = 0;
    double line_integral_ = 0;
    double wait_sum_ = 0;
    std::uint64_t arrived_ = 0;
    std::uint64_t delayed_ = 0;
};

}  // namespace

int main(int count, char** words) {
    if (count != 6) {
        std::fprintf(stderr, "usage: bare_loop AGENTS ARRIVALS SERVICE CUSTOMERS SEED\n");
        return 2;
    }
    const auto agents = static_cast<std::uint32_t>(std::strtoul(words[1], nullptr, 10));
    const double arrivals = std::strtod(words[2], nullptr);
    const double service = std::strtod(words[3], nullptr);
    const std::uint64_t customers = std::strtoull(words[4], nullptr, 10);
    if (agents == 0 || !(arrivals > 0) || !(service > 0) || customers == 0) {
        std::fprintf(stderr, "bare_loop: all of agents, rates and customers must be above 0\n");
        return 2;
    }
    Line line(agents, arrivals, service, std::strtoull(words[5], nullptr, 10));
    const std::clock_t began = std::clock();
    line.run(customers);
    line.print(static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC);
    return 0;
}
