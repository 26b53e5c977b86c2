// A bad disk, put under one process with LD_PRELOAD: what it writes, reads and flushes below one directory may go wrong.
//
// ROUTER_FAULTS_DIR names the directory, ROUTER_FAULTS_FILE a file with one line: "KIND SUFFIX SKIP COUNT DELAY_MS". It is
// read again at each operation, so that a fault can come and go while the process runs. KIND is what goes wrong, with
// files whose names end in SUFFIX ("*": all); the first SKIP operations of the kind go well, COUNT after them go wrong.
// A slow flush takes DELAY_MS longer.
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>

namespace {

struct Fault {
    std::string line;  // as it stands in the file
    char kind[32] = "";
    char suffix[64] = "";
    long skip = 0;
    long count = 0;
    long delay_ms = 0;
};

std::mutex lock;
Fault fault;

std::string content_of(const char* path) {
    const int file = static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0));
    if (file < 0) return "";
    char buffer[256];
    const long size = syscall(SYS_read, file, buffer, sizeof buffer);
    syscall(SYS_close, file);
    return size > 0 ? std::string(buffer, static_cast<std::size_t>(size)) : "";
}

std::string path_of(int file) {
    char link[64];
    char path[4096];
    std::snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    const long size = syscall(SYS_readlink, link, path, sizeof path);
    return size > 0 ? std::string(path, static_cast<std::size_t>(size)) : "";
}

bool matches(const std::string& path, const char* suffix) {
    const char* directory = std::getenv("ROUTER_FAULTS_DIR");
    if (directory == nullptr || path.compare(0, std::strlen(directory), directory) != 0) return false;
    if (std::strcmp(suffix, "*") == 0) return true;
    const std::size_t size = std::strlen(suffix);
    return path.size() >= size && path.compare(path.size() - size, size, suffix) == 0;
}

// Whether this operation goes wrong in this way.
bool strikes(const char* kind, const std::string& path) {
    const char* control = std::getenv("ROUTER_FAULTS_FILE");
    if (control == nullptr) return false;
    const std::lock_guard<std::mutex> guard(lock);
    const std::string line = content_of(control);
    if (line != fault.line) {
        fault = Fault{};
        fault.line = line;
        std::sscanf(line.c_str(), "%31s %63s %ld %ld %ld", fault.kind, fault.suffix, &fault.skip, &fault.count,
                    &fault.delay_ms);
    }
    if (std::strcmp(fault.kind, kind) != 0 || !matches(path, fault.suffix)) return false;
    if (fault.skip > 0) {
        --fault.skip;
        return false;
    }
    return fault.count > 0 && fault.count-- > 0;
}

bool strikes(const char* kind, int file) { return strikes(kind, path_of(file)); }

long failed(int reason) {
    errno = reason;
    return -1;
}

long write_at(int file, const void* data, std::size_t size, off_t offset) {
    if (strikes("write-eio", file)) return failed(EIO);
    if (strikes("write-full", file)) {
        // a full disk takes what still fits
        if (size > 1) syscall(SYS_pwrite64, file, data, size / 2, offset);
        return failed(ENOSPC);
    }
    if (strikes("write-short", file) && size > 1) size /= 2;
    if (strikes("write-flipped", file)) {
        std::string damaged(static_cast<const char*>(data), size);
        damaged[size / 2] = static_cast<char>(damaged[size / 2] ^ 4);
        return syscall(SYS_pwrite64, file, damaged.data(), size, offset);
    }
    return syscall(SYS_pwrite64, file, data, size, offset);
}

long read_at(int file, void* data, std::size_t size, off_t offset) {
    const long got = syscall(SYS_pread64, file, data, size, offset);
    if (got > 0 && strikes("read-flipped", file)) static_cast<char*>(data)[got / 2] ^= 4;
    return got;
}

int flush(int file, long number) {
    if (strikes("sync-slow", file)) {
        timespec left{fault.delay_ms / 1000, fault.delay_ms % 1000 * 1'000'000};
        while (nanosleep(&left, &left) != 0 && errno == EINTR) {
        }
    }
    // what was written is lost to the disk, and the next flush says that all is well
    if (strikes("sync-eio", file)) return static_cast<int>(failed(EIO));
    return static_cast<int>(syscall(number, file));
}

int open_at(int directory, const char* path, int flags, mode_t mode) {
    const bool writes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT) != 0;
    if (writes && path[0] == '/' && strikes("open-readonly", std::string(path))) return static_cast<int>(failed(EROFS));
    return static_cast<int>(syscall(SYS_openat, directory, path, flags, mode));
}

mode_t mode_in(int flags, va_list arguments) {
    return (flags & (O_CREAT | O_TMPFILE)) != 0 ? static_cast<mode_t>(va_arg(arguments, int)) : 0;
}

}  // namespace

#define OPEN_WITH_MODE(directory)               \
    va_list arguments;                          \
    va_start(arguments, flags);                 \
    const mode_t mode = mode_in(flags, arguments); \
    va_end(arguments);                          \
    return open_at(directory, path, flags, mode)

extern "C" {

ssize_t pwrite(int file, const void* data, std::size_t size, off_t offset) { return write_at(file, data, size, offset); }
ssize_t pwrite64(int file, const void* data, std::size_t size, off_t offset) { return write_at(file, data, size, offset); }
ssize_t pread(int file, void* data, std::size_t size, off_t offset) { return read_at(file, data, size, offset); }
ssize_t pread64(int file, void* data, std::size_t size, off_t offset) { return read_at(file, data, size, offset); }
ssize_t __pread_chk(int file, void* data, std::size_t size, off_t offset, std::size_t) { return read_at(file, data, size, offset); }
ssize_t __pread64_chk(int file, void* data, std::size_t size, off_t offset, std::size_t) { return read_at(file, data, size, offset); }
int fsync(int file) { return flush(file, SYS_fsync); }
int fdatasync(int file) { return flush(file, SYS_fdatasync); }
int open(const char* path, int flags, ...) { OPEN_WITH_MODE(AT_FDCWD); }
int open64(const char* path, int flags, ...) { OPEN_WITH_MODE(AT_FDCWD); }
int openat(int directory, const char* path, int flags, ...) { OPEN_WITH_MODE(directory); }
int openat64(int directory, const char* path, int flags, ...) { OPEN_WITH_MODE(directory); }
int __open_2(const char* path, int flags) { return open_at(AT_FDCWD, path, flags, 0); }
int __open64_2(const char* path, int flags) { return open_at(AT_FDCWD, path, flags, 0); }

}
