// Who gets which connection of a pool: Ledger.
#include <doctest/doctest.h>

#include <list>
#include <memory>
#include <vector>

#include "drivers/ledger.hpp"
#include "support.hpp"
#include "transport/error.hpp"

using namespace pyremctl;
using namespace pyremctl::test;

namespace {

using Loan = Ledger::Loan;
using Slot = Ledger::Slot;

/// A ledger, and what stands for the keeper: the test opens by hand.
struct Books {
    explicit Books(std::size_t min_size, std::size_t max_size)
        : ledger(std::make_shared<Ledger>(
              PoolLimits{.min_size = min_size, .max_size = max_size, .max_idle = 1h},
              std::make_shared<PoolCounts>(), Endpoint{.host = "a server", .port = 0},
              [this](const std::shared_ptr<Ledger> &) { ++started; })) {}

    int started = 0;
    std::shared_ptr<Ledger> ledger;

    static Member member() {
        return {.client = std::make_shared<Client>(), .end = Clock::now() + 1h};
    }

    /// Opens what is missing; how many that was.
    std::size_t open() {
        auto slots = ledger->missing();
        for (Slot &slot : slots)
            slot.fill(member());
        return slots.size();
    }

    void expect(Ledger::Sizes sizes) const {
        const auto there = ledger->sizes();
        CHECK(there.all == sizes.all);
        CHECK(there.idle == sizes.idle);
        CHECK(there.waiting == sizes.waiting);
        CHECK(there.opening == sizes.opening);
    }
};

/// Somebody who asks for a connection.
struct Asking {
    std::shared_ptr<EventWaker> waker = std::make_shared<EventWaker>();
    Call call{{}, waker};
    std::unique_ptr<Ledger::Request> request;

    explicit Asking(const Books &books, Ledger::Request::For what = Ledger::Request::For::one)
        : request(std::make_unique<Ledger::Request>(books.ledger, what, call)) {
        request->join();
    }
    bool served() const { return request->settled(); }
    Loan take() const { return request->take(); }
    void leave() { request.reset(); }
};

Loan lend(const Books &books) { return Asking(books).take(); }

std::exception_ptr refused() {
    return std::make_exception_ptr(Error(ErrorKind::connect, "refused"));
}

} // namespace

TEST_CASE("those that wait are served in order, each with the one that was idle least") {
    Books books(0, 2);
    std::list<Asking> all;
    for (int i = 0; i < 3; ++i)
        all.emplace_back(books);
    CHECK(books.started == 1);
    CHECK(books.open() == 2);
    auto next = all.begin();
    CHECK(next++->served());
    CHECK(next++->served());
    CHECK_FALSE(next->served());
    Loan first = all.front().take();
    const auto client = first.client();
    first.end(nullptr);
    CHECK(next->served());
    CHECK(next->take().client() == client);
}

TEST_CASE("one that is served and leaves without a look passes it on") {
    Books books(0, 1);
    Asking first(books);
    Asking second(books);
    books.open();
    CHECK(first.served());
    CHECK_FALSE(second.served());
    first.leave();
    CHECK(second.served());
    second.leave();
    books.expect({.all = 1, .idle = 1, .waiting = 0, .opening = 0});
}

TEST_CASE("a loan that nobody ends by hand ends with its object") {
    Books books(0, 1);
    Asking asking(books);
    books.open();
    {
        const Loan loan = asking.take();
    }
    // It is not connected here, and so not to be lent again.
    books.expect({.all = 0, .idle = 0, .waiting = 0, .opening = 0});
    CHECK(books.ledger->counts().bad_returns == 1);
    Asking again(books);
    CHECK(books.open() == 1);
}

TEST_CASE("the first who asks calls for all of min_size, and is served by the first") {
    Books books(6, 8);
    const Asking asking(books);
    auto slots = books.ledger->missing();
    CHECK(slots.size() == 6);
    slots.back().fill(Books::member());
    CHECK(asking.served());
}

TEST_CASE("open() waits for all of min_size") {
    Books books(2, 2);
    const Asking filling(books, Ledger::Request::For::all);
    auto slots = books.ledger->missing();
    slots.front().fill(Books::member());
    CHECK_FALSE(filling.served());
    slots.back().fill(Books::member());
    CHECK(filling.served());
    CHECK_FALSE(filling.take());
}

TEST_CASE("nothing is opened before the first use, and no more than there is room for") {
    Books books(1, 2);
    CHECK(books.open() == 0);
    std::list<Asking> all;
    for (int i = 0; i < 5; ++i)
        all.emplace_back(books);
    CHECK(books.ledger->missing().size() == 2);
}

TEST_CASE("an opening that fails is told to one that has waited for it, and to all of open()") {
    Books books(0, 1);
    const Asking first(books);
    const Asking second(books);
    auto slots = books.ledger->missing();
    REQUIRE(slots.size() == 1);
    std::this_thread::sleep_for(1ms); // the clock goes on
    const Asking late(books);
    slots.front().fail(refused());
    CHECK(first.served());
    CHECK_THROWS_WITH_AS(first.take(), "refused", Error);
    CHECK_FALSE(second.served());
    CHECK_FALSE(late.served());
    slots = books.ledger->missing();
    CHECK(slots.size() == 1);
    slots.front().fill(Books::member());
    CHECK(second.served());
    CHECK_FALSE(late.served());
}

TEST_CASE("one that came after an opening had begun is not told of its failure") {
    Books books(1, 2);
    Asking(books).leave();
    auto slots = books.ledger->missing();
    std::this_thread::sleep_for(1ms);
    const Asking late(books);
    slots.front().fail(refused());
    CHECK_FALSE(late.served());
    CHECK(books.open() == 1);
    CHECK(late.served());
}

