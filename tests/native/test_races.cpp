// Many threads at once, at random: turns, the inbox of a reactor, helper threads, a pool's books.
//
// A wake-up that is lost is a test that hangs: nothing here looks again after a while. With PAUSES
// in the environment the threads also pause at random (pauses.cpp).
#include <doctest/doctest.h>

#include <barrier>
#include <cstdlib>
#include <functional>
#include <list>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "drivers/ledger.hpp"
#include "drivers/reactor.hpp"
#include "drivers/turns.hpp"
#include "support.hpp"
#include "transport/error.hpp"
#include "transport/job.hpp"

using namespace pyremctl;
using namespace pyremctl::test;

namespace {

using Random = std::mt19937;
using Turn = Turns::Turn;
using Session = Turns::Session;

/// Another sequence for each thread, and for each number in the environment.
Random random_of(unsigned thread) {
    const char *const text = std::getenv("PAUSES");
    return Random((text == nullptr ? 0U : static_cast<unsigned>(std::atol(text))) * 64 + thread);
}

/// Runs a function in so many threads, to their ends.
void in_threads(unsigned number, const std::function<void(unsigned, Random &)> &work) {
    std::vector<std::thread> threads;
    for (unsigned count = 0; count < number; ++count)
        threads.emplace_back([&work, count] {
            Random random = random_of(count);
            work(count, random);
        });
    for (std::thread &thread : threads)
        thread.join();
}

void wait_for(const EventWaker &waker) {
    pollfd interest{waker.descriptor(), POLLIN, 0};
    ::poll(&interest, 1, -1);
}

/// One call of a caller, which waits for a wake-up and for nothing else.
struct Visit {
    Caller self;
    Driver driver;
    Call call;

    Visit(Caller number, Limits limits) : self(number), call(limits, driver.waker) {
        driver.looks.length.reset();
    }

    Turn enter(Turns &turns, const Session *session = nullptr) {
        return driver.run([&](Call &going) { return turns.enter(session, self, going); }, call);
    }
};

/// Callers of one connection, and what they share.
class Crowd {
  public:
    explicit Crowd(unsigned callers) : visits_(callers) {}

    /// One call at random.
    void visit(unsigned number, Random &random) {
        Limits limits;
        if (random() % 4 == 0)
            limits.deadline = Clock::now() + std::chrono::microseconds(random() % 500);
        const auto visit = std::make_shared<Visit>(number + 1, limits);
        show(number, visit);
        try {
            act(*visit, random);
        } catch (const Error &) { // too late, cancelled, or in the way of a stream of its own
        }
        show(number, nullptr);
    }

    bool is_quiet() const { return turns_->waiting() == 0 && !crowded_; }
    Turn enter(Visit &visit) { return visit.enter(*turns_); }

  private:
    void act(Visit &visit, Random &random) {
        switch (random() % 8) {
        case 0:
            stream(visit, random);
            break;
        case 1:
            if (const auto session = shared())
                hold(visit.enter(*turns_, session.get()));
            break;
        case 2:
            if (const auto session = shared())
                hold(turns_->leave_session(*session));
            break;
        case 3:
            hold(random() % 2 == 0 ? turns_->seize() : turns_->seize_or_cancel());
            break;
        case 4:
            cancel(random() % visits_.size());
            break;
        default:
            hold(visit.enter(*turns_));
        }
    }

    /// A stream of some calls, which others may share, or end.
    void stream(Visit &visit, Random &random) {
        std::shared_ptr<Session> session;
        {
            Turn turn = visit.enter(*turns_);
            if (!turn)
                return;
            hold_here();
            session = turn.begin_session();
            share(session);
        }
        try {
            for (auto calls = random() % 4; calls > 0; --calls)
                hold(visit.enter(*turns_, session.get()));
        } catch (const Error &) {
            session->end();
            throw;
        }
        session->end();
    }

    void hold(Turn turn) {
        if (turn)
            hold_here();
    }

    void hold_here() {
        if (++inside_ != 1)
            crowded_ = true;
        turns_->spoiled();
        std::this_thread::yield();
        --inside_;
    }

