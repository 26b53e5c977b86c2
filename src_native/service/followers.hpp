// All that follow one engine, in the order in which they are told.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "service/follower.hpp"

namespace router::service {

class Followers {
public:
    struct Fault {
        std::size_t follower = 0;  // its place in the order
        std::string what;
    };

    // What a vital one throws is thrown to who tells it. What another one throws harms nobody: see take_fault.
    void add(Follower* follower, bool vital) { told_.push_back({follower, vital}); }
    void tell(const Done& done);
    bool has_fault() const { return fault_.has_value(); }
    // The first fault of a follower that nobody was told of yet; there is at most one for each follower.
    std::optional<Fault> take_fault();

private:
    struct Told {
        Follower* follower = nullptr;
        bool vital = false;
        bool faulty = false;
    };

    void note(std::size_t follower, const char* what);

    std::vector<Told> told_;
    std::optional<Fault> fault_;
};

}  // namespace router::service
