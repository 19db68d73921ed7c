#include "connection/hint_in_time.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "credentials/service_ticket.hpp"
#include "transport/job.hpp"

namespace pyremctl {

namespace {

// The longest wait for a locked cache, even if the call has no limit.
constexpr auto patience = std::chrono::seconds(1);

/// True if the work was done in time.
Task<bool> done_in_time(std::function<void()> work, Call &call) {
    const Time until = Clock::now() + patience;
    Job job(call.waker(), std::move(work));
    while (!job.done()) {
        if (call.expired() || Clock::now() >= until)
            co_return false;
        co_await call.wait({}, until);
    }
    job.finish();
    co_return true;
}

/// Without a look at anything.
std::optional<ErrorKind> kind_by_words(const std::string &failure) {
    if (!failure.starts_with("GSS-API error"))
        return std::nullopt;
    return failure.find("Cannot contact any KDC") == std::string::npos ? ErrorKind::authenticate
                                                                       : ErrorKind::kdc;
}

} // namespace

Task<Diagnosis> explain_in_time(std::string failure, Attempt attempt, Call &call) {
    const auto why = std::make_shared<Diagnosis>();
    std::function<void()> work = [why, failure, attempt] { *why = explain(failure, attempt); };
    const bool done = co_await done_in_time(std::move(work), call);
    if (!done)
        co_return Diagnosis{.kind = kind_by_words(failure), .hint = ""};
    co_return *why;
}

Task<bool> ticket_forgotten(std::string failure, Attempt attempt, Call &call) {
    const auto forgotten = std::make_shared<bool>(false);
    std::function<void()> work = [forgotten, failure, attempt] {
        *forgotten =
            is_about_key(failure) && forget_service_ticket(attempt.ccache.value_or(""), attempt);
    };
    const bool done = co_await done_in_time(std::move(work), call);
    co_return done && *forgotten;
}

} // namespace pyremctl
