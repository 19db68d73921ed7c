#include "transport/waiter.hpp"

#include <algorithm>

#include "transport/process.hpp"

namespace pyremctl {

Waiter::Waiter(Limits limits, std::shared_ptr<Waker> waker, const std::atomic<bool> &closing)
    : limits_(limits), waker_(std::move(waker)), closing_(closing), generation_(fork_generation()) {
}

std::optional<Time> Waiter::limit() const noexcept {
    std::optional<Time> end = limits_.deadline;
    if (limits_.inactivity) {
        const Time silence = last_activity_ + *limits_.inactivity;
        end = end ? std::min(*end, silence) : silence;
    }
    return end;
}

bool Waiter::expired() const noexcept {
    const auto end = limit();
    return end && Clock::now() >= *end;
}

void Waiter::check() const {
    if (generation_ != fork_generation())
        throw Error("the process was forked in the middle of this call; the connection stays "
                    "with the parent");
    if (closing_.load())
        throw Error("connection closed during the call");
}

} // namespace pyremctl
