#include "service/command_counts.hpp"

namespace router::service {

// A rejection is the last of the events: nothing follows from the command.
void CommandCounts::observe(const Done& done) {
    const std::vector<Event>& events = done.engine.events();
    if (events.empty() || events.back().kind != EventKind::command_rejected) {
        ++of(done.kind)[COMMAND_DONE];
        return;
    }
    const std::uint8_t reason = events.back().code;
    ROUTER_CHECK(reason < REJECT_REASONS);
    ++of(done.kind)[COMMAND_REJECTED];
    ++rejections_[reason];
}

}  // namespace router::service
