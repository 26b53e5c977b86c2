#include "process/child.hpp"

#include <cerrno>
#include <cstring>
#include <system_error>

#if defined(__linux__)

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace router::process {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int PIPE_BYTES = 1 << 20;
constexpr int NICER_BY = 10;  // who answers goes first
constexpr int PIPE = 3;       // in the child
constexpr char WRITTEN = 'w', FAILED = 'f', DONE = 'd';

[[noreturn]] void refuse(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

// No signal is handled while it exists: in the child none ever is, in the parent they wait.
class SignalsBlocked {
public:
    SignalsBlocked() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;

private:
    sigset_t before_;
};

// ---- in the child ----

bool write_all(const char* bytes, std::size_t size) {
    while (size > 0) {
        const ssize_t written = write(PIPE, bytes, size);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        bytes += written;
        size -= static_cast<std::size_t>(written);
    }
    return true;
}

bool write_frame(char kind, const std::string& content) {
    char head[1 + sizeof(std::uint64_t)] = {kind};
    const std::uint64_t size = content.size();
    std::memcpy(head + 1, &size, sizeof size);
    return write_all(head, sizeof head) && write_all(content.data(), content.size());
}

void close_from(int first) {
    if (syscall(SYS_close_range, static_cast<unsigned>(first), ~0u, 0u) == 0) return;
    const int end = static_cast<int>(sysconf(_SC_OPEN_MAX));
    for (int file = first; file < end; ++file) close(file);
}

// Keep the pipe, and standard error for what may be said by an abort. Sockets and locks are let go before anything else.
bool keep_only(int pipe) {
    if (pipe != PIPE && dup2(pipe, PIPE) != PIPE) return false;
    close(0);
    close(1);
    if (pipe == 2) close(2);
    close_from(PIPE + 1);
    return true;
}

// Where memory runs out the system should take the copy, and not the process that everybody waits for.
void go_first_when_memory_ends() {
    const int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (file < 0) return;
    [[maybe_unused]] const ssize_t written = write(file, "1000", 4);
    close(file);
}

bool write_parts(const std::vector<Part>& parts) {
    try {
        for (const Part& part : parts) {
            if (!write_frame(WRITTEN, part())) return false;
        }
        return write_frame(DONE, std::string());
    } catch (const std::exception& error) {
        return write_frame(FAILED, error.what());
    } catch (...) {
        return write_frame(FAILED, "something else than an exception was thrown");
    }
}

[[noreturn]] void be_the_child(pid_t parent, int pipe, const std::vector<Part>& parts) {
    // the parent may have gone before it could be asked for
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent || !keep_only(pipe)) _exit(2);
    prctl(PR_SET_NAME, "router-snapshot");
    go_first_when_memory_ends();
    [[maybe_unused]] const int priority = nice(NICER_BY);
    _exit(write_parts(parts) ? 0 : 1);
}

// ---- in the parent ----

class EndedEarly : public ChildFailed {
public:
    EndedEarly() : ChildFailed("it ended early") {}
};

// Reads frames until a moment.
class Frames {
public:
    Frames(int pipe, Clock::time_point until) : pipe_(pipe), until_(until) {}

    char next(std::string& content) {
        char head[1 + sizeof(std::uint64_t)];
        fill(head, sizeof head);
        std::uint64_t size = 0;
        std::memcpy(&size, head + 1, sizeof size);
        content.resize(size);
        fill(content.data(), size);
        return head[0];
    }

private:
    void fill(char* to, std::size_t size) {
        while (size > 0) {
            wait();
            const ssize_t got = ::read(pipe_, to, size);
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) throw ChildFailed(std::string("its pipe cannot be read: ") + std::strerror(errno));
            if (got == 0) throw EndedEarly();
            to += got;
            size -= static_cast<std::size_t>(got);
        }
    }
    void wait() {
        while (true) {
            const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until_ - Clock::now()).count();
            pollfd one{pipe_, POLLIN, 0};
            const int found = left <= 0 ? 0 : poll(&one, 1, static_cast<int>(std::min<std::int64_t>(left, 1 << 30)));
            if (found > 0) return;
            if (found == 0) throw ChildFailed("it was not done in time");
            if (errno != EINTR) throw ChildFailed(std::string("its pipe cannot be waited for: ") + std::strerror(errno));
        }
    }

    int pipe_;
    Clock::time_point until_;
};

std::vector<std::string> read_parts(Frames frames, std::size_t count) {
    std::vector<std::string> contents;
    std::string content;
    while (true) {
        switch (frames.next(content)) {
            case WRITTEN:
                contents.push_back(std::move(content));
                break;
            case DONE:
                if (contents.size() != count) throw ChildFailed("it has not written everything");
                return contents;
            case FAILED:
                throw ChildFailed(content);
            default:
                throw ChildFailed("what it wrote cannot be understood");
        }
    }
}

std::string said_of(int status) {
    if (WIFSIGNALED(status)) return "killed by signal " + std::to_string(WTERMSIG(status));
    return "exit status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

Child::Child(const std::vector<Part>& parts) : parts_(parts.size()) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) refuse("no pipe can be made");
    fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES);  // fewer turns; it works with less
    const pid_t parent = getpid();
    int refused = 0;
    {
        const SignalsBlocked blocked;
        pid_ = fork();
        if (pid_ == 0) be_the_child(parent, ends[1], parts);
        refused = errno;
    }
    close(ends[1]);
    pipe_ = ends[0];
    if (pid_ > 0) return;
    close(pipe_);
    errno = refused;
    refuse("no child can be made");
}

Child::~Child() {
    kill();
    reap();
    close(pipe_);
}

std::vector<std::string> Child::read(double timeout_s) {
    if (reaped_) throw ChildFailed("it is gone already");
    const auto timeout = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(timeout_s));
    try {
        std::vector<std::string> contents = read_parts(Frames(pipe_, Clock::now() + timeout), parts_);
        kill();  // it has nothing more to do
        reap();
        return contents;
    } catch (const EndedEarly& error) {
        throw ChildFailed(std::string(error.what()) + " (" + reap() + ")");
    } catch (...) {
        kill();
        reap();
        throw;
    }
}

void Child::kill() {
    const std::lock_guard held(ending_);
    if (!reaped_) ::kill(pid_, SIGKILL);
}

// Waits until the child, which has ended or is about to, is gone, and returns how it ended.
std::string Child::reap() {
    if (reaped_) return {};
    siginfo_t info;
    // leaves it there, so that nobody has to wait for the lock
    while (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {}
    const std::lock_guard held(ending_);
    int status = 0;
    const bool is_known = waitpid(pid_, &status, 0) == pid_;
    reaped_ = true;
    return is_known ? said_of(status) : "how is not known";
}

}  // namespace router::process

#else

namespace router::process {

Child::Child(const std::vector<Part>& parts) : parts_(parts.size()) {
    throw std::system_error(ENOSYS, std::generic_category(), "children are made on Linux only");
}
Child::~Child() = default;
std::vector<std::string> Child::read(double) { return {}; }
void Child::kill() {}
std::string Child::reap() { return {}; }

}  // namespace router::process

#endif
