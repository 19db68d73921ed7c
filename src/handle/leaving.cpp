#include "handle/leaving.hpp"

#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <new>
#include <thread>

#include "transport/process.hpp"

namespace pyremctl {

/// The sockets that libremctl is waiting for.
struct ServersSockets {
    std::mutex mutex;
    WaitingForServer *first = nullptr;

    void add(WaitingForServer &one) noexcept {
        one.next_ = first;
        if (first != nullptr)
            first->previous_ = &one;
        first = &one;
    }

    void remove(WaitingForServer &one) noexcept {
        if (one.next_ != nullptr)
            one.next_->previous_ = one.previous_;
        (one.previous_ != nullptr ? one.previous_->next_ : first) = one.next_;
    }

    void shut_down() noexcept {
        const std::scoped_lock lock(mutex);
        for (const WaitingForServer *one = first; one != nullptr; one = one->next_)
            ::shutdown(one->socket_, SHUT_RDWR);
    }
};

namespace {

ServersSockets &sockets() noexcept { return immortal<ServersSockets>(); }

// Enough for a call that computes. A call that waits for the KDC or for data keeps
// waiting until the process ends.
constexpr auto patience = std::chrono::milliseconds(100);
constexpr auto pause_length = std::chrono::milliseconds(1);

// NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables): a process ends once.
std::atomic<int> inside{0};
std::atomic<int> waiting_forks{0};
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
    sockets().shut_down();
    wait_for_calls();
}

/// Keeps a call outside while a fork waits: calls that follow one another quickly would never all
/// be outside at once. Not for longer than a fork takes, since the caller may hold what it needs.
void let_forks_pass() noexcept {
    const auto end = std::chrono::steady_clock::now() + 2 * patience;
    while (waiting_forks.load() > 0 && std::chrono::steady_clock::now() < end) {
        --inside;
        std::this_thread::sleep_for(pause_length);
        ++inside;
    }
}

// Handlers run before the destructors of any library.
[[maybe_unused]] const int at_exit = std::atexit(leave);

// A child inherits libkrb5's locks as they are at the fork, without the threads that
// hold them.
[[maybe_unused]] const bool registered = take_part_in_forks({
    .order = 0, // calls must return before their threads are retired
    .settle =
        []() noexcept {
            ++waiting_forks;
            wait_for_calls();
        },
    .lock = []() noexcept { sockets().mutex.lock(); },
    .unlock =
        []() noexcept {
            sockets().mutex.unlock();
            --waiting_forks;
        },
    .reset =
        []() noexcept {
            inside = 0;
            waiting_forks = 0;
            new (&sockets().mutex) std::mutex;
            sockets().first = nullptr;
        },
});

} // namespace

void stay_if_leaving() noexcept {
    if (!leaving.load() || pthread_equal(leaver.load(), pthread_self()) != 0)
        return;
    for (;;)
        ::pause();
}

WaitingForServer::WaitingForServer(int socket) noexcept
    : socket_(socket), generation_(fork_generation()) {
    const std::scoped_lock lock(sockets().mutex);
    sockets().add(*this);
    if (leaving.load()) // exit() may have looked before
        ::shutdown(socket_, SHUT_RDWR);
}

WaitingForServer::~WaitingForServer() {
    if (generation_ != fork_generation())
        return;
    const std::scoped_lock lock(sockets().mutex);
    sockets().remove(*this);
}

InLibrary::InLibrary() noexcept {
    ++inside;
    if (leaving.load() && pthread_equal(leaver.load(), pthread_self()) == 0) {
        --inside;
        stay_if_leaving();
    } else if (waiting_forks.load() > 0) {
        let_forks_pass();
    }
}

InLibrary::~InLibrary() { --inside; }

} // namespace pyremctl
