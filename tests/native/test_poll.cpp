// Tasks, operations, waits, and the driver that waits with poll.
#include <doctest/doctest.h>

#include <csignal>
#include <string>
#include <thread>

#include "support.hpp"
#include "transport/error.hpp"

using namespace pyremctl;
using namespace pyremctl::test;

namespace {

Time::duration taken(Time start) { return Clock::now() - start; }

Task<int> one() { co_return 1; }

Task<int> add(int other) {
    const int first = co_await one();
    co_return first + other;
}

Task<void> fail() {
    co_await one();
    throw Error("it failed");
}

/// Sets a flag when its scope is left.
struct Note {
    bool &left;
    explicit Note(bool &flag) : left(flag) {}
    Note(const Note &) = delete;
    Note &operator=(const Note &) = delete;
    Note(Note &&) = delete;
    Note &operator=(Note &&) = delete;
    ~Note() { left = true; }
};

Task<void> wait_for_ever(Waiter &waiter, bool &left) {
    const Note note(left);
    for (;;)
        co_await waiter.wait();
}

Task<void> outer(Waiter &waiter, bool &left) { co_await wait_for_ever(waiter, left); }

Task<bool> until_readable(Waiter &waiter, int descriptor) {
    waiter.touch();
    for (;;) {
        char byte = 0;
        if (::recv(descriptor, &byte, 1, MSG_DONTWAIT | MSG_PEEK) > 0)
            co_return true;
        if (waiter.expired())
            co_return false;
        co_await waiter.wait(descriptor, POLLIN);
    }
}

Task<int> breathe(Waiter &waiter, int times) {
    for (int count = 0; count < times; ++count)
        co_await waiter.breathe();
    co_return times;
}

/// Waits for one descriptor that is always ready.
Task<void> never_idle(Waiter &waiter, int descriptor, Time end) {
    while (Clock::now() < end)
        co_await waiter.wait(descriptor, POLLOUT);
}

} // namespace

TEST_CASE("tasks are awaited in one another, and their results and failures handed up") {
    Driver driver;
    CHECK(driver.run([](Waiter &) { return add(2); }) == 3);
    CHECK_THROWS_WITH_AS(driver.run([](Waiter &) { return fail(); }), "it failed", Error);
}

TEST_CASE("an operation that is destroyed in a wait runs the destructors of all its tasks") {
    bool left = false;
    Driver driver;
    Waiter waiter(driver.limits, driver.waker, driver.closing);
    {
        Operation<void> operation(outer(waiter, left));
        CHECK(operation.advance() != nullptr);
        CHECK(operation.advance() != nullptr);
        CHECK_FALSE(left);
    }
    CHECK(left);
}

TEST_CASE("a task that was never started is destroyed without ado") {
    bool left = false;
    Driver driver;
    Waiter waiter(driver.limits, driver.waker, driver.closing);
    {
        const auto task = outer(waiter, left);
    }
    CHECK_FALSE(left);
}

TEST_CASE("a wait ends when its descriptor is ready") {
    Driver driver;
    driver.limits.inactivity = 5s;
    auto [near, far] = socket_pair();
    std::thread writer([end = far.get()] {
        std::this_thread::sleep_for(50ms);
        write_all(end, "x");
    });
    CHECK(driver.run([&](Waiter &waiter) { return until_readable(waiter, near.get()); }));
    writer.join();
}

TEST_CASE("a wait ends after the silence, or at the deadline, whichever is first") {
    auto [near, far] = socket_pair();
    for (const bool deadline : {false, true}) {
        Driver driver;
        driver.limits.inactivity = deadline ? 5s : 100ms;
        driver.limits.deadline = Clock::now() + (deadline ? Duration(100ms) : Duration(5s));
        const Time start = Clock::now();
        CHECK_FALSE(driver.run([&](Waiter &waiter) { return until_readable(waiter, near.get()); }));
        CHECK(taken(start) >= 100ms);
        CHECK(taken(start) < 1s);
    }
}

