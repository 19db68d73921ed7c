// Any number of tasks behind one descriptor: Reactor.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>
#include <unordered_set>
#include <vector>

#include "drivers/reactor.hpp"
#include "support.hpp"
#include "transport/error.hpp"
#include "transport/job.hpp"

using namespace pyremctl;
using namespace pyremctl::test;

namespace {

using Running = std::shared_ptr<Reactor::Running>;

Task<void> read_bytes(Call &call, int descriptor, int number, int &got) {
    for (got = 0; got < number;) {
        char byte = 0;
        if (::recv(descriptor, &byte, 1, MSG_DONTWAIT) == 1)
            ++got;
        else if (call.expired())
            throw Error(ErrorKind::timeout, "too late");
        else
            co_await call.wait(descriptor, POLLIN);
    }
}

/// Has a millisecond of work before it reads what has come.
Task<void> read_slowly(Call &call, int descriptor, int &got) {
    co_await call.wait(descriptor, POLLIN);
    if (call.overdue())
        throw Error(ErrorKind::timeout, "too late");
    for (const Time end = Clock::now() + 1ms; Clock::now() < end;)
        std::this_thread::yield();
    co_await read_bytes(call, descriptor, 1, got);
}

Task<void> work_on_thread(Call &call, Duration time) {
    Job job(call.waker(), [time] { std::this_thread::sleep_for(time); });
    while (!job.done())
        co_await call.wait();
}

Task<void> breathe_for_ever(Call &call, int &breaths) {
    for (;;) {
        ++breaths;
        co_await call.breathe();
    }
}

/// Takes its time without waiting for anything.
Task<void> work_and_note(Call & /*call*/, Duration time, int number, std::vector<int> &begun) {
    begun.push_back(number);
    for (const Time end = Clock::now() + time; Clock::now() < end;)
        std::this_thread::yield();
    co_return;
}

Task<void> wait_until(Call &call, Time moment) {
    while (Clock::now() < moment)
        co_await call.wait({}, moment);
}

/// Owns a descriptor that it waits for and closes whenever it likes.
Task<void> open_and_close(Call &call, int rounds, unsigned seed) {
    std::mt19937 random(seed);
    for (int round = 0; round < rounds; ++round) {
        auto [near, far] = socket_pair();
        if (random() % 2 == 0)
            write_all(far.get(), "x");
        co_await call.wait(near.get(), POLLIN | (random() % 2 == 0 ? POLLOUT : 0));
        if (random() % 4 == 0)
            co_await call.wait({}, Clock::now() + std::chrono::microseconds(random() % 500));
        if (random() % 8 == 0)
            co_await call.breathe();
    }
}

/// Whether the descriptor becomes readable by then.
bool readable(int descriptor, Time end) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    pollfd interest{descriptor, POLLIN, 0};
    return ::poll(&interest, 1, std::max(0, static_cast<int>(left.count()))) == 1;
}

/// Dispatches until so many tasks have ended; as an event loop does, only where the reactor
/// asks for it.
std::vector<Running> ended(Reactor &reactor, std::size_t count, Duration patience = 20s) {
    std::vector<Running> all;
    const Time end = Clock::now() + patience;
    while (all.size() < count && readable(reactor.descriptor(), end))
        for (auto &one : reactor.dispatch(5ms))
            all.push_back(std::move(one));
    return all;
}

} // namespace

TEST_CASE("a task that need not wait has ended when it was started") {
    Reactor reactor;
    auto [near, far] = socket_pair();
    write_all(far.get(), "xy");
    int got = 0;
    const auto running = reactor.start(
        {}, [&, end = near.get()](Call &call) { return read_bytes(call, end, 2, got); });
    CHECK(running->ended());
    CHECK(got == 2);
    CHECK(reactor.size() == 0);
    CHECK(reactor.dispatch(5ms).empty());
}