TEST_CASE("tries for min_size are put off, and openings that fail together count as one") {
    Books books(5, 5);
    Asking(books).leave();
    auto slots = books.ledger->missing();
    REQUIRE(slots.size() == 5);
    const auto pause = [&] { return *books.ledger->next_try() - Clock::now(); };
    for (Slot &slot : slots)
        slot.fail(refused());
    CHECK(pause() > 0s);
    CHECK(pause() <= 1s);
    CHECK(books.ledger->missing().empty());
    // Somebody who asks does not wait for that; each later failure doubles it.
    for (const auto longest : {2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
        std::this_thread::sleep_for(1ms);
        Asking asking(books);
        auto one = books.ledger->missing();
        REQUIRE(one.size() == 1);
        one.front().fail(refused());
        CHECK(asking.served());
        CHECK(pause() <= longest);
        CHECK(pause() > longest - 1s);
    }
    Asking asking(books);
    books.open();
    CHECK(books.ledger->missing().size() == 4); // it can be reached again
}

TEST_CASE("an opening that goes without a word leaves its slot") {
    Books books(0, 1);
    const Asking asking(books);
    CHECK(books.ledger->missing().size() == 1);
    CHECK(books.ledger->missing().size() == 1);
    CHECK(books.open() == 1);
    CHECK(asking.served());
}

TEST_CASE("a dead member takes those with it that were idle as long, and no other") {
    Books books(0, 3);
    std::list<Asking> all;
    for (int i = 0; i < 3; ++i)
        all.emplace_back(books);
    books.open();
    std::vector<Loan> loans;
    for (const Asking &one : all)
        loans.push_back(one.take());
    loans[0].end(nullptr);
    loans[1].end(nullptr);
    Loan dead = lend(books); // the second
    std::this_thread::sleep_for(1ms);
    const auto client = loans[2].client();
    loans[2].end(nullptr);
    books.ledger->lose(std::move(dead));
    books.expect({.all = 1, .idle = 1, .waiting = 0, .opening = 0});
    CHECK(books.ledger->counts().lost == 2);
    CHECK(lend(books).client() == client);
}

TEST_CASE("one that the server has closed takes no other with it") {
    Books books(2, 2);
    const Asking filling(books, Ledger::Request::For::all);
    books.open();
    books.ledger->drop(lend(books));
    books.expect({.all = 1, .idle = 1, .waiting = 0, .opening = 0});
    CHECK(books.open() == 1); // for min_size
}

TEST_CASE("close() ends all who wait, and what is lent is closed when it comes back") {
    Books books(0, 1);
    const Asking one(books);
    books.open();
    Loan lent = one.take();
    const Asking waiting(books);
    const Asking filling(books, Ledger::Request::For::all);
    books.ledger->close();
    CHECK(waiting.served());
    CHECK_THROWS_AS(waiting.take(), Error);
    CHECK_THROWS_AS(filling.take(), Error);
    lent.end(nullptr);
    books.expect({.all = 0, .idle = 0, .waiting = 0, .opening = 0});
    CHECK(books.ledger->missing().empty());
    const Asking late(books);
    CHECK(late.served());
    CHECK_THROWS_AS(late.take(), Error);
}

TEST_CASE("what is made for a pool that was closed meanwhile is closed") {
    Books books(0, 1);
    const Asking one(books);
    auto slots = books.ledger->missing();
    books.ledger->close();
    slots.front().fill(Books::member());
    books.expect({.all = 0, .idle = 0, .waiting = 0, .opening = 0});
}

TEST_CASE("a keeper that cannot be had is told to all who wait, and tried again") {
    int tries = 0;
    const auto ledger = std::make_shared<Ledger>(
        PoolLimits{.min_size = 0, .max_size = 1, .max_idle = 1h}, std::make_shared<PoolCounts>(),
        Endpoint{.host = "a server", .port = 0}, [&](const std::shared_ptr<Ledger> &) {
            ++tries;
            throw Error(ErrorKind::local, "no thread");
        });
    Driver driver;
    Call call(driver.limits, driver.waker);
    for (int expected = 1; expected < 3; ++expected) {
        Ledger::Request request(ledger, Ledger::Request::For::one, call);
        request.join();
        REQUIRE(request.settled());
        CHECK_THROWS_WITH_AS(request.take(), "no thread", Error);
        CHECK(tries == expected);
    }
}

TEST_CASE("a keeper stays while something is missing") {
    Books books(1, 1);
    const auto waker = std::make_shared<EventWaker>();
    CHECK(books.ledger->enter_keeper(waker));
    CHECK_FALSE(books.ledger->enter_keeper(waker));
    Asking asking(books);
    CHECK(books.started == 0);
    CHECK_FALSE(books.ledger->leave_keeper());
    books.open();
    CHECK(books.ledger->leave_keeper());
    CHECK_FALSE(books.ledger->has_keeper());
}

TEST_CASE("the child of a fork leaves the parent's books alone") {
    Books books(0, 2);
    auto asking = std::make_unique<Asking>(books);
    books.open();
    auto loan = std::make_unique<Loan>(asking->take());
    auto waiting = std::make_unique<Asking>(books);
    CHECK(in_child([&] {
        // Another thread of the parent's may have held the mutex for ever.
        loan.reset();
        waiting.reset();
        asking.reset();
        return true;
    }));
    books.expect({.all = 1, .idle = 0, .waiting = 1, .opening = 0});
}
