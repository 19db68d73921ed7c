#include "credentials/times.hpp"

#include <array>
#include <cstdlib>

namespace pyremctl {

std::string in_utc(std::time_t moment) {
    std::tm parts{};
    std::array<char, 40> text{};
    if (::gmtime_r(&moment, &parts) == nullptr ||
        std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &parts) == 0)
        return "an unknown time";
    return text.data();
}

std::string length_of(long seconds) {
    seconds = std::abs(seconds);
    if (seconds < 120)
        return std::to_string(seconds) + " s";
    if (seconds < 7200)
        return std::to_string(seconds / 60) + " min";
    if (seconds < 172800)
        return std::to_string(seconds / 3600) + " h";
    return std::to_string(seconds / 86400) + " days";
}

} // namespace pyremctl
