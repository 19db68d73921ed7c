// Connecting to one of several addresses (RFC 8305), and looking names up.
#include <doctest/doctest.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <string>
#include <string_view>
#include <vector>

#include "support.hpp"
#include "transport/address.hpp"
#include "transport/dial.hpp"
#include "transport/error.hpp"

using namespace pyremctl;
using namespace pyremctl::test;

namespace {

Address address(const std::string &host, std::uint16_t port) {
    const Lookup lookup = look_up(host, port, true);
    REQUIRE(lookup.addresses.size() == 1);
    return lookup.addresses.front();
}

std::uint16_t port_of(int socket) {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    ::getsockname(socket, reinterpret_cast<sockaddr *>(&storage), &length);
    return ntohs(storage.ss_family == AF_INET
                     ? reinterpret_cast<sockaddr_in *>(&storage)->sin_port
                     : reinterpret_cast<sockaddr_in6 *>(&storage)->sin6_port);
}

std::string peer_of(int socket) {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    ::getpeername(socket, reinterpret_cast<sockaddr *>(&storage), &length);
    return storage.ss_family == AF_INET ? "IPv4" : "IPv6";
}

Descriptor bound(const Address &where) {
    auto socket =
        Descriptor::from([&] { return ::socket(where.family(), SOCK_STREAM | SOCK_CLOEXEC, 0); });
    REQUIRE(::bind(socket.get(), where.get(), where.length) == 0);
    return socket;
}

/// Accepts connections, in the kernel.
struct Listener {
    Descriptor socket;
    Address where;

    explicit Listener(const std::string &host) : socket(bound(address(host, 0))) {
        REQUIRE(::listen(socket.get(), 16) == 0);
        where = address(host, port_of(socket.get()));
    }
};

/// A listener whose queue is full: it never accepts, and refuses nobody.
struct BlackHole {
    Descriptor socket;
    Address where;
    std::vector<Descriptor> fillers;

    explicit BlackHole(const std::string &host) : socket(bound(address(host, 0))) {
        REQUIRE(::listen(socket.get(), 0) == 0);
        where = address(host, port_of(socket.get()));
        for (int count = 0; count < 8; ++count) {
            fillers.push_back(Descriptor::from(
                [&] { return ::socket(where.family(), SOCK_STREAM | SOCK_NONBLOCK, 0); }));
            ::connect(fillers.back().get(), where.get(), where.length);
        }
        std::this_thread::sleep_for(20ms);
    }
};

Address refusing(const std::string &host) {
    const Descriptor socket = bound(address(host, 0)); // no listen()
    return address(host, port_of(socket.get()));
}

const Endpoint endpoint{"server.test", 4373};

struct Dialled {
    Descriptor socket;
    Duration taken;
};

Dialled dialled(Driver &driver, std::vector<Address> addresses, const std::string &source = "") {
    const Time start = Clock::now();
    Descriptor socket =
        driver.run([&](Call &call) { return dial(endpoint, addresses, source, call); });
    return {std::move(socket), Clock::now() - start};
}

} // namespace

TEST_CASE(
    "an address that does not answer is given a quarter of a second before the next is tried") {
    const BlackHole one("127.0.0.2");
    const BlackHole two("127.0.0.3");
    const Listener three("127.0.0.1");
    Driver driver;
    const auto result = dialled(driver, {one.where, two.where, three.where});
    CHECK(result.socket);
    CHECK(result.taken >= 500ms);
    CHECK(result.taken < 700ms);
}

TEST_CASE("after an address that refuses the next is tried at once") {
    const Listener last("127.0.0.1");
    Driver driver;
    const auto result = dialled(
        driver, {refusing("127.0.0.2"), refusing("127.0.0.3"), refusing("::1"), last.where});
    CHECK(result.socket);
    CHECK(result.taken < 200ms);
}

TEST_CASE("families are tried in turn, the first one first") {
    const auto ordered = interleave({address("::1", 1), address("::1", 2), address("::1", 3),
                                     address("127.0.0.1", 4), address("127.0.0.1", 5)});
    std::vector<int> families;
    for (const Address &one : ordered)
        families.push_back(one.family());
    CHECK(families == std::vector<int>{AF_INET6, AF_INET, AF_INET6, AF_INET, AF_INET6});
    CHECK(interleave({}).empty());
}

