#include "handle/leaving.hpp"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>

namespace pyremctl {

namespace {

// Enough for a call that computes. One that waits, for the KDC or for its end
// of the pair, goes on waiting until the process is gone.
constexpr auto patience = std::chrono::milliseconds(100);
constexpr auto pause_length = std::chrono::milliseconds(1);

std::atomic<int> inside{0};
std::atomic<bool> leaving{false};
std::atomic<pthread_t> leaver{};

void wait_for_calls() {
    leaver = pthread_self();
    leaving = true;
    const auto end = std::chrono::steady_clock::now() + patience;
    while (inside.load() > 0 && std::chrono::steady_clock::now() < end)
        std::this_thread::sleep_for(pause_length);
}

// Handlers run before the destructors of any library.
[[maybe_unused]] const int at_exit = std::atexit(wait_for_calls);

// The threads that were inside are not there in the child of a fork.
[[maybe_unused]] const int at_fork = pthread_atfork(nullptr, nullptr, [] { inside = 0; });

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
