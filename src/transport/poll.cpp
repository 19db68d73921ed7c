#include "transport/poll.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <string>

#include "transport/error.hpp"

namespace pyremctl {

namespace {

timespec to_timespec(Duration duration) {
    duration = std::max(duration, Duration::zero());
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
    timespec result{};
    result.tv_sec = static_cast<std::time_t>(seconds.count());
    result.tv_nsec = static_cast<long>(std::chrono::nanoseconds(duration - seconds).count());
    return result;
}

} // namespace

void poll_for(const Wait &wait, Waker &waker, Interrupts &interrupts, Time &checked) {
    std::vector<pollfd> interests;
    interests.reserve(wait.interests.size() + 1);
    interests = wait.interests;
    interests.push_back({waker.descriptor(), POLLIN, 0});
    const auto slice = interrupts.slice();
    std::optional<Duration> patience = slice;
    if (wait.until) {
        const Duration left = *wait.until - Clock::now();
        patience = patience ? std::min(*patience, left) : left;
    }
    timespec timeout{};
    if (patience)
        timeout = to_timespec(*patience);
    const int ready = ::ppoll(interests.data(), static_cast<nfds_t>(interests.size()),
                              patience ? &timeout : nullptr, nullptr);
    if (ready < 0 && errno != EINTR)
        throw Error(std::string("cannot wait: ") + std::strerror(errno));
    if (ready > 0 && interests.back().revents != 0)
        waker.drain();
    // A signal between two waits does not end the next one while there is
    // always something ready.
    const Time now = Clock::now();
    if (ready <= 0 || (slice && now - checked >= *slice)) {
        checked = now;
        interrupts.check();
    }
}

} // namespace pyremctl
