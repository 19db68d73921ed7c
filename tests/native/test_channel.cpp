// The pump between a server's socket and libremctl: Channel, with a plain
// socket pair in the server's place, and no Kerberos.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <random>
#include <string>
#include <thread>

#include "connection/channel.hpp"
#include "connection/connection.hpp"
#include "support.hpp"
#include "transport/error.hpp"
#include "transport/job.hpp"

using namespace pyremctl;
using namespace pyremctl::test;

namespace {

constexpr unsigned data_token = 0x44;

struct Pumped {
    Descriptor server;
    Channel channel;

    explicit Pumped(std::pair<Descriptor, Descriptor> ends = socket_pair())
        : server(std::move(ends.first)), channel(std::move(ends.second)) {}
};

} // namespace

TEST_CASE("a socket whose user wants to linger is given up at once") {
    LingeringSocket socket;
    Channel channel(std::move(socket.ours));
    const Time begun = Clock::now();
    channel.abort();
    CHECK(Clock::now() - begun < 1s);
}

TEST_CASE("a token is announced when all of it lies in the pair") {
    Pumped pumped;
    const std::string whole = token(data_token, std::string(1000, 'x'));
    write_all(pumped.server.get(), whole.substr(0, 900));
    CHECK(pumped.channel.receive());
    CHECK_FALSE(pumped.channel.token_ready());
    CHECK_FALSE(pumped.channel.receive());
    write_all(pumped.server.get(), whole.substr(900));
    pumped.channel.await_server();
    CHECK(pumped.channel.receive());
    CHECK(pumped.channel.token_ready());
    pumped.channel.take_token();
    CHECK_FALSE(pumped.channel.token_ready());
    CHECK(pumped.channel.first_flags() == data_token);
}

