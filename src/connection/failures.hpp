// The errors of verbs, in libremctl's words.
#pragma once

#include <string>
#include <utility>

#include "connection/channel.hpp"
#include "transport/error.hpp"

namespace pyremctl {

inline Error timed_out(const char *doing) {
    return {ErrorKind::timeout, std::string("error ") + doing + ": timed out"};
}

/// A timeout before anything was sent to the server. The cause is often a silent KDC;
/// the hint says what is known.
inline Error kdc_silent(std::string hint) {
    return Error(ErrorKind::timeout, "GSS-API error initializing context: timed out")
        .with_hint(std::move(hint));
}

/// What a server says when nobody has asked.
inline const char *const out_of_turn = "unexpected data from the server";

/// A call whose deadline had passed before it started.
inline Error too_late() {
    return Error(ErrorKind::timeout, "timed out before anything was sent").for_good();
}

/// The connection broke, for a reason given by the kernel and not a limit of the
/// caller.
inline Error lost(const char *doing, const std::string &problem) {
    return {ErrorKind::lost, std::string("error ") + doing + ": " + problem};
}

/// True if libremctl only saw the end of its socket pair.
inline bool is_end_of_file(const std::string &error) {
    return error.ends_with(": unexpected end of file");
}

/// libremctl's error. If it only saw the end of its socket pair, the server socket's
/// problem is the reason.
inline Error refused(const std::string &error, const Channel &channel) {
    if (!is_end_of_file(error))
        return {ErrorKind::protocol, error};
    return channel.problem().empty() ? Error(ErrorKind::lost, error)
                                     : lost("receiving token", channel.problem());
}

} // namespace pyremctl
