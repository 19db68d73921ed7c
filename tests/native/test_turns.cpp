// Whose turn it is: Turns.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "drivers/turns.hpp"
#include "support.hpp"
#include "transport/error.hpp"

using namespace pyremctl;
using namespace pyremctl::test;

namespace {

using Turn = Turns::Turn;
using Session = Turns::Session;

/// A caller with a call of its own.
struct Someone {
    Caller self;
    Driver driver;
    Call call{driver.limits, driver.waker};

    explicit Someone(Caller number) : self(number) {}

    Turn enter(Turns &turns, const Session *session = nullptr) {
        return driver.run([&](Call &going) { return turns.enter(session, self, going); }, call);
    }
    Turn enter_at_once(Turns &turns, const Session *session = nullptr) {
        return turns.enter_at_once(session, self, call);
    }
};

/// A call that waits, and one that interrupts it and waits too; driven by hand.
class Interrupted {
  public:
    Interrupted(const std::shared_ptr<Turns> &turns, Caller self)
        : outer_(self), nested_(self), call(turns->enter(nullptr, self, outer_.call)),
          handler(turns->enter(nullptr, self, nested_.call)) {
        REQUIRE(call.advance() != nullptr);
        REQUIRE(handler.advance() != nullptr);
    }

  private:
    Someone outer_;
    Someone nested_;

  public:
    Operation<Turn> call;
    Operation<Turn> handler;
};

/// A call in a thread of its own, which waits for its turn and keeps it.
class Waiting {
  public:
    Waiting(std::shared_ptr<Turns> turns, Caller self, const Session *session = nullptr)
        : before_(turns->waiting()), someone_(self), thread_([this, turns, session] {
              try {
                  turn = someone_.enter(*turns, session);
              } catch (const Error &error) {
                  problem = error.what();
              }
              over = true;
          }) {
        while (turns->waiting() == before_ && !over)
            std::this_thread::yield();
    }
    Waiting(const Waiting &) = delete;
    Waiting &operator=(const Waiting &) = delete;
    Waiting(Waiting &&) = delete;
    Waiting &operator=(Waiting &&) = delete;
    ~Waiting() { join(); }

    void join() {
        if (thread_.joinable())
            thread_.join();
    }
    Call &call() { return someone_.call; }
    Driver &driver() { return someone_.driver; }

    Turn turn;
    std::string problem;
    std::atomic<bool> over{false};

  private:
    std::size_t before_;
    Someone someone_;
    std::thread thread_;
};

} // namespace

TEST_CASE("one call at a time is let through") {
    const auto turns = std::make_shared<Turns>();
    std::atomic<int> inside{0};
    std::atomic<bool> crowded{false};
    std::vector<std::thread> threads;
    for (Caller number = 1; number <= 8; ++number) {
        threads.emplace_back([&, number] {
            Someone someone(number);
            for (int count = 0; count < 200; ++count) {
                const auto turn = someone.enter(*turns);
                if (++inside != 1)
                    crowded = true;
                --inside;
            }
        });
    }
    for (std::thread &thread : threads)
        thread.join();
    CHECK_FALSE(crowded);
}

TEST_CASE("calls are let through in the order in which they came") {
    const auto turns = std::make_shared<Turns>();
    Someone first(1);
    auto turn = first.enter(*turns);
    Waiting second(turns, 2);
    Waiting third(turns, 3);
    turn = Turn();
    second.join();
    CHECK(second.turn);
    CHECK_FALSE(third.over);
    second.turn = Turn();
    third.join();
    CHECK(third.turn);
}

TEST_CASE("a caller that leaves wakes nobody whose turn it is not") {
    const auto turns = std::make_shared<Turns>();
    Someone first(1);
    const auto session = [&] { return first.enter(*turns).begin_session(); }();
    Waiting second(turns, 2);
    Waiting third(turns, 3);
    for (int count = 0; count < 10; ++count)
        CHECK(first.enter(*turns, session.get()));
    for (Waiting *waiting : {&second, &third}) {
        pollfd interest{waiting->driver().waker->descriptor(), POLLIN, 0};
        CHECK(::poll(&interest, 1, 0) == 0);
        CHECK_FALSE(waiting->over);
    }
    session->end();
    second.join();
    second.turn = Turn();
}

TEST_CASE("a session keeps others out until it ends") {
    const auto turns = std::make_shared<Turns>();
    Someone mine(1);
    const auto session = mine.enter(*turns).begin_session();
    Waiting other(turns, 2);
    {
        const auto turn = mine.enter(*turns, session.get());
        CHECK(turn);
    }
    CHECK_FALSE(other.over);
    session->end();
    session->end();
    other.join();
    CHECK(other.turn);
    CHECK(session->state() == Session::State::ended);
}

