// A child of the process that writes down what memory held when it was made, while the process goes on.
//
// The child is a copy of the whole process with one thread and one open file beside standard error, the pipe to its
// parent. It runs no Python and no signal handler, dies with the thread that made it, and is the first to go when memory
// runs out. Linux only.
#pragma once

#include <sys/types.h>

#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "process/part.hpp"

namespace router::process {

// The child has not written all that it should; the message says why.
class ChildFailed : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

class Child {
public:
    // Makes the child, which begins with the first part. The calling thread is held up for the copy of the page tables, and
    // must live until `read` returns. Throws std::system_error where the system does not let it.
    explicit Child(const std::vector<Part>& parts);
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    // Ends it if it is still there; nothing is left of it.
    ~Child();

    pid_t pid() const { return pid_; }
    // Returns the bytes of all parts when the child is done, and ends it. Waits for so long at most. Once, in any thread.
    // Throws ChildFailed.
    std::vector<std::string> read(double timeout_s);
    // Let it end at once; who reads will be told that it failed. From any thread, at any time.
    void kill();

private:
    std::string reap();

    std::size_t parts_;
    int pipe_ = -1;
    pid_t pid_ = -1;
    std::mutex ending_;  // a process id is given to somebody else once the child is reaped
    bool reaped_ = false;
};

}  // namespace router::process