TEST_CASE("who starts many in one go has his loop back, and they begin in their order") {
    Reactor reactor;
    std::vector<int> begun;
    const auto start = [&](int number) {
        return reactor.start(
            {}, [&begun, number](Call &call) { return work_and_note(call, 1ms, number, begun); });
    };
    std::vector<int> all;
    std::size_t at_once = 0;
    for (int number = 0; number < 40; ++number) {
        at_once += start(number)->ended() ? 1 : 0;
        all.push_back(number);
    }
    CHECK(at_once == begun.size());
    CHECK(at_once <= 3);
    pollfd interest{reactor.descriptor(), POLLIN, 0};
    CHECK(::poll(&interest, 1, 0) == 1);
    auto over = reactor.dispatch(2ms).size();
    CHECK(begun.size() < 40);
    start(40); // does not pass them
    all.push_back(40);
    CHECK(ended(reactor, 41 - at_once - over).size() == 41 - at_once - over);
    CHECK(begun == all);
    CHECK(start(41)->ended());
}

TEST_CASE("a task that was cancelled before it was its turn to begin never does") {
    Reactor reactor;
    std::vector<int> begun;
    std::vector<Running> all;
    for (int number = 0; number < 20; ++number)
        all.push_back(reactor.start(
            {}, [&begun, number](Call &call) { return work_and_note(call, 1ms, number, begun); }));
    reactor.cancel(*all.back());
    while (reactor.size() > 0)
        reactor.dispatch(5ms);
    CHECK(begun.size() == 19);
    CHECK(begun.back() == 18);
}

TEST_CASE("a thousand tasks end as their bytes come, each once") {
    Reactor reactor;
    constexpr std::size_t number = 400;
    std::vector<std::pair<Descriptor, Descriptor>> pairs;
    std::vector<int> got(number);
    std::unordered_set<Reactor::Running *> waiting;
    std::vector<Running> all;
    for (std::size_t i = 0; i < number; ++i) {
        pairs.push_back(socket_pair());
        all.push_back(reactor.start({}, [&, i, end = pairs[i].first.get()](Call &call) {
            return read_bytes(call, end, 3, got[i]);
        }));
        waiting.insert(all.back().get());
    }
    std::thread writer([&] {
        for (int byte = 0; byte < 3; ++byte)
            for (const auto &[near, far] : pairs)
                write_all(far.get(), "x");
    });
    for (const Running &one : ended(reactor, number)) {
        CHECK(waiting.erase(one.get()) == 1);
        CHECK_NOTHROW(one->result());
    }
    writer.join();
    CHECK(waiting.empty());
    CHECK(reactor.size() == 0);
}

TEST_CASE("helper threads wake the task they work for") {
    Reactor reactor;
    std::vector<Running> all;
    std::size_t waiting = 0;
    for (int i = 0; i < 50; ++i) {
        all.push_back(reactor.start({}, [i](Call &call) {
            return work_on_thread(call, std::chrono::milliseconds(i % 10));
        }));
        waiting += all.back()->ended() ? 0 : 1; // else the work was quicker than its start
    }
    CHECK(ended(reactor, waiting).size() == waiting);
    for (const Running &one : all)
        CHECK(one->ended());
}

TEST_CASE("a short wait behind a long one is not late") {
    Reactor reactor;
    const Time now = Clock::now();
    const auto in_an_hour =
        reactor.start({}, [=](Call &call) { return wait_until(call, now + 1h); });
    const auto soon = reactor.start({}, [=](Call &call) { return wait_until(call, now + 20ms); });
    CHECK(ended(reactor, 1) == std::vector{soon});
    CHECK_FALSE(in_an_hour->ended());
}

TEST_CASE("what a task throws is its result's") {
    Reactor reactor;
    auto [near, far] = socket_pair();
    int got = 0;
    const auto running =
        reactor.start({.inactivity = 30ms, .deadline = {}},
                      [&, end = near.get()](Call &call) { return read_bytes(call, end, 1, got); });
    const Time start = Clock::now();
    CHECK(ended(reactor, 1).size() == 1);
    CHECK(Clock::now() - start < 1s);
    CHECK_THROWS_WITH_AS(running->result(), "too late", Error);
}

