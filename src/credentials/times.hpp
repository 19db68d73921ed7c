// Formats times and durations for messages.
#pragma once

#include <ctime>
#include <string>

namespace pyremctl {

/// "2026-11-30 04:05:06 UTC"
std::string in_utc(std::time_t moment);

/// "90 s", "5 min", "3 h" or "2 days", without the sign.
std::string length_of(long seconds);

} // namespace pyremctl
