#include "transport/error.hpp"

#include <sys/resource.h>

#include <cerrno>
#include <cstring>

namespace pyremctl {

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
    return Error("cannot create " + what + ": " + problem_of(errno));
}

} // namespace pyremctl