TEST_CASE("deadlines come in their order, whatever the order they were set in") {
    Reactor reactor;
    std::vector<Running> all;
    const Time now = Clock::now();
    for (const int delay : {300, 100, 200, 0})
        all.push_back(reactor.start({}, [=](Call &call) {
            return wait_until(call, now + std::chrono::milliseconds(delay));
        }));
    // What has no time left ends as it is started, or first.
    const std::size_t late = all[3]->ended() ? 0 : 1;
    auto order = ended(reactor, 3 + late);
    REQUIRE(order.size() == 3 + late);
    order.erase(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(late));
    CHECK(order[0] == all[1]);
    CHECK(order[1] == all[2]);
    CHECK(order[2] == all[0]);
    CHECK(Clock::now() - now >= 300ms);
    CHECK(Clock::now() - now < 3s);
}

TEST_CASE("nobody is late who was kept from reading what had arrived") {
    Reactor reactor;
    auto [near, far] = socket_pair();
    int got = 0;
    const auto running =
        reactor.start({.inactivity = 50ms, .deadline = {}},
                      [&, end = near.get()](Call &call) { return read_bytes(call, end, 1, got); });
    write_all(far.get(), "x");
    std::this_thread::sleep_for(150ms); // nobody dispatches meanwhile
    CHECK(ended(reactor, 1).size() == 1);
    CHECK_NOTHROW(running->result());
    CHECK(got == 1);
}

/// Dispatches beside a task that always has something to do.
class BesideABusyTask {
  public:
    Reactor reactor;

    /// Until the other task has ended: how much dispatch() has worked.
    Duration work_until_end(const Running &other) {
        Duration work{};
        while (!other->ended() && work < 3s) {
            const Time start = Clock::now();
            reactor.dispatch(3ms);
            work += Clock::now() - start;
        }
        return work;
    }

  private:
    int breaths_ = 0;
    Running busy_ =
        reactor.start({}, [this](Call &call) { return breathe_for_ever(call, breaths_); });
};

TEST_CASE("a task for which nothing has come is late in time, however busy others are") {
    BesideABusyTask beside;
    auto [near, far] = socket_pair();
    int got = 0;
    const auto late = beside.reactor.start(
        {.inactivity = {}, .deadline = Clock::now() + 100ms},
        [&, end = near.get()](Call &call) { return read_bytes(call, end, 1, got); });
    CHECK(beside.work_until_end(late) < 400ms);
    CHECK_THROWS_WITH(late->result(), "too late");
}

TEST_CASE("a task for which something has come is not late, however many others it has come for") {
    Reactor reactor;
    std::vector<std::pair<Descriptor, Descriptor>> pairs;
    std::vector<int> got(200);
    std::vector<Running> all;
    for (int &number : got) {
        auto &[near, far] = pairs.emplace_back(socket_pair());
        all.push_back(reactor.start({.inactivity = {}, .deadline = Clock::now() + 50ms},
                                    [&, end = near.get()](Call &call) -> Task<void> {
                                        return read_slowly(call, end, number);
                                    }));
    }
    for (auto &[near, far] : pairs)
        write_all(far.get(), "x");
    // Long ones, between which few are looked for.
    while (reactor.size() != 0)
        reactor.dispatch(30ms);
    for (const auto &running : all)
        CHECK_NOTHROW(running->result());
}

TEST_CASE("a dispatch takes its time and no more, and says that there is more to do") {
    Reactor reactor;
    int breaths = 0;
    const auto busy =
        reactor.start({}, [&](Call &call) { return breathe_for_ever(call, breaths); });
    auto [near, far] = socket_pair();
    int got = 0;
    reactor.start({}, [&, end = near.get()](Call &call) { return read_bytes(call, end, 1, got); });
    write_all(far.get(), "x");
    std::size_t others = 0;
    for (int round = 0; round < 10; ++round) {
        pollfd interest{reactor.descriptor(), POLLIN, 0};
        CHECK(::poll(&interest, 1, 0) == 1);
        const Time start = Clock::now();
        others += reactor.dispatch(2ms).size();
        CHECK(Clock::now() - start < 100ms);
    }
    CHECK(breaths > 10);
    CHECK(others == 1); // which the busy one did not keep out
    reactor.cancel(*busy);
    CHECK(reactor.size() == 0);
}

