#include "transport/error.hpp"

#include <sys/resource.h>

#include <cerrno>
#include <cstring>

namespace pyremctl {

const char *name_of(ErrorKind kind) noexcept {
    switch (kind) {
    case ErrorKind::resolve:
        return "resolve";
    case ErrorKind::connect:
        return "connect";
    case ErrorKind::ticket:
        return "ticket";
    case ErrorKind::kdc:
        return "kdc";
    case ErrorKind::authenticate:
        return "authenticate";
    case ErrorKind::timeout:
        return "timeout";
    case ErrorKind::lost:
        return "lost";
    case ErrorKind::protocol:
        return "protocol";
    case ErrorKind::not_opened:
    case ErrorKind::misuse:
        return "misuse";
    case ErrorKind::local:
        break;
    }
    return "local";
}

std::string descriptors_used_up() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return "this process's limit: ulimit -n";
    return std::to_string(limit.rlim_cur) +
           " descriptors are in use, which is this process's limit: ulimit -n";
}

std::string problem_of(int error) {
    const std::string text = std::strerror(error);
    return error == EMFILE ? text + " (" + descriptors_used_up() + ")" : text;
}

Error no_descriptor(const std::string &what) {
    return {ErrorKind::local, "cannot create " + what + ": " + problem_of(errno)};
}

} // namespace pyremctl