TEST_CASE("the caller of a session is let through without it, but to no second session") {
    const auto turns = std::make_shared<Turns>();
    Someone mine(1);
    const auto session = mine.enter(*turns).begin_session();
    auto turn = mine.enter(*turns);
    CHECK(turn);
    CHECK_THROWS_AS(turn.begin_session(), Error);
    CHECK(session->state() == Session::State::present);
}

TEST_CASE("threads that end one session at once end it once") {
    for (int round = 0; round < 2000; ++round) {
        const auto turns = std::make_shared<Turns>();
        Someone mine(1);
        const auto session = mine.enter(*turns).begin_session();
        std::atomic<int> ready{0};
        const auto end = [&] {
            ++ready;
            while (ready < 2) {
            }
            session->end();
        };
        std::thread one(end);
        std::thread two(end);
        one.join();
        two.join();
        CHECK(mine.enter_at_once(*turns));
    }
}

TEST_CASE("leaving a session ends the wait of its calls, whether they run or stand in line") {
    const auto turns = std::make_shared<Turns>();
    Someone mine(1);
    const auto session = mine.enter(*turns).begin_session();
    auto turn = mine.enter(*turns, session.get());
    Waiting waiting(turns, 2, session.get());
    CHECK_FALSE(turns->leave_session(*session)); // a call runs
    CHECK_THROWS_AS(mine.call.check(), Error);   // and is cancelled
    waiting.join();
    CHECK_FALSE(waiting.turn);
    CHECK(waiting.problem.empty());
    CHECK(session->state() == Session::State::ended);
    turn = Turn();
    CHECK_FALSE(turns->leave_session(*session)); // it has been left
}

TEST_CASE("a session that is handed to another caller lets that one through") {
    const auto turns = std::make_shared<Turns>();
    Someone mine(1);
    Someone other(2);
    const auto session = mine.enter(*turns).begin_session();
    Waiting waiting(turns, 2);
    Waiting stranger(turns, 3);
    session->hand_to(2);
    waiting.join();
    CHECK(waiting.turn);
    waiting.turn = Turn();
    CHECK(other.enter_at_once(*turns));
    CHECK_FALSE(mine.enter_at_once(*turns));
    CHECK_FALSE(stranger.over);
    session->end();
    stranger.join();
    session->hand_to(1); // which changes nothing any more
    CHECK(session->state() == Session::State::ended);
}

TEST_CASE("each caller of a session that has failed is told of what, once") {
    const auto turns = std::make_shared<Turns>();
    Someone mine(1);
    const auto session = mine.enter(*turns).begin_session();
    auto turn = mine.enter(*turns, session.get());
    Waiting inside(turns, 2, session.get());
    Waiting outside(turns, 3);
    const Error error(ErrorKind::lost, "gone");
    session->fail(&error, 1);
    inside.join();
    CHECK_FALSE(inside.turn);
    session->check(1); // whose own failure it was
    CHECK_THROWS_WITH_AS(session->check(2), "gone", Error);
    session->check(2);
    CHECK(session->state() == Session::State::failed);
    turn = Turn();
    outside.join();
    CHECK(outside.turn);
}

TEST_CASE("the callers of a session that was cut short are told so") {
    const auto turns = std::make_shared<Turns>();
    Someone mine(1);
    const auto first = mine.enter(*turns).begin_session();
    CHECK(turns->leave_session(*first, Session::State::failed));
    CHECK_THROWS_WITH_AS(first->check(1), doctest::Contains("cut short"), Error);
    const auto second = mine.enter(*turns).begin_session();
    {
        const auto turn = mine.enter(*turns, second.get());
        second->fail(nullptr, 1);
    }
    CHECK_THROWS_WITH_AS(second->check(2), doctest::Contains("cut short"), Error);
    const auto third = mine.enter(*turns).begin_session();
    CHECK(turns->retire());
    CHECK_THROWS_WITH_AS(third->check(1), doctest::Contains("closed"), Error);
}

TEST_CASE("each caller is told once that the answer of a session was a refusal") {
    const auto turns = std::make_shared<Turns>();
    Someone mine(1);
    const auto session = mine.enter(*turns).begin_session();
    CHECK_FALSE(session->refusal(1));
    session->refused({5, "no such"}, 1);
    session->end();
    CHECK_FALSE(session->refusal(1));
    CHECK(session->refusal(2)->second == "no such");
    CHECK_FALSE(session->refusal(2));
}

TEST_CASE("a session that is left without a call gives the turn to who leaves it") {
    const auto turns = std::make_shared<Turns>();
    Someone mine(1);
    const auto session = mine.enter(*turns).begin_session();
    Waiting other(turns, 2);
    {
        const auto turn = turns->leave_session(*session);
        CHECK(turn);
        CHECK_FALSE(other.over);
    }
    other.join();
    CHECK(other.turn);
}

