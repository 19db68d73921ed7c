#include "connection/gathering.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace pyremctl {

namespace {

// A wait of up to this long counts as short.
constexpr auto moment = std::chrono::microseconds(200);
constexpr int enough = 64;
constexpr std::size_t little = 8UL * 1024;
constexpr std::size_t little_for_a_moment = 64UL * 1024;

} // namespace

bool Gathering::gathers() const noexcept { return in_a_row_ == enough; }

std::optional<Time> Gathering::until() noexcept {
    const bool faster = at_once_ && bytes_ <= (gathers() ? little_for_a_moment : little);
    in_a_row_ = faster ? std::min(in_a_row_ + 1, enough) : 0;
    at_once_ = false;
    bytes_ = 0;
    waiting_ = Clock::now();
    if (!gathers())
        return std::nullopt;
    return *waiting_ + moment;
}

void Gathering::came(std::size_t bytes) noexcept {
    if (const auto since = std::exchange(waiting_, std::nullopt))
        at_once_ = bytes != 0 && (gathers() || Clock::now() - *since < moment);
    bytes_ += bytes;
}

} // namespace pyremctl
