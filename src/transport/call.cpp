#include "transport/call.hpp"

#include <algorithm>

#include "transport/process.hpp"

namespace pyremctl {

std::optional<Time> Call::limit() const noexcept {
    std::optional<Time> end = deadline();
    if (limits_.inactivity) {
        const Time silence = last_activity_ + *limits_.inactivity;
        end = end ? std::min(*end, silence) : silence;
    }
    return end;
}

std::optional<Time> Call::first_half() const noexcept {
    const Time present = now();
    std::optional<Time> end;
    if (const auto whole = deadline())
        end = present + (*whole - present) / 2;
    if (limits_.inactivity) {
        const Time silence = present + *limits_.inactivity;
        end = end ? std::min(*end, silence) : silence;
    }
    return end;
}

bool Call::expired() const noexcept {
    const auto end = limit();
    return end && now() >= *end;
}

bool Call::overdue() const noexcept {
    const auto end = deadline();
    return end && now() >= *end;
}

void Call::check() const {
    if (generation_ != fork_generation())
        throw Error(ErrorKind::misuse,
                    "the process was forked in the middle of this call; the connection stays "
                    "with the parent");
    if (cancelled_.load())
        throw Error(ErrorKind::lost, "connection closed during the call").for_good();
}

} // namespace pyremctl
