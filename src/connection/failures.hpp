// What a verb failed of, in libremctl's words.
#pragma once

#include <string>
#include <utility>

#include "connection/channel.hpp"
#include "transport/error.hpp"

namespace pyremctl {

inline Error timed_out(const char *doing) {
    return {ErrorKind::timeout, std::string("error ") + doing + ": timed out"};
}

/// Before anything was sent to the server. Often it is the KDC that is silent;
/// the hint says what is known.
inline Error kdc_silent(std::string hint) {
    return Error(ErrorKind::timeout, "GSS-API error initializing context: timed out")
        .with_hint(std::move(hint));
}

/// A call whose time was up before it began.
inline Error too_late() {
    return Error(ErrorKind::timeout, "timed out before anything was sent").for_good();
}

/// That the connection broke, as the kernel says it: no limit of the caller's
/// is among its reasons.
inline Error lost(const char *doing, const std::string &problem) {
    return {ErrorKind::lost, std::string("error ") + doing + ": " + problem};
}

/// libremctl has seen no more than the end of its pair.
inline bool is_end_of_file(const std::string &error) {
    return error.ends_with(": unexpected end of file");
}

/// What libremctl gave up with. Where it saw no more than the end of its pair,
/// the socket's own problem says why.
inline Error refused(const std::string &error, const Channel &channel) {
    if (!is_end_of_file(error))
        return {ErrorKind::protocol, error};
    return channel.problem().empty() ? Error(ErrorKind::lost, error)
                                     : lost("receiving token", channel.problem());
}

} // namespace pyremctl
