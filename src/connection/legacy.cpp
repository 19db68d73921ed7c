// Protocol-1 servers. Only a handle that libremctl has opened itself (remctl_open)
// gives their exit status, so the library also does the waiting: every call runs on a
// helper thread, which is left behind if the caller gives up before the server answers.
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "connection/connection.hpp"
#include "connection/failures.hpp"
#include "credentials/explain.hpp"
#include "transport/error.hpp"
#include "transport/job.hpp"
#include "transport/process.hpp"

namespace pyremctl {

namespace {

constexpr auto look_again = std::chrono::milliseconds(20);

/// The calls that were left behind, by server. Only the server can end them, so with a
/// silent server each further call would cost a thread and a socket. Therefore a new
/// call waits for one that is still connecting and, if several hang in the middle of a
/// command, for one of those.
class LeftBehind {
  public:
    using Server = std::pair<std::string, std::uint16_t>;

    static bool too_many(const Server &server) {
        auto &all = immortal<LeftBehind>();
        const StateLock lock(&all);
        auto &jobs = all.of(server);
        std::erase_if(jobs, [](const One &one) { return one.job->done(); });
        const auto opening = [](const One &one) { return one.opening; };
        return jobs.size() >= most || std::ranges::any_of(jobs, opening);
    }

    static void add(const Server &server, std::shared_ptr<const Job> job, bool opening) {
        auto &all = immortal<LeftBehind>();
        const StateLock lock(&all);
        all.of(server).push_back({std::move(job), opening});
    }

  private:
    static constexpr std::size_t most = 8;

    struct One {
        std::shared_ptr<const Job> job;
        bool opening;
    };

    std::vector<One> &of(const Server &server) {
        // The parent's calls do not exist in the child of a fork.
        if (std::exchange(generation_, fork_generation()) != fork_generation())
            jobs_.clear();
        return jobs_[server];
    }

    std::map<Server, std::vector<One>> jobs_;
    unsigned generation_ = fork_generation();
};

/// The library connects and authenticates in one call.
Error not_opened(const std::string &error, const Attempt &attempt) {
    Diagnosis why = explain(error, attempt);
    return Error(why.kind.value_or(ErrorKind::lost), error).with_hint(std::move(why.hint));
}

Error no_answer(const std::string &error) {
    return {is_end_of_file(error) ? ErrorKind::lost : ErrorKind::protocol, error};
}

} // namespace

Task<void> Connection::call_legacy(std::shared_ptr<Handle> handle, LegacyCall library_call,
                                   const char *doing, Call &call) const {
    /// Its destructor notes the job as left behind, unless it has ended.
    struct Watch {
        LeftBehind::Server server;
        bool opening;
        std::shared_ptr<Job> job;

        Watch(LeftBehind::Server where, bool opens, std::shared_ptr<Job> what)
            : server(std::move(where)), opening(opens), job(std::move(what)) {}
        Watch(const Watch &) = delete;
        Watch &operator=(const Watch &) = delete;
        Watch(Watch &&) = delete;
        Watch &operator=(Watch &&) = delete;
        ~Watch() {
            if (job->done())
                return;
            try {
                LeftBehind::add(server, job, opening);
            } catch (const std::bad_alloc &) { // NOLINT(bugprone-empty-catch)
                // Out of memory: one more call than necessary may be left behind.
            }
        }
    };
    const auto failure = std::make_shared<std::optional<Error>>();
    const Watch watch(
        {target_.host, legacy_port_}, !legacy_,
        std::make_shared<Job>(call.waker(), [failure, handle, work = std::move(library_call)] {
            *failure = work(*handle);
        }));
    call.touch();
    while (!watch.job->done()) {
        if (call.expired())
            throw timed_out(doing);
        co_await call.wait();
    }
    watch.job->finish();
    if (*failure)
        throw Error(**failure);
}

Task<void> Connection::open_legacy(Tickets tickets, Call &call) {
    const LeftBehind::Server server(target_.host, legacy_port_);
    while (LeftBehind::too_many(server)) {
        if (call.expired())
            throw timed_out("receiving token");
        co_await call.wait({}, Clock::now() + look_again);
    }
    auto handle = std::make_shared<Handle>();
    configure(*handle);
    const auto outcome = std::make_shared<Authentication>();
    Attempt attempt = attempt_with(tickets);
    attempt.answered = true; // the server has answered, with protocol 1
    LegacyCall library_call = [outcome, tickets, attempt,
                               port = legacy_port_](Handle &busy) -> std::optional<Error> {
        *outcome = authenticate(busy, tickets, attempt, [&](Handle &fresh) {
            return fresh.open(attempt.host, port, attempt.principal);
        });
        if (outcome->opened)
            return std::nullopt;
        return not_opened(outcome->error, attempt);
    };
    const Time begin = Clock::now();
    co_await call_legacy(handle, std::move(library_call), "receiving token", call);
    expires_ = outcome->expires;
    notes_.authenticated(target_, begin);
    legacy_ = std::move(handle);
    protocol1_ = true;
    legacy_fresh_ = true;
}

Task<void> Connection::command_legacy(SharedCommand command, Call &call) {
    // The server closes the connection after each command, and a handle can be opened
    // only once.
    if (!legacy_fresh_) {
        auto held = co_await tickets(call);
        const Call::Stage stage(call, settings_->connect_timeout);
        co_await open_legacy(std::move(held), call);
    }
    legacy_fresh_ = false;
    notes_.asked(*command);
    may_have_run_ = true;
    auto handle = legacy_;
    LegacyCall library_call = [command](Handle &busy) {
        return busy.command(command->arguments)
                   ? std::nullopt
                   : std::optional(Error(ErrorKind::lost, busy.error()));
    };
    co_await call_legacy(handle, std::move(library_call), "sending token", call);
}

Task<const struct remctl_output *> Connection::output_legacy(Call &call) {
    auto handle = legacy_;
    const auto result = std::make_shared<const struct remctl_output *>(nullptr);
    LegacyCall library_call = [result](Handle &busy) {
        *result = busy.output();
        return *result != nullptr ? std::nullopt : std::optional(no_answer(busy.error()));
    };
    co_await call_legacy(handle, std::move(library_call), "receiving token", call);
    if (call.overdue()) // a signal handler may have taken the rest of the time
        throw timed_out("receiving token");
    co_return *result;
}

} // namespace pyremctl
