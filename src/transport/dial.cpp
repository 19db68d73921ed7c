#include "transport/dial.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "transport/job.hpp"
#include "transport/socket.hpp"

namespace pyremctl {

namespace {

constexpr auto attempt_delay = std::chrono::milliseconds(250); // RFC 8305 section 8

Error cannot_connect(const Endpoint &endpoint, const std::string &cause,
                     ErrorKind kind = ErrorKind::connect) {
    return {kind, "cannot connect to " + endpoint.host + " (port " + std::to_string(endpoint.port) +
                      "): " + cause};
}

/// Starts to connect. An errno if it failed immediately, else 0.
int start_connecting(const Address &to, const std::optional<Address> &from, Descriptor &socket) {
    socket = Descriptor::from(
        [&] { return ::socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); });
    if (!socket && errno == EMFILE)
        throw no_descriptor("a socket");
    if (!socket)
        return errno;
    if (from && ::bind(socket.get(), from->get(), from->length) != 0)
        return errno;
    disable_nagle(socket.get());
    if (::connect(socket.get(), to.get(), to.length) != 0 && errno != EINPROGRESS)
        return errno;
    return 0;
}

/// EINPROGRESS while it is connecting, 0 when connected, else the errno.
int connecting_state(const Descriptor &socket) {
    pollfd interest{.fd = socket.get(), .events = POLLOUT, .revents = 0};
    if (::poll(&interest, 1, 0) <= 0)
        return EINPROGRESS;
    int error = 0;
    socklen_t length = sizeof error;
    if (::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &length) != 0)
        return errno;
    return error;
}

} // namespace

Task<std::vector<Address>> resolve(Endpoint endpoint, Call &call) {
    const Lookup lookup = look_up(endpoint.host, endpoint.port, true);
    if (!lookup.addresses.empty())
        co_return lookup.addresses;
    auto answer = std::make_shared<Lookup>();
    Job job(call.waker(),
            [answer, endpoint] { *answer = look_up(endpoint.host, endpoint.port, false); });
    call.touch();
    while (!job.done()) {
        if (call.expired())
            throw Error(ErrorKind::timeout, "unknown host " + endpoint.host + ": timed out");
        co_await call.wait();
    }
    job.finish();
    if (answer->addresses.empty())
        throw Error(answer->out_of_descriptors ? ErrorKind::local : ErrorKind::resolve,
                    "unknown host " + endpoint.host + ": " + answer->problem);
    co_return answer->addresses;
}

namespace {

/// The events that end the attempts.
std::vector<pollfd> ends_of(const std::vector<Descriptor> &attempts) {
    std::vector<pollfd> interests;
    interests.reserve(attempts.size());
    for (const Descriptor &attempt : attempts)
        interests.push_back({attempt.get(), POLLOUT, 0});
    return interests;
}

} // namespace

Task<Descriptor> dial(Endpoint endpoint, std::vector<Address> addresses, std::string source,
                      Call &call, std::optional<Time> until) {
    const auto from = source_address(source);
    if (from)
        std::erase_if(addresses, [&](const Address &to) { return to.family() != from->family(); });
    if (addresses.empty())
        throw cannot_connect(endpoint, "no address in the family of the source address " + source);
    addresses = interleave(addresses);

    std::vector<Descriptor> attempts;
    auto next = addresses.begin();
    Time next_start = Clock::now();
    int last_error = 0;
    call.touch();
    for (;;) {
        for (auto attempt = attempts.begin(); attempt != attempts.end();) {
            const int state = connecting_state(*attempt);
            if (state == 0) {
                make_blocking(attempt->get());
                co_return std::move(*attempt);
            }
            if (state == EINPROGRESS) {
                ++attempt;
                continue;
            }
            last_error = state;
            attempt = attempts.erase(attempt);
            next_start = Clock::now();
        }
        if (next != addresses.end() && Clock::now() >= next_start) {
            Descriptor socket;
            const int error = start_connecting(*next++, from, socket);
            if (error != 0) {
                last_error = error;
            } else {
                attempts.push_back(std::move(socket));
                next_start = Clock::now() + attempt_delay;
            }
            continue;
        }
        if (attempts.empty() && next == addresses.end())
            throw cannot_connect(endpoint, std::strerror(last_error));
        if (call.expired() || (until && Clock::now() >= *until))
            throw cannot_connect(endpoint, std::strerror(ETIMEDOUT), ErrorKind::timeout);

        std::optional<Time> wake = until;
        if (next != addresses.end() && (!wake || next_start < *wake))
            wake = next_start;
        co_await call.wait(ends_of(attempts), wake);
    }
}

} // namespace pyremctl
