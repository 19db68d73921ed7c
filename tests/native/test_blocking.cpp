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
    throw Error(ErrorKind::local, "it failed");
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

Task<void> wait_for_ever(Call &call, bool &left) {
    const Note note(left);
    for (;;)
        co_await call.wait();
}

Task<void> outer(Call &call, bool &left) { co_await wait_for_ever(call, left); }

Task<bool> until_readable(Call &call, int descriptor) {
    call.touch();
    for (;;) {
        char byte = 0;
        if (::recv(descriptor, &byte, 1, MSG_DONTWAIT | MSG_PEEK) > 0)
            co_return true;
        if (call.expired())
            co_return false;
        co_await call.wait(descriptor, POLLIN);
    }
}

Task<void> breathe_until(Call &call, Time end) {
    while (Clock::now() < end)
        co_await call.breathe();
}

Task<int> count_to(int most) {
    int count = 0;
    while (count < most)
        count += co_await one();
    co_return count;
}

/// Waits for one descriptor that is always ready.
Task<void> never_idle(Call &call, int descriptor, Time end) {
    while (Clock::now() < end)
        co_await call.wait(descriptor, POLLOUT);
}

} // namespace

TEST_CASE("tasks are awaited in one another, and their results and failures handed up") {
    Driver driver;
    CHECK(driver.run([](Call &) { return add(2); }) == 3);
    CHECK_THROWS_WITH_AS(driver.run([](Call &) { return fail(); }), "it failed", Error);
}

TEST_CASE("an operation that is destroyed in a wait runs the destructors of all its tasks") {
    bool left = false;
    Driver driver;
    Call call(driver.limits, driver.waker);
    {
        Operation<void> operation(outer(call, left));
        CHECK(operation.advance() != nullptr);
        CHECK(operation.advance() != nullptr);
        CHECK_FALSE(left);
    }
    CHECK(left);
}

TEST_CASE("a task that was never started is destroyed without ado") {
    bool left = false;
    Driver driver;
    Call call(driver.limits, driver.waker);
    {
        const auto task = outer(call, left);
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
    CHECK(driver.run([&, &end = near](Call &call) { return until_readable(call, end.get()); }));
    writer.join();
}

TEST_CASE("a wait ends after the silence, or at the deadline, whichever is first") {
    auto [near, far] = socket_pair();
    for (const bool deadline : {false, true}) {
        Driver driver;
        driver.limits.inactivity = deadline ? 5s : 100ms;
        driver.limits.deadline = Clock::now() + (deadline ? Duration(100ms) : Duration(5s));
        const Time start = Clock::now();
        CHECK_FALSE(
            driver.run([&, &end = near](Call &call) { return until_readable(call, end.get()); }));
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
    CHECK_THROWS_AS(driver.run([&](Call &call) { return outer(call, left); }), std::string);
    interrupter.join();
    CHECK(left);
    CHECK(driver.looks.count >= 3);
}

TEST_CASE("a wait is not cut in slices where no signals can come") {
    Driver driver;
    driver.looks.length = std::nullopt;
    driver.limits.inactivity = 200ms;
    auto [near, far] = socket_pair();
    driver.run([&, &end = near](Call &call) { return until_readable(call, end.get()); });
    CHECK(driver.looks.count == 0);
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
    CHECK_FALSE(
        driver.run([&, &end = near](Call &call) { return until_readable(call, end.get()); }));
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
        [&, &end = near](Call &call) { return never_idle(call, end.get(), Clock::now() + 100ms); });
    CHECK(driver.looks.count >= 3);
}

TEST_CASE("breaths are looks at signals, but rarely, and rarer where a look takes long") {
    Driver driver;
    const auto looks_in = [&](Duration time) {
        driver.looks.count = 0;
        const Time end = Clock::now() + time;
        driver.run([&](Call &call) { return breathe_until(call, end); });
        return driver.looks.count.load();
    };
    const int quick = looks_in(400ms);
    CHECK(quick >= 5);
    CHECK(quick <= 40);
    driver.looks.effort = 5ms; // somebody else has the interpreter
    const int slow = looks_in(400ms);
    CHECK(slow >= 3);
    CHECK(slow <= 8); // 5 of 65 ms
}

TEST_CASE("a breath looks at nothing where no signals can come") {
    Driver driver;
    driver.looks.length = std::nullopt;
    const Time end = Clock::now() + 50ms;
    driver.run([&](Call &call) { return breathe_until(call, end); });
    CHECK(driver.looks.count == 0);
}

TEST_CASE("a call that is cancelled from another thread ends at its wait") {
    Driver driver;
    bool left = false;
    Call call(driver.limits, driver.waker);
    std::thread closer([&] {
        std::this_thread::sleep_for(50ms);
        call.cancel();
    });
    driver.looks.length = std::nullopt;
    CHECK_THROWS_WITH_AS(driver.run([&](Call &going) { return outer(going, left); }, call),
                         "connection closed during the call", Error);
    closer.join();
    CHECK(left);
}

TEST_CASE("a cancelled call ends even where a signal handler drained the waker") {
    // As when the handler makes a call of its own in the same thread.
    class Drains final : public Interrupts {
      public:
        Drains(EventWaker &waker, Call &call) : waker_(waker), call_(call) {}
        void check() override {
            call_.cancel();
            waker_.drain();
        }
        std::optional<Duration> slice() const override { return 20ms; }

      private:
        EventWaker &waker_;
        Call &call_;
    };
    Driver driver;
    driver.limits.inactivity = 2s;
    Call call(driver.limits, driver.waker);
    Drains drains(*driver.waker, call);
    bool left = false;
    const Time start = Clock::now();
    CHECK_THROWS_AS(BlockingDriver(*driver.waker, drains).run(outer(call, left)), Error);
    CHECK(taken(start) < 1s);
}

TEST_CASE("a loop over tasks that end at once needs no stack") {
    Driver driver;
    CHECK(driver.run([](Call &) { return count_to(1'000'000); }) == 1'000'000);
}

TEST_CASE("a limit is judged by the driver's clock where it has one") {
    Driver driver;
    driver.limits.deadline = Clock::now() - 1s;
    const Time before = Clock::now() - 2s;
    const Call behind(driver.limits, driver.waker, &before);
    CHECK_FALSE(behind.expired());
    CHECK_FALSE(behind.overdue());
    const Call now(driver.limits, driver.waker);
    CHECK(now.expired());
    CHECK(now.overdue());
}