TEST_CASE("an IPv6 network that is a black hole costs a quarter of a second") {
    const BlackHole one("::1");
    const BlackHole two("::1");
    const Listener last("127.0.0.1");
    Driver driver;
    const auto result = dialled(driver, {one.where, two.where, last.where});
    CHECK(peer_of(result.socket.get()) == "IPv4");
    CHECK(result.taken >= 250ms);
    CHECK(result.taken < 450ms);
}

TEST_CASE("an address that answers late is used still") {
    // The first one's queue has room again after the second has been started;
    // the kernel asks again a second after it asked first.
    const BlackHole one("127.0.0.2");
    const BlackHole two("127.0.0.3");
    std::thread opener([&] {
        std::this_thread::sleep_for(400ms);
        ::listen(one.socket.get(), 64);
    });
    Driver driver;
    driver.limits.inactivity = 10s;
    CHECK(dialled(driver, {one.where, two.where}).socket);
    opener.join();
}

TEST_CASE("only addresses in the family of the source are tried") {
    const Listener six("::1");
    const Listener four("127.0.0.1");
    Driver driver;
    CHECK(peer_of(dialled(driver, {six.where, four.where}, "127.0.0.1").socket.get()) == "IPv4");
    CHECK(peer_of(dialled(driver, {four.where, six.where}, "::1").socket.get()) == "IPv6");
    CHECK(peer_of(dialled(driver, {six.where, four.where}, "any").socket.get()) == "IPv6");
    CHECK_THROWS_WITH_AS(dialled(driver, {six.where}, "127.0.0.1"),
                         "cannot connect to server.test (port 4373): no address in the family of "
                         "the source address 127.0.0.1",
                         Error);
}

TEST_CASE("failures name the host, the port and the cause") {
    Driver driver;
    CHECK_THROWS_WITH_AS(dialled(driver, {refusing("127.0.0.1"), refusing("::1")}),
                         "cannot connect to server.test (port 4373): Connection refused", Error);
    CHECK_THROWS_WITH_AS(
        dialled(driver, {refusing("127.0.0.1")}, "192.0.2.1"),
        "cannot connect to server.test (port 4373): Cannot assign requested address", Error);
}

TEST_CASE("the timeout is one for all addresses") {
    const BlackHole one("127.0.0.2");
    const BlackHole two("127.0.0.3");
    Driver driver;
    driver.limits.inactivity = 400ms;
    const Time start = Clock::now();
    try {
        dialled(driver, {one.where, two.where});
        FAIL("it connected");
    } catch (const Error &error) {
        CHECK(error.kind() == ErrorKind::timeout);
        CHECK(std::string(error.what()) ==
              "cannot connect to server.test (port 4373): Connection timed out");
    }
    CHECK(Clock::now() - start >= 400ms);
    CHECK(Clock::now() - start < 600ms);
}

TEST_CASE("the socket is ready for small tokens, and nobody inherits it") {
    const Listener listener("127.0.0.1");
    Driver driver;
    const auto result = dialled(driver, {listener.where});
    int on = 0;
    socklen_t length = sizeof on;
    ::getsockopt(result.socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, &length);
    CHECK(on != 0);
    CHECK((::fcntl(result.socket.get(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("sources are addresses in digits, any and all") {
    for (const char *good : {"127.0.0.1", "::1", "any", "all"})
        CHECK(is_source(good));
    for (const char *bad : {"", "localhost", "127.0.0.256", "::1::", "127.0.0.1 "})
        CHECK_FALSE(is_source(bad));
}

TEST_CASE("an address in digits needs no resolver, an unknown name is told") {
    Driver driver;
    const auto found =
        driver.run([](Call &call) { return resolve(Endpoint{"127.0.0.1", 4373}, call); });
    CHECK(found.size() == 1);
    try {
        driver.run(
            [](Call &call) { return resolve(Endpoint{"no-such-host.invalid", 4373}, call); });
        FAIL("it was found");
    } catch (const Error &error) {
        const std::string_view text = error.what();
        const std::string_view begin = "unknown host no-such-host.invalid: ";
        CHECK(text.starts_with(begin));
        CHECK(text.size() > begin.size()); // the resolver's words follow
    }
}
