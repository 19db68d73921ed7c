// Whose turn it is: Gate.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "connection/gate.hpp"
#include "support.hpp"
#include "transport/error.hpp"

using namespace pyremctl;
using namespace pyremctl::test;

TEST_CASE("one call at a time is let through") {
    const auto gate = std::make_shared<Gate>();
    std::atomic<int> inside{0};
    std::atomic<bool> crowded{false};
    std::vector<std::thread> threads;
    for (int number = 0; number < 8; ++number) {
        threads.emplace_back([&] {
            Looks looks;
            for (int count = 0; count < 200; ++count) {
                const auto turn = gate->enter(nullptr, looks);
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

TEST_CASE("a session keeps other threads out until it ends") {
    const auto gate = std::make_shared<Gate>();
    Looks looks;
    const auto session = gate->begin(looks);
    std::atomic<bool> through{false};
    std::thread other([&] {
        Looks others;
        const auto turn = gate->enter(nullptr, others);
        through = true;
    });
    {
        const auto turn = gate->enter(session.get(), looks);
    }
    std::this_thread::sleep_for(50ms);
    CHECK_FALSE(through);
    session->end();
    session->end();
    other.join();
    CHECK(through);
}

TEST_CASE("the thread of a session is let through without it, but to no second session") {
    const auto gate = std::make_shared<Gate>();
    Looks looks;
    const auto session = gate->begin(looks);
    {
        const auto turn = gate->enter(nullptr, looks);
    }
    CHECK_THROWS_AS(gate->begin(looks), Error);
}

TEST_CASE("closing waits for the call, and not for the session") {
    const auto gate = std::make_shared<Gate>();
    Looks looks;
    const auto session = gate->begin(looks);
    std::thread closer([&] {
        Looks others;
        const auto turn = gate->enter_to_close(others);
        gate->end_session();
    });
    closer.join();
    CHECK_FALSE(gate->present(*session));
    CHECK_THROWS_WITH_AS(gate->enter(session.get(), looks),
                         "the connection was closed during the stream", Error);
    const auto next = gate->begin(looks);
    CHECK(gate->present(*next));
    session->end(); // of no concern to the next one
    CHECK(gate->present(*next));
}

TEST_CASE("a call that interrupts one of the same thread is refused, not stuck") {
    const auto gate = std::make_shared<Gate>();
    Looks looks;
    CHECK_FALSE(gate->mine());
    const auto turn = gate->enter(nullptr, looks);
    CHECK(gate->mine());
    CHECK_THROWS_AS(gate->enter(nullptr, looks), Error);
    CHECK_THROWS_AS(gate->begin(looks), Error);
}

TEST_CASE("waiting for one's turn can be interrupted") {
    const auto gate = std::make_shared<Gate>();
    Looks looks;
    const auto turn = gate->enter(nullptr, looks);
    std::thread other([&] {
        Looks others;
        others.length = 5ms;
        others.interrupted = true;
        CHECK_THROWS_AS(gate->enter(nullptr, others), std::string);
        CHECK_FALSE(gate->mine());
    });
    other.join();
}
