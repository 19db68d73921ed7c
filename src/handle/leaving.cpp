#include "handle/leaving.hpp"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "transport/process.hpp"

namespace pyremctl {

namespace {

// Enough for a call that computes. A call that waits for the KDC or for data keeps
// waiting until the process ends.
constexpr auto patience = std::chrono::milliseconds(100);
constexpr auto pause_length = std::chrono::milliseconds(1);

// NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables): a process ends once.
std::atomic<int> inside{0};
std::atomic<bool> leaving{false};
std::atomic<pthread_t> leaver{};
// NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables)

void wait_for_calls() noexcept {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (inside.load() > 0 && std::chrono::steady_clock::now() < end)
        std::this_thread::sleep_for(pause_length);
}

void leave() {
    leaver = pthread_self();
    leaving = true;
    wait_for_calls();
}

// Handlers run before the destructors of any library.
[[maybe_unused]] const int at_exit = std::atexit(leave);

// A child inherits libkrb5's locks as they are at the fork, without the threads that
// hold them.
[[maybe_unused]] const bool registered = take_part_in_forks({
    .order = 0, // calls must return before their threads are retired
    .settle = wait_for_calls,
    .lock = nullptr,
    .unlock = nullptr,
    .reset = []() noexcept { inside = 0; },
});

} // namespace

void stay_if_leaving() noexcept {
    if (!leaving.load() || pthread_equal(leaver.load(), pthread_self()) != 0)
        return;
    for (;;)
        ::pause();
}

InLibrary::InLibrary() noexcept {
    ++inside;
    if (leaving.load() && pthread_equal(leaver.load(), pthread_self()) == 0) {
        --inside;
        stay_if_leaving();
    }
}

InLibrary::~InLibrary() { --inside; }

} // namespace pyremctl
