// Who waits: what has become otherwise since somebody last asked, however many commands ago that was.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "engine.hpp"
#include "service/follower.hpp"

namespace router::service {

enum class WaitingKind : std::uint8_t {
    nothing,  // came and went since
    entered,  // a new stay: the call has come into a queue, or anew
    offered,  // the same stay: it was offered to somebody, or an offer has ended, or both
    left,     // the stay is over, and no other has followed
};

// What became of one call. Only the outcome is told, not the way to it.
struct WaitingChange {
    WaitingKind kind = WaitingKind::nothing;
    CallId call = NONE;
    std::string name;            // of one that has left: its number may stand for another call by now
    QueueId queue = NONE;        // entered
    std::uint64_t sequence = 0;  // entered: the command with which the stay began
    bool told = false;           // who asks knows an earlier stay of it
    bool follows = false;        // entered: on the stay that was told, without a gap
    bool on_offer = false;       // now; filled in when it is taken
};

// Memory grows with the calls that the engine has had at once, not with the commands since it was last asked.
class Waiting final : public Follower {
public:
    // Everything so far is known to who asks; before this, nothing is followed. O(calls known).
    void begin(const Engine& engine);
    void observe(const Done& done) override;

    // Whether anything has changed since this was last asked, though it may have changed back.
    bool take_news();
    // How many changes there are to take.
    std::size_t size() const { return changes_.size() - gone_; }
    // Whether something of that is a call that waits now, and is not on offer.
    bool has_waiting() const { return waiting_ > 0; }
    // What has changed since this was last asked, in the order in which stays began or were first touched.
    std::vector<WaitingChange> take();

private:
    struct Place {
        Id change = NONE;  // which of the changes is about the call that has the number now
        bool here = false;
        bool on_offer = false;
    };

    Place& place(CallId call);
    bool waits(const Place& place) const { return place.here && !place.on_offer && place.change != NONE; }
    void follow(const Engine& engine, const Event& event);
    void enter(const Event& event);
    void leave(const Engine& engine, const Event& event);
    void set_offered(CallId call, bool on_offer);
    void move(const Event& event);
    void add(WaitingChange change);
    void retract(Place& place);
    void compact();

    bool begun_ = false;
    bool news_ = false;
    std::vector<Place> places_;  // by number of the call
    std::vector<WaitingChange> changes_;
    std::size_t gone_ = 0;     // of the changes: how many are `nothing`
    std::size_t waiting_ = 0;  // places for which waits() is true
};

}  // namespace router::service