TEST_CASE("what was received and has no room in the pair yet is read ahead") {
    Pumped pumped;
    const std::string one = token(data_token, std::string(100'000, 'x'));
    constexpr std::size_t count = 6; // more than the pair holds at once
    std::atomic<bool> sent{false};
    std::thread server([&] {
        for (std::size_t number = 0; number < count; ++number)
            write_all(pumped.server.get(), one);
        sent = true;
    });
    while (!sent || unread(pumped.channel.socket()) != 0)
        pumped.channel.pump();
    server.join();
    std::size_t taken = 0;
    std::string data(one.size(), '\0');
    while (pumped.channel.read_ahead()) {
        while (!pumped.channel.token_ready())
            pumped.channel.receive();
        REQUIRE(::recv(pumped.channel.library_end(), data.data(), data.size(), MSG_WAITALL) ==
                static_cast<ssize_t>(data.size()));
        pumped.channel.take_token();
        ++taken;
    }
    CHECK(taken == count);
}

TEST_CASE("a token that the pair cannot hold is announced as stuffing it") {
    Pumped pumped;
    const std::string whole = token(data_token, std::string(token_max_length, 'x'));
    std::thread server([&] { write_all(pumped.server.get(), whole); });
    while (!pumped.channel.stuffed()) {
        CHECK_FALSE(pumped.channel.token_ready());
        pumped.channel.await_server();
        pumped.channel.receive();
    }
    CHECK_FALSE(pumped.channel.token_ready());
    pumped.channel.abort();
    server.join();
}

TEST_CASE("a token that the pair cannot hold arrives, though its server says no more") {
    Pumped pumped;
    const std::string whole = token(data_token, std::string(token_max_length, 'x'));
    std::thread server([&] { write_all(pumped.server.get(), whole); });
    while (!pumped.channel.stuffed()) {
        pumped.channel.await_server();
        pumped.channel.receive();
    }
    std::string data(whole.size(), '\0');
    std::thread library([&] {
        CHECK(::recv(pumped.channel.library_end(), data.data(), data.size(), MSG_WAITALL) ==
              static_cast<ssize_t>(data.size()));
    });
    while (!pumped.channel.token_ready()) {
        std::vector<pollfd> interests = pumped.channel.interests(true);
        const int ready = ::poll(interests.data(), interests.size(), 5000);
        CHECK(ready > 0);
        if (ready <= 0) {
            pumped.channel.abort(); // so that both threads end
            break;
        }
        pumped.channel.pump();
    }
    server.join();
    library.join();
    CHECK(data == whole);
}

TEST_CASE("no more is taken from the server than a token and a little") {
    // The pair is full and nobody reads: a flood stays in the server's socket.
    Pumped pumped;
    const std::string flood(8 * 1024 * 1024, '\0');
    std::atomic<std::size_t> taken{0};
    std::thread server([&] {
        while (taken < flood.size()) {
            const auto count = ::send(pumped.server.get(), flood.data(), 65536, MSG_NOSIGNAL);
            if (count <= 0)
                return;
            taken += static_cast<std::size_t>(count);
        }
    });
    for (int count = 0; count < 300; ++count) {
        pumped.channel.pump();
        std::this_thread::sleep_for(1ms);
    }
    CHECK(taken < 3 * 1024 * 1024);
    // While libremctl writes a long command, the flood is nothing to wake up for.
    for (const pollfd &interest : pumped.channel.interests(true))
        if (interest.fd == pumped.channel.socket())
            CHECK((interest.events & POLLIN) == 0);
    pumped.channel.abort();
    server.join();
}

TEST_CASE("nothing counts as sent before the server's socket has taken all of it") {
    // As libremctl does: more than the pair holds and than may be held between.
    auto [far_server, near_server] = socket_pair();
    Pumped pumped(std::pair(std::move(far_server), std::move(near_server)));
    const int far = pumped.channel.library_end();
    const std::string command(3'000'000, 'c');
    std::thread writer([&] { write_all(far, command); });
    std::string arrived;
    std::mt19937 random(4);
    while (arrived.size() < command.size()) {
        pumped.channel.pump();
        char buffer[65536];
        if (random() % 3 == 0)
            continue; // the server stalls
        const auto got =
            ::recv(pumped.server.get(), buffer, random() % sizeof buffer + 1, MSG_DONTWAIT);
        if (got > 0)
            arrived.append(buffer, static_cast<std::size_t>(got));
    }
    writer.join();
    CHECK(arrived == command);
    CHECK_FALSE(pumped.channel.outgoing());
    CHECK(pumped.channel.sent() == command.size());
}

TEST_CASE("bytes in the pair are neither forgotten nor waited for without end") {
    auto [far_server, near_server] = socket_pair();
    Pumped pumped(std::pair(std::move(far_server), std::move(near_server)));
    write_all(pumped.channel.library_end(), std::string(100'000, 'c'));
    CHECK(pumped.channel.outgoing()); // before anything was collected
    bool near_watched = false;
    for (const pollfd &interest : pumped.channel.interests(false))
        near_watched |= interest.fd != pumped.channel.socket() && (interest.events & POLLIN) != 0;
    CHECK(near_watched);
    while (pumped.channel.outgoing()) {
        pumped.channel.pump();
        char buffer[65536];
        [[maybe_unused]] const auto got =
            ::recv(pumped.server.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    }
    CHECK(pumped.channel.sent() == 100'000);
}

TEST_CASE("tokens of a server that sends a little at a time, and at once, are let gather") {
    const auto waits = [](Pumped &pumped, std::size_t bytes, Duration pause = {}) {
        const bool gathers = pumped.channel.await_server().has_value();
        std::this_thread::sleep_for(pause);
        if (bytes != 0)
            write_all(pumped.server.get(), token(data_token, std::string(bytes, 'x')));
        pumped.channel.receive();
        while (pumped.channel.token_ready()) {
            std::array<char, 65536> read;
            REQUIRE(::recv(pumped.channel.library_end(), read.data(), bytes + 5, 0) > 0);
            pumped.channel.take_token();
        }
        return gathers;
    };
    Pumped fast;
    int count = 0;
    while (!waits(fast, 4096) && count < 10'000) // where nobody takes the processor meanwhile
        ++count;
    CHECK(count >= 64);
    CHECK(count < 10'000);
    CHECK(waits(fast, 4096, 1ms)); // as long as something comes
    CHECK(waits(fast, 0));
    CHECK_FALSE(waits(fast, 4096));

    Pumped slow;
    Pumped large;
    bool gathers = false;
    for (int i = 0; i < 100; ++i)
        gathers |= waits(slow, 4096, 200us) || waits(large, 20'000);
    CHECK_FALSE(gathers);
}

TEST_CASE("the end of the server's data is announced after its last token") {
    Pumped pumped;
    write_all(pumped.server.get(), token(data_token, "x"));
    pumped.server.reset();
    pumped.channel.receive();
    CHECK(pumped.channel.token_ready());
    pumped.channel.take_token();
    pumped.channel.await_server();
    pumped.channel.receive();
    CHECK(pumped.channel.token_ready()); // the end of file, which libremctl reads at once
    CHECK(pumped.channel.problem() == "unexpected end of file");
    for (const pollfd &interest : pumped.channel.interests(true))
        CHECK(interest.fd != pumped.channel.socket()); // it would be ready again and again
}

TEST_CASE("an idle connection is stale when the server has hung up or spoken") {
    Pumped quiet;
    CHECK_FALSE(quiet.channel.stale());
    quiet.server.reset();
    CHECK(quiet.channel.stale());

    Pumped spoken;
    write_all(spoken.server.get(), "x");
    CHECK(spoken.channel.stale());
    CHECK(spoken.channel.stale());
}

TEST_CASE("aborting ends what libremctl waits for, and the server's connection") {
    Pumped pumped;
    // Without a ticket it fails at once, with one it waits for the server. On a
    // helper, as always: only there does a write after the end raise no signal.
    const auto waker = std::make_shared<EventWaker>();
    Job opening(waker, [&] { pumped.channel.open("localhost", "host/localhost@NOWHERE.TEST"); });
    std::this_thread::sleep_for(50ms);
    pumped.channel.abort();
    pollfd interest{waker->descriptor(), POLLIN, 0};
    REQUIRE(::poll(&interest, 1, 20'000) == 1);
    CHECK(opening.done());
    char byte = 0;
    while (::recv(pumped.server.get(), &byte, 1, 0) > 0) {
    }
    CHECK(::recv(pumped.server.get(), &byte, 1, 0) == 0);
}

TEST_CASE("writing to a server that is gone raises no signal") {
    // With SIGPIPE at its default action this test would end the program.
    std::signal(SIGPIPE, SIG_DFL);
    auto [one, other] = socket_pair();
    ByteQueue queue;
    const auto room = queue.room(3);
    std::fill_n(room.begin(), 3, 'x');
    queue.commit(3);
    other.reset();
    const Transfer transfer = send_from(one.get(), queue);
    CHECK(transfer.ended);
    CHECK(queue.size() == 3);
}

TEST_CASE("sending and receiving never wait") {
    auto [one, other] = socket_pair();
    ByteQueue queue;
    CHECK(receive_into(one.get(), queue, 100).blocked);
    std::ranges::fill(queue.room(10'000'000), 'x');
    queue.commit(10'000'000);
    Transfer transfer;
    do
        transfer = send_from(one.get(), queue);
    while (!transfer.blocked);
    CHECK(queue.size() > 0);
}

TEST_CASE("without a connection every verb says so, and connecting without an address fails") {
    Connection connection;
    Driver driver;
    std::string word = "test";
    const auto command =
        std::make_shared<Request>(Request{.arguments = {{word.data(), word.size()}}, .name = {}});
    CHECK_THROWS_WITH_AS(driver.run([&](Call &call) { return connection.command(command, call); }),
                         "no currently open connection", Error);
    CHECK_THROWS_AS(driver.run([&](Call &call) { return connection.output(call); }), Error);
    CHECK_THROWS_AS(driver.run([&](Call &call) { return connection.noop(call); }), Error);
    CHECK_FALSE(connection.opened());
}

TEST_CASE("a socket whose peer says nothing is given up after the timeout") {
    auto [server, ours] = socket_pair();
    Connection connection;
    Driver driver;
    driver.limits.inactivity = 100ms;
    Descriptor socket = std::move(ours);
    CHECK_THROWS_AS(driver.run([&](Call &call) {
        return connection.adopt(std::move(socket), Target{"localhost", 0, std::nullopt}, call);
    }),
                    Error);
    CHECK_FALSE(connection.opened());
    CHECK(connection.descriptor() == -1);
}
