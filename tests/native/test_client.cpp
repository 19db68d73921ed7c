// A connection and those who use it: Client.
#include <doctest/doctest.h>

#include <memory>

#include "drivers/client.hpp"
#include "support.hpp"
#include "transport/journal.hpp"

using namespace pyremctl;
using namespace pyremctl::test;

namespace {

/// A verb that loses the connection and does not come to say why.
Task<void> lose_and_wait(Connection &connection, Call &call) {
    connection.notes().lost();
    for (;;)
        co_await call.wait();
}

Task<Token> next_token(Connection & /*connection*/, Call & /*call*/) { co_return Token{}; }

} // namespace

TEST_CASE("a call that finds its stream at its end leaves the connection to the call that runs") {
    journal::keep(journal::Topic::connections, true);
    const auto client = std::make_shared<Client>();
    Driver driver;
    const auto ended = [&] {
        Call call(driver.limits, driver.waker);
        return std::make_shared<Turns>()->enter_at_once(nullptr, 2, call).begin_session();
    }();
    ended->end();
    {
        Call running(driver.limits, driver.waker);
        Operation operation(client->perform(nullptr, 1, running, lose_and_wait));
        REQUIRE(operation.advance() != nullptr);
        const auto held =
            driver.run([&](Call &call) { return client->perform(ended, 2, call, next_token); });
        CHECK(held.value.type == Token::Type::done);
        CHECK_FALSE(held.hold.turn);
        CHECK(journal::empty()); // else it has said why for the other one
    }
    CHECK(journal::take().size() == 1);
    journal::keep(journal::Topic::connections, false);
}

TEST_CASE("a connection that another one has replaced is not the one that is remembered") {
    const auto client = std::make_shared<Client>();
    Driver driver;
    const auto open = [&](const char *host, bool closes) {
        driver.run([&](Call &call) {
            return client->open(1, call, [&, host](Connection &connection, Call &) -> Task<void> {
                Connection::Origin origin;
                origin.target.host = host;
                connection.inherit(std::move(origin));
                if (closes)
                    client->close(); // as another thread may
                co_return;
            });
        });
    };
    open("first", false);
    REQUIRE(client->server());
    CHECK(client->server()->host == "first");
    open("second", true);
    CHECK(client->server()->host == "first");
}