    void show(unsigned number, std::shared_ptr<Visit> visit) {
        const std::scoped_lock lock(mutex_);
        visits_.at(number).swap(visit);
    }
    void cancel(std::size_t number) {
        std::shared_ptr<Visit> visit;
        {
            const std::scoped_lock lock(mutex_);
            visit = visits_.at(number);
        }
        if (visit)
            visit->call.cancel();
    }
    void share(std::shared_ptr<Session> session) {
        const std::scoped_lock lock(mutex_);
        session_.swap(session);
    }
    std::shared_ptr<Session> shared() {
        const std::scoped_lock lock(mutex_);
        return session_;
    }

    std::shared_ptr<Turns> turns_ = std::make_shared<Turns>();
    std::atomic<int> inside_{0};
    std::atomic<bool> crowded_{false};
    std::mutex mutex_; // guards the members below
    std::vector<std::shared_ptr<Visit>> visits_;
    std::shared_ptr<Session> session_;
};

/// A task that is woken again and again, by a thread that waits until it has seen each.
struct Called {
    static constexpr int times = 100;
    std::atomic<int> calls{0};
    std::atomic<int> seen{0};
    std::shared_ptr<Waker> waker;

    Task<void> wait(Call &call) {
        waker = call.waker();
        while (seen < times) {
            seen = calls.load();
            if (seen < times)
                co_await call.wait();
        }
    }
    void wake(Random &random) {
        while (calls < times) {
            if (random() % 8 == 0)
                waker->wake(); // for nothing
            ++calls;
            waker->wake();
            while (seen < calls)
                std::this_thread::yield();
        }
    }
};

/// A pool's books, with a keeper in a thread of its own.
class Books {
  public:
    explicit Books(PoolLimits limits)
        : ledger(std::make_shared<Ledger>(limits, std::make_shared<PoolCounts>(),
                                          Endpoint{.host = "a server", .port = 0}, nullptr)) {
        ledger->enter_keeper(waker_);
    }
    Books(const Books &) = delete;
    Books &operator=(const Books &) = delete;
    Books(Books &&) = delete;
    Books &operator=(Books &&) = delete;
    ~Books() {
        ledger->close();
        keeper_.join();
    }

    const std::shared_ptr<Ledger> ledger;

  private:
    void keep() {
        Random random = random_of(99);
        while (!ledger->closed()) {
            wait_for(*waker_);
            waker_->drain();
            // One that came after an opening had started may wait for another one.
            for (auto slots = ledger->missing(); !slots.empty(); slots = ledger->missing())
                for (auto &slot : slots)
                    if (random() % 8 == 0)
                        slot.fail(std::make_exception_ptr(Error(ErrorKind::connect, "refused")));
                    else
                        slot.fill({.client = std::make_shared<Client>(),
                                   .end = Clock::now() + 1h,
                                   .offline = true});
        }
    }

    std::shared_ptr<EventWaker> waker_ = std::make_shared<EventWaker>();
    std::thread keeper_{[this] { keep(); }};
};

} // namespace

TEST_CASE("a crowd of callers is let through one at a time, and nobody is forgotten") {
    constexpr unsigned callers = 6;
    Crowd crowd(callers);
    in_threads(callers, [&](unsigned number, Random &random) {
        for (int count = 0; count < 100; ++count)
            crowd.visit(number, random);
    });
    Visit last(callers + 1, {});
    CHECK(crowd.enter(last));
    CHECK(crowd.is_quiet());
}

TEST_CASE("turns that are retired in the middle of a crowd send everybody away") {
    constexpr unsigned callers = 4;
    for (int round = 0; round < 5; ++round) {
        const auto turns = std::make_shared<Turns>();
        in_threads(callers, [&](unsigned number, Random &random) {
            if (number == 0) {
                std::this_thread::sleep_for(std::chrono::microseconds(random() % 500));
                turns->retire();
                return;
            }
            for (bool there = true; there;) {
                Visit visit(number, {});
                try {
                    there = static_cast<bool>(visit.enter(*turns));
                } catch (const Error &) { // it was running, and is cancelled
                }
            }
        });
        CHECK(turns->waiting() == 0);
    }
}

TEST_CASE("of two callers that come and go at once none is forgotten") {
    constexpr int rounds = 200;
    std::shared_ptr<Turns> turns;
    std::barrier start(2, [&]() noexcept { turns = std::make_shared<Turns>(); });
    std::barrier end(2);
    in_threads(2, [&](unsigned number, Random &random) {
        for (int round = 0; round < rounds; ++round) {
            start.arrive_and_wait();
            Visit visit(number + 1, {});
            std::shared_ptr<Session> session;
            {
                Turn turn = visit.enter(*turns);
                if (turn && random() % 2 == 0)
                    session = turn.begin_session();
            }
            if (session)
                session->end();
            end.arrive_and_wait();
        }
    });
    CHECK(turns->waiting() == 0);
}

