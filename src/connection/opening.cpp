// Opening a connection: look-up, TCP, handshake, and the fall-backs to the old
// port and to protocol 1.
#include <remctl.h>

#include <exception>
#include <utility>

#include "connection/connection.hpp"
#include "connection/drop_guard.hpp"
#include "connection/failures.hpp"
#include "connection/pumped_job.hpp"
#include "transport/dial.hpp"
#include "transport/error.hpp"

namespace pyremctl {

namespace {

constexpr std::uint16_t standard_port = REMCTL_PORT;
constexpr std::uint16_t old_port = REMCTL_PORT_OLD;

} // namespace

void Connection::configure(Handle &handle) const {
    if (settings_.ccache)
        handle.set_ccache(*settings_.ccache);
    if (!settings_.source.empty())
        handle.set_source_ip(settings_.source);
}

Task<void> Connection::open(Target target, Waiter &waiter) {
    close();
    target_ = std::move(target);
    reconnects_ = true;
    legacy_port_ = 0;
    DropGuard guard(*this);
    co_await establish(waiter);
    guard.dismiss();
    opened_ = true;
}

Task<void> Connection::adopt(Descriptor socket, Target target, Waiter &waiter) {
    close();
    target_ = std::move(target);
    reconnects_ = false;
    legacy_port_ = 0;
    DropGuard guard(*this);
    disable_nagle(socket.get());
    auto channel = std::make_shared<Channel>(std::move(socket));
    const bool modern = co_await handshake(channel, waiter);
    if (!modern)
        throw Error("the server speaks protocol 1, which needs open() with a host and port");
    use(std::move(channel));
    guard.dismiss();
    opened_ = true;
}

Task<void> Connection::open_address(Address address, Target target, Waiter &waiter) {
    close();
    Endpoint endpoint{.host = target.host, .port = target.port};
    std::vector<Address> addresses{address};
    Descriptor socket =
        co_await dial(std::move(endpoint), std::move(addresses), settings_.source, waiter);
    co_await adopt(std::move(socket), std::move(target), waiter);
}

Task<void> Connection::establish(Waiter &waiter) {
    if (legacy_port_ != 0) {
        co_await open_legacy(waiter);
        co_return;
    }
    Endpoint endpoint{.host = target_.host,
                      .port = target_.port != 0 ? target_.port : standard_port};
    Descriptor socket;
    std::exception_ptr first_failure;
    for (;;) {
        auto addresses = co_await resolve(endpoint, waiter);
        try {
            socket = co_await dial(endpoint, std::move(addresses), settings_.source, waiter);
            break;
        } catch (const Error &error) {
            // The old port is a second chance, where there is time for one;
            // the failure to report is the first.
            if (!first_failure)
                first_failure = std::current_exception();
            if (target_.port != 0 || endpoint.port == old_port || waiter.expired())
                std::rethrow_exception(first_failure);
        }
        waiter.check();
        endpoint.port = old_port;
    }
    auto channel = std::make_shared<Channel>(std::move(socket));
    const bool modern = co_await handshake(channel, waiter);
    if (modern) {
        use(std::move(channel));
        co_return;
    }
    legacy_port_ = endpoint.port;
    co_await open_legacy(waiter);
}

/// False when the server turns out to speak protocol 1.
Task<bool> Connection::handshake(std::shared_ptr<Channel> channel, Waiter &waiter) {
    struct Outcome {
        bool opened = false;
        std::string error;
    };
    configure(channel->handle());
    const auto outcome = std::make_shared<Outcome>();
    PumpedJob job(
        channel, waiter.waker(),
        [outcome, target = target_](Channel &busy) {
            outcome->opened = busy.open(target.host, target.principal);
            if (!outcome->opened)
                outcome->error = busy.handle().error();
        },
        PumpedJob::Ending::leavable);
    waiter.touch();
    for (;;) {
        const bool done = job.done();
        if (channel->pump())
            waiter.touch();
        if (channel->first_flags() == token_context)
            co_return false;
        // Where it failed there is nothing left to say: its opening token alone
        // is never sent.
        if (done && !outcome->opened)
            break;
        if (channel->broken())
            throw failed("sending token", channel->problem());
        if (done && !channel->outgoing())
            break;
        if (waiter.expired())
            // Before anything left for the server it is the KDC that is silent.
            throw channel->sent() == 0
                ? Error("GSS-API error initializing context: timed out", Failure::timeout)
                : timed_out("receiving token");
        co_await waiter.wait(channel->interests(!done));
    }
    job.finish();
    if (!outcome->opened)
        throw refused(outcome->error, *channel);
    if (!channel->all_with_protocol())
        throw Error("the server fell back to protocol 1 in the middle of the handshake");
    if (!channel->settle())
        throw Error("unexpected data from the server after the handshake");
    co_return true;
}

} // namespace pyremctl
