#include "service/followers.hpp"

#include <exception>
#include <utility>

namespace router::service {

void Followers::tell(const Done& done) {
    for (std::size_t index = 0; index < told_.size(); ++index) {
        try {
            told_[index].follower->observe(done);
        } catch (const std::exception& error) {
            if (told_[index].vital) throw;
            note(index, error.what());
        }
    }
}

std::optional<Followers::Fault> Followers::take_fault() { return std::exchange(fault_, std::nullopt); }

void Followers::note(std::size_t follower, const char* what) {
    if (told_[follower].faulty || fault_) return;
    told_[follower].faulty = true;
    fault_ = Fault{follower, what};
}

}  // namespace router::service