TEST_CASE("without any time a dispatch advances what is ready all the same") {
    Reactor reactor;
    auto [near, far] = socket_pair();
    int got = 0;
    reactor.start({}, [&, end = near.get()](Call &call) { return read_bytes(call, end, 1, got); });
    write_all(far.get(), "x");
    CHECK(reactor.dispatch(0ms).size() == 1);
}

TEST_CASE("a dispatch waits for nothing") {
    Reactor reactor;
    auto [near, far] = socket_pair();
    int got = 0;
    reactor.start({}, [&, end = near.get()](Call &call) { return read_bytes(call, end, 1, got); });
    Duration shortest = 1h;
    for (int round = 0; round < 50; ++round) {
        const Time start = Clock::now();
        CHECK(reactor.dispatch(5ms).empty());
        shortest = std::min<Duration>(shortest, Clock::now() - start);
    }
    CHECK(shortest < 1ms);
}

TEST_CASE("an idle reactor is not readable") {
    Reactor reactor;
    auto [near, far] = socket_pair();
    int got = 0;
    reactor.start({.inactivity = 1h, .deadline = {}},
                  [&, end = near.get()](Call &call) { return read_bytes(call, end, 1, got); });
    reactor.dispatch(5ms);
    pollfd interest{reactor.descriptor(), POLLIN, 0};
    CHECK(::poll(&interest, 1, 50) == 0);
}

TEST_CASE("tasks are cancelled at any point, and nothing of them stays in the poll set") {
    Reactor reactor;
    std::mt19937 random(8);
    std::vector<Running> all;
    std::size_t over = 0;
    for (unsigned i = 0; i < 3000; ++i) {
        all.push_back(reactor.start({}, [&](Call &call) {
            return open_and_close(call, 20, static_cast<unsigned>(random()));
        }));
        if (i % 7 == 0)
            all.push_back(reactor.start({}, [](Call &call) { return work_on_thread(call, 1ms); }));
        for (int count = 0; count < 2; ++count) {
            Running &one = all[random() % all.size()];
            reactor.cancel(*one);
            CHECK(one->ended());
        }
        if (i % 16 == 0)
            over += reactor.dispatch(1ms).size();
    }
    while (reactor.size() > 0) {
        std::vector<Running> rest;
        for (const Running &one : all)
            if (!one->ended())
                rest.push_back(one);
        for (std::size_t i = 0; i < rest.size(); i += 2)
            reactor.cancel(*rest[i]);
        over += reactor.dispatch(5ms).size();
    }
    CHECK(over > 0);
    reactor.dispatch(5ms);
    pollfd interest{reactor.descriptor(), POLLIN, 0};
    std::this_thread::sleep_for(20ms); // the last helper threads
    reactor.dispatch(5ms);
    CHECK(::poll(&interest, 1, 0) == 0);
}

TEST_CASE("a reactor that goes takes its tasks with it, and late wake-ups find nobody") {
    for (int round = 0; round < 20; ++round) {
        Reactor reactor;
        for (int i = 0; i < 20; ++i)
            reactor.start({}, [](Call &call) { return work_on_thread(call, 1ms); });
    }
    std::this_thread::sleep_for(30ms);
}

TEST_CASE("time that is excused is not the tasks'") {
    Reactor reactor;
    auto [near, far] = socket_pair();
    int got = 0;
    const Limits limits{.inactivity = std::nullopt, .deadline = Clock::now() + 50ms};
    const auto running = reactor.start(
        limits, [&, end = near.get()](Call &call) { return read_bytes(call, end, 1, got); });
    std::this_thread::sleep_for(100ms);
    reactor.excuse(100ms);
    CHECK(reactor.dispatch(5ms).empty());
    CHECK(ended(reactor, 1).size() == 1);
    CHECK_THROWS_WITH(running->result(), "too late");
    CHECK(Clock::now() - *limits.deadline >= 100ms);
}

TEST_CASE("a moment that a task waits for is not put off") {
    Reactor reactor;
    const Time moment = Clock::now() + 50ms;
    const Limits limits{.inactivity = std::nullopt, .deadline = Clock::now() + 10s};
    const auto running =
        reactor.start(limits, [&](Call &call) { return wait_until(call, moment); });
    reactor.excuse(5s);
    CHECK(ended(reactor, 1, 2s).size() == 1);
    CHECK(running->ended());
}
