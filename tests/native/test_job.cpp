// A call on a thread of its own: Job.
#include <doctest/doctest.h>

#include <csignal>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "support.hpp"
#include "transport/error.hpp"
#include "transport/job.hpp"

using namespace pyremctl;
using namespace pyremctl::test;

namespace {

/// A gate that a call waits at.
struct Barrier {
    std::atomic<bool> open{false};
    void wait() const {
        while (!open)
            std::this_thread::sleep_for(1ms);
    }
};

bool readable(const EventWaker &waker) {
    pollfd interest{waker.descriptor(), POLLIN, 0};
    return ::poll(&interest, 1, 1000) == 1;
}

} // namespace

TEST_CASE("a job wakes the waiter when it is done, and not before") {
    const auto waker = std::make_shared<EventWaker>();
    const auto barrier = std::make_shared<Barrier>();
    Job job(waker, [barrier] { barrier->wait(); });
    CHECK_FALSE(job.done());
    barrier->open = true;
    CHECK(readable(*waker));
    CHECK(job.done());
    job.finish();
}

TEST_CASE("what the call throws is thrown by finish()") {
    const auto waker = std::make_shared<EventWaker>();
    Job job(waker, [] { throw Error(ErrorKind::local, "it failed"); });
    CHECK(readable(*waker));
    CHECK(job.done());
    CHECK_THROWS_WITH_AS(job.finish(), "it failed", Error);
}

TEST_CASE("a job that is destroyed goes on, with what it owns, and wakes a waiter that has left") {
    const auto barrier = std::make_shared<Barrier>();
    auto owned = std::make_shared<std::string>("owned by the call, and too long to be inside");
    const std::weak_ptr<std::string> seen = owned;
    {
        const Job job(std::make_shared<EventWaker>(), [barrier, owned = std::move(owned)] {
            barrier->wait();
            if (owned->empty())
                throw Error(ErrorKind::local, "gone");
        });
    }
    CHECK_FALSE(seen.expired());
    barrier->open = true;
    for (int count = 0; count < 1000 && !seen.expired(); ++count)
        std::this_thread::sleep_for(1ms);
    CHECK(seen.expired());
}

TEST_CASE("a job handles no signal") {
    sigset_t mask;
    const auto waker = std::make_shared<EventWaker>();
    Job job(waker, [&mask] { pthread_sigmask(SIG_BLOCK, nullptr, &mask); });
    CHECK(readable(*waker));
    CHECK(job.done());
    for (const int number : {SIGINT, SIGTERM, SIGALRM, SIGPIPE, SIGUSR1, SIGCHLD})
        CHECK(sigismember(&mask, number) == 1);
    pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    CHECK(sigismember(&mask, SIGINT) == 0);
}

TEST_CASE("what the call owns is gone when the job is done") {
    auto owned = std::make_shared<int>(1);
    const std::weak_ptr<int> seen = owned;
    Job job(std::make_shared<EventWaker>(), [owned = std::move(owned)] {});
    while (!job.done())
        std::this_thread::sleep_for(1ms);
    CHECK(seen.expired());
    job.finish();
}

TEST_CASE("a helper thread serves one job after another") {
    std::set<std::thread::id> threads;
    std::mutex mutex;
    for (int count = 0; count < 50; ++count) {
        const auto waker = std::make_shared<EventWaker>();
        Job job(waker, [&] {
            const std::lock_guard lock(mutex);
            threads.insert(std::this_thread::get_id());
        });
        CHECK(readable(*waker));
        CHECK(job.done());
        std::this_thread::sleep_for(1ms); // on its way back
    }
    CHECK(threads.size() <= 5);
}

TEST_CASE("as many jobs run at once as there are") {
    constexpr int number = 100;
    std::atomic<int> inside{0};
    const auto barrier = std::make_shared<Barrier>();
    std::vector<std::unique_ptr<Job>> jobs;
    for (int count = 0; count < number; ++count)
        jobs.push_back(std::make_unique<Job>(std::make_shared<EventWaker>(), [&, barrier] {
            ++inside;
            barrier->wait();
        }));
    for (int count = 0; count < 2000 && inside < number; ++count)
        std::this_thread::sleep_for(1ms);
    CHECK(inside == number);
    barrier->open = true;
    for (const auto &job : jobs)
        while (!job->done())
            std::this_thread::sleep_for(1ms);
}
