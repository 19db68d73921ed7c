// Asks the server whether it is there.
#include <memory>
#include <string>
#include <utility>

#include "connection/busy_channel.hpp"
#include "connection/connection.hpp"
#include "connection/direct.hpp"
#include "connection/drop_guard.hpp"
#include "connection/failures.hpp"
#include "handle/leaving.hpp"
#include "transport/error.hpp"
#include "transport/socket.hpp"

namespace pyremctl {

namespace {

/// A server of protocol 2 answers with its version (6), or an error (5).
bool unknown_to_server(const std::string &error) {
    return error == "unexpected message type 6 from server" ||
           error == "unexpected message type 5 from server";
}

} // namespace

/// Runs a call that sends one token and reads one, on the server's socket itself.
Task<bool> Connection::call_directly(std::shared_ptr<Channel> channel, LibraryCall library_call,
                                     const char *doing, Call &call) {
    const auto result = std::make_shared<bool>(false);
    BusyChannel busy(channel, call.waker(),
                     [result, library_call = std::move(library_call)](Channel &held) {
                         *result = library_call(held.handle());
                     });
    const WaitingForServer waiting(channel->socket());
    call.touch();
    while (!busy.done()) {
        if (call.expired()) {
            if (const auto silence = silence_of(channel->socket()))
                call.touch(Clock::now() - *silence);
            if (call.expired())
                throw timed_out(doing);
        }
        co_await call.wait();
    }
    busy.finish();
    co_return *result;
}

Task<bool> Connection::noop(Call &call) {
    require_idle();
    about_command_ = false;
    if (!connected())
        throw Error(ErrorKind::lost, "no connection open").for_good();
    if (legacy_) {
        legacy_fresh_ = false; // it may be dead: the next command makes a new one
        co_return false;
    }
    if (call.overdue())
        throw too_late();
    DropGuard guard(*this);
    auto channel = channel_;
    const Time begin = Clock::now();
    if (channel->stale())
        throw channel->problem().empty() ? Error(ErrorKind::protocol, out_of_turn)
                                         : lost("receiving token", channel->problem());
    const auto error = std::make_shared<std::string>();
    LibraryCall library_call = [error](Handle &handle) {
        const bool done = handle.noop();
        if (!done)
            *error = handle.error();
        return done;
    };
    const char *const doing = "receiving token";
    Channel::Direct direct(*channel);
    bool answered = false;
    if (direct)
        answered = co_await call_directly(channel, std::move(library_call), doing, call);
    else
        answered = co_await call_on_thread(channel, std::move(library_call), doing, call);
    if (!answered && !unknown_to_server(*error))
        throw direct ? Channel::Direct::failure(*error) : refused(*error, *channel);
    if (direct)
        direct.end();
    else
        channel->take_token();
    guard.dismiss();
    notes_.sign_of_life(answered, begin);
    co_return answered;
}

} // namespace pyremctl
