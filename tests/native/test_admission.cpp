// Who may open a connection to an address: Admission.
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "connection/admission.hpp"
#include "drivers/reactor.hpp"
#include "support.hpp"
#include "transport/address.hpp"
#include "transport/error.hpp"

using namespace pyremctl;
using namespace pyremctl::test;

namespace {

using Running = std::shared_ptr<Reactor::Running>;

Address address(const std::string &host, std::uint16_t port = 4373) {
    return look_up(host, port, true).addresses.front();
}

/// Opens for ever, once it is let in, and says so.
Task<void> open(std::shared_ptr<Admission> admission, Address to, int number,
                std::vector<int> &inside, Call &call) {
    Endpoint endpoint{.host = "a host", .port = 4373};
    const auto place = co_await admission->enter(endpoint, to, call);
    inside.push_back(number);
    for (;;)
        co_await call.wait();
}

struct Queue {
    Reactor reactor;
    std::shared_ptr<Admission> admission = std::make_shared<Admission>();
    std::vector<int> inside;
    std::vector<Running> all;

    void come(const std::string &host, std::optional<Time> deadline = std::nullopt) {
        const auto number = static_cast<int>(all.size());
        const Limits limits{.inactivity = std::nullopt, .deadline = deadline};
        all.push_back(reactor.start(limits, [&, number, to = address(host)](Call &call) {
            return open(admission, to, number, inside, call);
        }));
        reactor.dispatch(5ms); // which starts what came late, on a busy machine
    }
    void leave(std::size_t number) {
        reactor.cancel(*all.at(number));
        reactor.dispatch(5ms);
    }
};

} // namespace

TEST_CASE("five open at a time to an address, in the order in which they came") {
    Queue queue;
    for (int i = 0; i < 8; ++i)
        queue.come("127.0.0.1");
    CHECK(queue.inside == std::vector<int>{0, 1, 2, 3, 4});
    queue.leave(3);
    CHECK(queue.inside.back() == 5);
    queue.leave(0);
    CHECK(queue.inside.back() == 6);
}

TEST_CASE("other addresses and ports are other queues") {
    Queue queue;
    for (int i = 0; i < 6; ++i)
        queue.come("127.0.0.1");
    queue.come("127.0.0.2");
    queue.come("::1");
    CHECK(queue.inside == std::vector<int>{0, 1, 2, 3, 4, 6, 7});
    CHECK(queue.admission->size() == 3);
}

TEST_CASE("one that leaves the queue is passed over, and nothing is lost") {
    Queue queue;
    for (int i = 0; i < 9; ++i)
        queue.come("127.0.0.1");
    queue.leave(5); // waits
    queue.leave(1);
    CHECK(queue.inside.back() == 6);
    // One that has just been let in, and does not know it, passes it on.
    queue.reactor.cancel(*queue.all.at(2));
    queue.reactor.cancel(*queue.all.at(7));
    queue.reactor.dispatch(5ms);
    CHECK(queue.inside.back() == 8);
    for (std::size_t i = 0; i < queue.all.size(); ++i)
        queue.leave(i);
    CHECK(queue.admission->size() == 0);
}

TEST_CASE("the wait ends with the call's time") {
    Queue queue;
    for (int i = 0; i < 5; ++i)
        queue.come("127.0.0.1");
    queue.come("127.0.0.1", Clock::now() + 20ms);
    while (!queue.all.back()->ended()) {
        pollfd interest{queue.reactor.descriptor(), POLLIN, 0};
        ::poll(&interest, 1, 1000);
        queue.reactor.dispatch(5ms);
    }
    try {
        queue.all.back()->result();
        FAIL("it was let in");
    } catch (const Error &error) {
        CHECK(error.kind() == ErrorKind::timeout);
        CHECK_FALSE(error.lasting());
        CHECK(std::string(error.what()).find("behind other connections") != std::string::npos);
    }
}
