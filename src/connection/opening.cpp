// Opens a connection: look-up, TCP, handshake, and the fall-backs to the old port and
// to protocol 1.
#include <remctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <utility>

#include "connection/connection.hpp"
#include "connection/failures.hpp"
#include "credentials/default_cache.hpp"
#include "credentials/explain.hpp"
#include "credentials/private_keyring.hpp"
#include "credentials/ready.hpp"
#include "transport/dial.hpp"
#include "transport/error.hpp"
#include "transport/socket.hpp"

namespace pyremctl {

namespace {

constexpr std::uint16_t standard_port = REMCTL_PORT;
constexpr std::uint16_t old_port = REMCTL_PORT_OLD;

/// Throws Error if the caller's socket has no connection. Otherwise the kernel would
/// report the end of one.
void require_connected(const Descriptor &socket) {
    sockaddr peer{}; // a short one is enough to learn that there is one
    socklen_t length = sizeof peer;
    if (::getpeername(socket.get(), &peer, &length) != 0 && errno == ENOTCONN)
        throw Error(ErrorKind::lost, std::string("cannot use the socket: ") + std::strerror(errno))
            .with_hint("The socket is not connected, or not any more: connect it, and give it to "
                       "open_socket() then.");
}

} // namespace

Attempt Connection::attempt_with(const Tickets &tickets) const {
    Attempt attempt{.host = target_.host,
                    .principal = target_.principal,
                    .ccache = std::nullopt,
                    .default_cache = tickets.identity->default_cache()};
    if (tickets.lease)
        attempt.ccache = tickets.lease->name();
    return attempt;
}

/// The tickets to open with. Hold them until the open has ended.
Task<Tickets> Connection::tickets(Call &call) {
    const auto settings = settings_;
    if (settings->tickets != tickets_) // set_ccache() was called: the old identity no longer counts
        identity_ = identity_->again();
    tickets_ = settings->tickets;
    Tickets tickets{.lease = nullptr, .identity = identity_};
    const std::string &by_default = identity_->default_cache().name;
    if (settings->credentials) {
        tickets.lease = co_await pyremctl::ready(settings->credentials, call);
        if (!tickets.lease) // otherwise the default cache would be used
            throw Error(ErrorKind::ticket,
                        settings->credentials->source() + ": no ticket to open with");
    } else if (settings->ccache) {
        tickets.lease = lease_of(*settings->ccache);
    } else if (is_private_keyring(by_default)) {
        tickets.lease = copy_of_keyring(by_default, !identity_->default_cache().of_thread);
    }
    co_return tickets;
}

void Connection::configure(Handle &handle) const {
    if (!settings_->source.empty())
        handle.set_source_ip(settings_->source);
}

/// Ends the old connection. Until the new one is ready the object keeps its old state,
/// so that callers in other threads do not see a state in between. If the open fails,
/// nothing is open.
class Connection::Opening {
  public:
    Opening(Connection &connection, Target target, std::shared_ptr<Identity> identity,
            bool reconnects, const Call &call)
        : connection_(connection) {
        connection.take_leave();
        ++connection.asked_;
        connection.about_command_ = false;
        connection.target_ = std::move(target);
        connection.identity_ = identity
                                   ? std::move(identity)
                                   : std::make_shared<Identity>(default_cache_of_this_thread());
        connection.tickets_ = connection.settings_->tickets;
        connection.notes_.about(connection.target_, connection.target_.port);
        connection.reconnects_ = reconnects;
        connection.legacy_port_ = 0;
        if (call.overdue()) {
            connection.opened_ = false;
            throw too_late();
        }
    }
    Opening(const Opening &) = delete;
    Opening &operator=(const Opening &) = delete;
    Opening(Opening &&) = delete;
    Opening &operator=(Opening &&) = delete;
    ~Opening() {
        if (!done_)
            connection_.drop();
        connection_.opened_ = done_;
    }
    void done() noexcept { done_ = true; }

