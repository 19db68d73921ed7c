// What a verb failed of, in libremctl's words.
#pragma once

#include <string>

#include "connection/channel.hpp"
#include "transport/error.hpp"

namespace pyremctl {

inline Error timed_out(const char *doing) {
    return Error(std::string("error ") + doing + ": timed out", Failure::timeout).passing();
}

/// A call whose time was up before it began.
inline Error too_late() {
    return Error("timed out before anything was sent", Failure::timeout).passing();
}

inline Error failed(const char *doing, const std::string &problem) {
    return Error(std::string("error ") + doing + ": " + problem,
                 problem == "timed out" ? Failure::timeout : Failure::general)
        .passing();
}

/// What libremctl gave up with. Where it saw no more than the end of its pair,
/// the socket's own problem says why.
inline Error refused(const std::string &error, const Channel &channel) {
    if (channel.problem().empty() || !error.ends_with(": unexpected end of file"))
        return Error(error);
    return failed("receiving token", channel.problem());
}

} // namespace pyremctl