TEST_CASE("a wait without a limit is cut in slices where there may be signals") {
    Driver driver;
    bool left = false;
    driver.looks.length = 5ms;
    std::thread interrupter([&] {
        std::this_thread::sleep_for(100ms);
        driver.looks.interrupted = true;
    });
    CHECK_THROWS_AS(driver.run([&](Waiter &waiter) { return outer(waiter, left); }), std::string);
    interrupter.join();
    CHECK(left);
    CHECK(driver.looks.count >= 3);
}

TEST_CASE("a wait is not cut in slices where no signals can come") {
    Driver driver;
    driver.looks.length = std::nullopt;
    driver.limits.inactivity = 200ms;
    auto [near, far] = socket_pair();
    driver.run([&](Waiter &waiter) { return until_readable(waiter, near.get()); });
    CHECK(driver.looks.count <= 1);
}

TEST_CASE("a signal ends the wait for a look at it, and the wait goes on") {
    struct sigaction action{};
    action.sa_handler = [](int) {};
    sigaction(SIGUSR1, &action, nullptr);
    Driver driver;
    driver.looks.length = std::nullopt; // only the signal itself can cause the look
    driver.limits.inactivity = 300ms;
    auto [near, far] = socket_pair();
    const Time start = Clock::now();
    std::thread sender([self = pthread_self()] {
        for (int count = 0; count < 5; ++count) {
            std::this_thread::sleep_for(20ms);
            pthread_kill(self, SIGUSR1);
        }
    });
    CHECK_FALSE(driver.run([&](Waiter &waiter) { return until_readable(waiter, near.get()); }));
    sender.join();
    CHECK(driver.looks.count >= 3);
    CHECK(taken(start) >= 300ms);
    CHECK(taken(start) < 1s);
}

TEST_CASE("signals are looked at even where there is never anything to wait for") {
    Driver driver;
    driver.looks.length = 5ms;
    auto [near, far] = socket_pair();
    driver.run(
        [&](Waiter &waiter) { return never_idle(waiter, near.get(), Clock::now() + 100ms); });
    CHECK(driver.looks.count >= 3);
}

TEST_CASE("a breath is a look at signals and takes no time") {
    Driver driver;
    CHECK(driver.run([](Waiter &waiter) { return breathe(waiter, 100); }) == 100);
    CHECK(driver.looks.count == 100);
}

TEST_CASE("whoever closes wakes the waiter, who throws") {
    Driver driver;
    bool left = false;
    std::thread closer([&] {
        std::this_thread::sleep_for(50ms);
        driver.closing = true;
        driver.waker->wake();
    });
    driver.looks.length = std::nullopt;
    CHECK_THROWS_WITH_AS(driver.run([&](Waiter &waiter) { return outer(waiter, left); }),
                         "connection closed during the call", Error);
    closer.join();
    CHECK(left);
}

TEST_CASE("what woke the waiter is looked at even where a signal handler drained the waker") {
    // As when the handler makes a call of its own in the same thread.
    class Drains final : public Interrupts {
      public:
        Drains(Waker &waker, std::atomic<bool> &closing) : waker_(waker), closing_(closing) {}
        void check() override {
            closing_ = true;
            waker_.wake();
            waker_.drain();
        }
        std::optional<Duration> slice() const override { return 20ms; }

      private:
        Waker &waker_;
        std::atomic<bool> &closing_;
    };
    Driver driver;
    driver.limits.inactivity = 2s;
    Drains drains(*driver.waker, driver.closing);
    Waiter waiter(driver.limits, driver.waker, driver.closing);
    bool left = false;
    const Time start = Clock::now();
    CHECK_THROWS_AS(run_blocking(outer(waiter, left), *driver.waker, drains), Error);
    CHECK(taken(start) < 1s);
}
