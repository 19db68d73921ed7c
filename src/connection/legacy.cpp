// Protocol-1 servers. Their exit status can only be had from a handle that
// libremctl opened by itself (remctl_open), so it does its own waiting here:
// every call runs on a helper thread, which is left behind when the caller
// gives up before the server does.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "connection/connection.hpp"
#include "connection/failures.hpp"
#include "transport/error.hpp"
#include "transport/job.hpp"

namespace pyremctl {

Task<void> Connection::call_legacy(std::shared_ptr<Handle> handle, Call call, const char *doing,
                                   Waiter &waiter) {
    struct Outcome {
        bool done = false;
        std::string error;
    };
    const auto outcome = std::make_shared<Outcome>();
    Job job(waiter.waker(), [outcome, handle, call = std::move(call)] {
        outcome->done = call(*handle);
        if (!outcome->done)
            outcome->error = handle->error();
    });
    waiter.touch();
    while (!job.done()) {
        if (waiter.expired())
            throw timed_out(doing);
        co_await waiter.wait();
    }
    job.finish();
    if (!outcome->done)
        throw Error(outcome->error);
}

Task<void> Connection::open_legacy(Waiter &waiter) {
    auto handle = std::make_shared<Handle>();
    configure(*handle);
    Call call = [target = target_, port = legacy_port_](Handle &busy) {
        return busy.open(target.host, port, target.principal);
    };
    co_await call_legacy(handle, std::move(call), "receiving token", waiter);
    legacy_ = std::move(handle);
    legacy_fresh_ = true;
}

Task<void> Connection::command_legacy(const Command &command, Waiter &waiter) {
    // The server hangs up after each command, and a handle is opened once.
    if (!legacy_fresh_)
        co_await open_legacy(waiter);
    legacy_fresh_ = false;
    std::vector<std::string> arguments;
    for (const iovec &argument : command)
        arguments.emplace_back(static_cast<const char *>(argument.iov_base), argument.iov_len);
    auto handle = legacy_;
    Call call = [arguments = std::move(arguments)](Handle &busy) {
        Command copy;
        for (const std::string &argument : arguments)
            copy.push_back({const_cast<char *>(argument.data()), argument.size()});
        return busy.command(copy);
    };
    co_await call_legacy(handle, std::move(call), "sending token", waiter);
}

} // namespace pyremctl