TEST_CASE("no wake-up of a task is lost, whichever threads they come from") {
    constexpr unsigned tasks = 4;
    Reactor reactor;
    std::vector<Called> all(tasks);
    std::vector<std::shared_ptr<Reactor::Running>> running;
    for (Called &one : all)
        running.push_back(reactor.start({}, [&one](Call &call) { return one.wait(call); }));
    std::thread waking([&] {
        in_threads(tasks, [&](unsigned number, Random &random) { all.at(number).wake(random); });
    });
    for (std::size_t ended = 0; ended < tasks;) {
        pollfd interest{reactor.descriptor(), POLLIN, 0};
        ::poll(&interest, 1, -1);
        ended += reactor.dispatch(1ms).size();
    }
    waking.join();
    CHECK(reactor.size() == 0);
}

TEST_CASE("every job is done once, and wakes its waiter") {
    std::atomic<int> done{0};
    in_threads(4, [&](unsigned, Random &random) {
        for (int count = 0; count < 50; ++count) {
            const auto waker = std::make_shared<EventWaker>();
            const auto times = std::make_shared<std::atomic<int>>(0);
            Job job(waker, [times, &done] {
                ++*times;
                ++done;
            });
            if (random() % 2 == 0)
                std::this_thread::yield();
            while (!job.done()) {
                wait_for(*waker);
                waker->drain();
            }
            job.finish();
            CHECK(*times == 1);
        }
    });
    CHECK(done == 200);
}

TEST_CASE("a helper thread that is about to end does the work that it is given") {
    constexpr int helpers = 8;
    constexpr auto idle_time = 500ms; // as in transport/workers.cpp
    std::vector<std::shared_ptr<EventWaker>> wakers;
    std::list<Job> jobs;
    const auto start = [&] {
        wakers.push_back(std::make_shared<EventWaker>());
        jobs.emplace_back(wakers.back(), [] { std::this_thread::sleep_for(2ms); });
    };
    const auto finish = [&] {
        for (auto place = wakers.begin(); Job &job : jobs)
            for (const auto &waker = *place++; !job.done(); waker->drain())
                wait_for(*waker);
        jobs.clear();
        wakers.clear();
    };
    for (int count = 0; count < helpers; ++count)
        start();
    finish();
    std::this_thread::sleep_for(idle_time - 2ms);
    for (int count = 0; count < helpers; ++count) {
        start();
        std::this_thread::sleep_for(500us);
    }
    finish();
}

TEST_CASE("a pool's books serve everybody who waits, and lend no more than there is") {
    constexpr std::size_t most = 3;
    std::atomic<std::size_t> lent{0};
    std::atomic<bool> too_many{false};
    Books books({.min_size = 1, .max_size = most, .max_idle = 1h});
    in_threads(6, [&](unsigned, Random &random) {
        for (int count = 0; count < 60; ++count) {
            const auto waker = std::make_shared<EventWaker>();
            Call call({}, waker);
            Ledger::Request request(books.ledger, Ledger::Request::For::one, call);
            request.join();
            if (random() % 8 == 0)
                continue; // it leaves, served or not
            while (!request.settled()) {
                wait_for(*waker);
                waker->drain();
            }
            Ledger::Loan loan;
            try {
                loan = request.take();
            } catch (const Error &) {
                continue; // the opening that it had waited for has failed
            }
            if (++lent > most)
                too_many = true;
            std::this_thread::yield();
            --lent;
            switch (random() % 8) {
            case 0:
                books.ledger->lose(std::move(loan));
                break;
            case 1:
                books.ledger->drop(std::move(loan));
                break;
            case 2:
                loan.end("it cannot be used again");
                break;
            case 3:
                break; // its destructor
            default:
                loan.end(nullptr);
            }
        }
    });
    CHECK_FALSE(too_many);
    const auto sizes = books.ledger->sizes();
    CHECK(sizes.waiting == 0);
    CHECK(sizes.all == sizes.idle);
    CHECK(sizes.all <= most);
}
