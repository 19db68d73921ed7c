#include "transport/error.hpp"

#include <sys/resource.h>

#include <cerrno>
#include <cstring>

namespace pyremctl {

Error no_descriptor(const std::string &what) {
    const int error = errno;
    std::string text = "cannot create " + what + ": " + std::strerror(error);
    rlimit limit{};
    if (error == EMFILE && ::getrlimit(RLIMIT_NOFILE, &limit) == 0)
        text += " (" + std::to_string(limit.rlim_cur) +
                " descriptors are in use, which is this process's limit: ulimit -n)";
    return Error(text);
}

} // namespace pyremctl