TEST_CASE("retired turns cancel the call that runs and send those that wait away") {
    const auto turns = std::make_shared<Turns>();
    Someone mine(1);
    const auto session = mine.enter(*turns).begin_session();
    auto turn = mine.enter(*turns, session.get());
    Waiting other(turns, 2);
    CHECK_FALSE(turns->retire());
    CHECK_THROWS_AS(mine.call.check(), Error);
    other.join();
    CHECK_FALSE(other.turn);
    CHECK(session->state() == Session::State::lost);
    turn = Turn();
    CHECK_FALSE(mine.enter(*turns));
}

TEST_CASE("retired turns tell when no call runs, also one that has not seen its turn yet") {
    const auto idle = std::make_shared<Turns>();
    CHECK(idle->retire());

    const auto turns = std::make_shared<Turns>();
    Someone first(1);
    Someone second(2);
    auto turn = first.enter(*turns);
    // Driven by hand, so that it does not look before it is told to.
    Operation<Turn> entering(turns->enter(nullptr, second.self, second.call));
    REQUIRE(entering.advance() != nullptr);
    turn = Turn();
    CHECK(turns->retire());
    REQUIRE(entering.advance() == nullptr);
    CHECK_FALSE(entering.result());
    CHECK_NOTHROW(second.call.check());
}

TEST_CASE("a call that gives up after it was given the turn passes it on, and counts no more") {
    const auto turns = std::make_shared<Turns>();
    Someone first(1);
    Someone second(2);
    auto turn = first.enter(*turns);
    {
        Operation<Turn> entering(turns->enter(nullptr, second.self, second.call));
        REQUIRE(entering.advance() != nullptr);
        turn = Turn();
        CHECK_FALSE(first.enter_at_once(*turns)); // it is the second's
    }
    turn = first.enter_at_once(*turns);
    CHECK(turn);
    CHECK_FALSE(turns->retire()); // for the first one's call runs
}

TEST_CASE("a call that interrupts one of the same caller is refused, not stuck") {
    const auto turns = std::make_shared<Turns>();
    Someone mine(1);
    const auto turn = mine.enter(*turns);
    CHECK_THROWS_AS(mine.enter(*turns), Error);
}

TEST_CASE("a call that interrupts the wait of the same caller goes before it") {
    const auto turns = std::make_shared<Turns>();
    Someone other(1);
    auto turn = other.enter(*turns);
    Interrupted both(turns, 2);
    turn = Turn();
    REQUIRE(both.handler.advance() == nullptr);
    {
        const auto its = both.handler.result();
        CHECK(its);
    }
    REQUIRE(both.call.advance() == nullptr);
    CHECK(both.call.result());
}

TEST_CASE("a handler's call goes first also where both have waited in a stream that ends") {
    const auto turns = std::make_shared<Turns>();
    Someone mine(1);
    Someone reader(2);
    const auto session = mine.enter(*turns).begin_session();
    auto turn = reader.enter(*turns, session.get());
    Interrupted both(turns, 1);
    session->end();
    turn = Turn();
    REQUIRE(both.handler.advance() == nullptr);
    CHECK(both.handler.result());
}

TEST_CASE("a call outside a stream that interrupts the wait of one within it is refused") {
    const auto turns = std::make_shared<Turns>();
    Someone owner(1);
    Someone mine(2);
    Someone nested(2);
    const auto session = owner.enter(*turns).begin_session();
    const auto turn = owner.enter(*turns, session.get());
    Operation<Turn> waiting(turns->enter(session.get(), mine.self, mine.call));
    REQUIRE(waiting.advance() != nullptr);
    CHECK_THROWS_AS(nested.enter(*turns), Error);
}

TEST_CASE("a stream that was begun in the middle of a caller's wait is not waited for by it") {
    const auto turns = std::make_shared<Turns>();
    Someone other(1);
    auto turn = other.enter(*turns);
    Interrupted both(turns, 2);
    turn = Turn();
    REQUIRE(both.handler.advance() == nullptr);
    const auto session = both.handler.result().begin_session();
    REQUIRE(both.call.advance() == nullptr);
    CHECK(both.call.result());
    CHECK(session->state() == Session::State::present);
}

TEST_CASE("waiting for one's turn can be interrupted, cancelled and limited") {
    const auto turns = std::make_shared<Turns>();
    Someone first(1);
    const auto turn = first.enter(*turns);

    Someone interrupted(2);
    interrupted.driver.looks.length = 5ms;
    interrupted.driver.looks.interrupted = true;
    CHECK_THROWS_AS(interrupted.enter(*turns), std::string);

    Waiting cancelled(turns, 3);
    cancelled.call().cancel();
    cancelled.join();
    CHECK(cancelled.problem == "connection closed during the call");

    Driver driver;
    driver.limits.deadline = Clock::now() + 50ms;
    CHECK_THROWS_WITH_AS(driver.run([&](Call &call) { return turns->enter(nullptr, 4, call); }),
                         "the connection is in use by other calls: timed out", Error);
}