  private:
    Connection &connection_;
    bool done_ = false;
};

Task<void> Connection::open(Target target, Call &call, std::shared_ptr<Identity> identity) {
    Opening opening(*this, std::move(target), std::move(identity), true, call);
    co_await establish(call);
    opening.done();
}

Task<void> Connection::adopt(Descriptor socket, Target target, Call &call,
                             std::shared_ptr<Identity> identity) {
    Opening opening(*this, std::move(target), std::move(identity), false, call);
    require_connected(socket);
    co_await authenticate_over(std::move(socket), Channel::Socket::shared, call);
    opening.done();
}

Task<void> Connection::open_address(Address address, Target target, Call &call,
                                    std::shared_ptr<Identity> identity) {
    Opening opening(*this, std::move(target), std::move(identity), false, call);
    Endpoint endpoint{.host = target_.host, .port = target_.port};
    std::vector<Address> addresses{address};
    const Call::Stage stage(call, settings_->connect_timeout);
    const Time begin = Clock::now();
    Descriptor socket =
        co_await dial(std::move(endpoint), std::move(addresses), settings_->source, call);
    connected_to(socket, begin);
    co_await authenticate_over(std::move(socket), Channel::Socket::ours, call);
    opening.done();
}

Task<void> Connection::authenticate_over(Descriptor socket, Channel::Socket whose, Call &call) {
    disable_nagle(socket.get());
    auto held = co_await tickets(call);
    const Call::Stage stage(call, settings_->connect_timeout);
    auto channel = std::make_shared<Channel>(std::move(socket), whose);
    const Handshake outcome = co_await handshake(channel, std::move(held), false, call);
    if (outcome != Handshake::done)
        throw Error(ErrorKind::protocol,
                    "the server speaks protocol 1, which needs open() with a host and port");
    use(std::move(channel));
}

Task<void> Connection::establish(Call &call) {
    auto held = co_await tickets(call);
    const Call::Stage stage(call, settings_->connect_timeout);
    if (legacy_port_ != 0) {
        co_await open_legacy(std::move(held), call);
        co_return;
    }
    std::uint16_t port = 0;
    Admission::Permit permit; // held until the handshake has ended
    Handshake outcome = Handshake::stale_ticket;
    for (bool first = true; outcome == Handshake::stale_ticket; first = false) {
        Descriptor socket = co_await connect(port, permit, call);
        auto channel = std::make_shared<Channel>(std::move(socket), Channel::Socket::ours);
        outcome = co_await handshake(channel, held, first, call);
        if (outcome == Handshake::done) {
            use(std::move(channel));
            co_return;
        }
    }
    notes_.old_protocol();
    legacy_port_ = port;
    co_await open_legacy(std::move(held), call);
}

void Connection::connected_to(const Descriptor &socket, Time begin) noexcept {
    if (settings_->keepalive)
        keep_alive(socket.get(), *settings_->keepalive);
    notes_.connected(socket.get(), begin);
}

/// Without a port, tries 4373 and then the old port 4444. The first attempt leaves time
/// for the second, since a firewall may drop packets to 4373. If both fail, the first
/// error is reported. Sets `port` to the port that was connected to.
Task<Descriptor> Connection::connect(std::uint16_t &port, Admission::Permit &permit, Call &call) {
    port = target_.port != 0 ? target_.port : standard_port;
    Endpoint endpoint{.host = target_.host, .port = port};
    const auto addresses = co_await resolve(endpoint, call);
    if (const auto admission = settings_->admission) {
        const Call::Queue queue(call);
        permit = co_await admission->enter(endpoint, addresses.front(), call);
    }
    notes_.about(target_, port);
    const Time begin = Clock::now();
    std::exception_ptr first_failure;
    try {
        const auto until = target_.port == 0 ? call.first_half() : std::nullopt;
        Descriptor socket = co_await dial(endpoint, addresses, settings_->source, call, until);
        connected_to(socket, begin);
        port_ = port;
        co_return std::move(socket);
    } catch (const Error &) {
        if (target_.port != 0 || call.overdue())
            throw;
        first_failure = std::current_exception();
    }
    call.check();
    port = endpoint.port = old_port;
    try {
        Descriptor socket =
            co_await dial(endpoint, at_port(addresses, port), settings_->source, call);
        notes_.about(target_, port);
        connected_to(socket, begin);
        port_ = port;
        co_return std::move(socket);
    } catch (const Error &) {
        std::rethrow_exception(first_failure);
    }
}

/// If `again` is true, a ticket that the server cannot decrypt is removed from a cache
/// of ours, for one more attempt: the server's key may have changed.
Task<Handshake> Connection::handshake(std::shared_ptr<Channel> channel, Tickets tickets, bool again,
                                      Call &call) {
    const Time begin = Clock::now();
    configure(channel->handle());
    Attempt attempt = attempt_with(tickets);
    const auto work = std::make_shared<Handshaking>(Handshaking{.channel = std::move(channel),
                                                                .tickets = std::move(tickets),
                                                                .attempt = std::move(attempt),
                                                                .again = again});
    const Handshake outcome = co_await shake_hands(work, call);
    if (outcome == Handshake::done) {
        expires_ = work->expires;
        notes_.authenticated(target_, begin);
    }
    co_return outcome;
}

} // namespace pyremctl
