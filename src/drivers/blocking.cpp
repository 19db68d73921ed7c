#include "drivers/blocking.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include "transport/error.hpp"
#include "transport/process.hpp"
#include "transport/workers.hpp"

namespace pyremctl {

namespace {

// Checking for interrupts means waiting for the interpreter lock. The longer that
// takes, the rarer the checks are, so that they cost a busy call little time.
constexpr Duration shortest_breath = std::chrono::milliseconds(10);
constexpr Duration longest_breath = std::chrono::milliseconds(80);
constexpr int effort_share = 12;

class NoInterrupts final : public Interrupts {
  public:
    void check() override {}
    std::optional<Duration> slice() const override { return std::nullopt; }
};

timespec to_timespec(Duration duration) {
    duration = std::max(duration, Duration::zero());
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
    timespec result{};
    result.tv_sec = static_cast<std::time_t>(seconds.count());
    result.tv_nsec = static_cast<long>(std::chrono::nanoseconds(duration - seconds).count());
    return result;
}

} // namespace

void BlockingDriver::look() {
    const Time start = Clock::now();
    interrupts_.check();
    looked_ = Clock::now();
    effort_ = looked_ - start;
}

void BlockingDriver::breathe() {
    const Duration pause =
        std::clamp(Duration(effort_ * effort_share), shortest_breath, longest_breath);
    if (interrupts_.slice() && Clock::now() - looked_ >= pause)
        look();
}

void BlockingDriver::wait_for(const Wait &wait) {
    if (wait.breath) {
        breathe();
        return;
    }
    interrupts_.about_to_wait();
    std::vector<pollfd> interests;
    interests.reserve(wait.interests.size() + 1);
    interests = wait.interests;
    interests.push_back({waker_.descriptor(), POLLIN, 0});
    const auto slice = interrupts_.slice();
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
        throw Error(ErrorKind::local, std::string("cannot wait: ") + std::strerror(errno));
    if (ready > 0 && interests.back().revents != 0)
        waker_.drain();
    // If something is always ready, ppoll() never returns EINTR for a signal that
    // arrives between two calls: check once per slice too.
    if (ready < 0 || (slice && Clock::now() - looked_ >= *slice))
        look();
}

void run_on_helper(std::function<Task<void>(Call &)> make_task,
                   std::function<void(const std::exception_ptr &)> ended) {
    workers::run([make_task = std::move(make_task), ended = std::move(ended)] {
        NoInterrupts nothing;
        std::exception_ptr failure;
        try {
            const auto waker = std::make_shared<EventWaker>();
            Call call({}, waker);
            BlockingDriver(*waker, nothing).run(make_task(call));
        } catch (...) {
            failure = std::current_exception();
        }
        ended(failure);
    });
}

const std::shared_ptr<EventWaker> &thread_waker() {
    static thread_local std::shared_ptr<EventWaker> waker;
    static thread_local unsigned generation = 0;
    if (!waker || generation != fork_generation()) {
        waker = std::make_shared<EventWaker>();
        generation = fork_generation();
    }
    return waker;
}

Caller this_thread() noexcept {
    thread_local const Caller number = new_caller();
    return number;
}

} // namespace pyremctl
