#include "credentials/ready.hpp"

#include "transport/job.hpp"

namespace pyremctl {

namespace {

// How long an open waits for a new ticket when the old one is still good.
constexpr auto patience = std::chrono::seconds(1);

/// Renews on a helper thread, which is left behind when the call ends early.
/// The one place that waits; null when `until` came first.
Task<std::shared_ptr<Lease>> renew_on_thread(std::shared_ptr<Credentials> credentials,
                                             std::optional<Time> until, Call &call) {
    if (call.expired()) // and the KDC is not to blame
        throw Error(credentials->late().what(), Failure::timeout);
    const auto lease = std::make_shared<std::shared_ptr<Lease>>();
    Job job(call.waker(), [credentials, lease] { *lease = credentials->renew(); });
    call.touch();
    while (!job.done()) {
        if (until && Clock::now() >= *until)
            co_return nullptr;
        if (call.expired())
            throw credentials->late();
        co_await call.wait({}, until);
    }
    job.finish();
    co_return std::move(*lease);
}

} // namespace

Task<std::shared_ptr<Lease>> ready(std::shared_ptr<Credentials> credentials, Call &call) {
    auto present = credentials->current();
    if (present && !credentials->needs_renewal())
        co_return present;
    if (!present)
        co_return co_await renew_on_thread(credentials, std::nullopt, call);
    try {
        auto fresh = co_await renew_on_thread(credentials, Clock::now() + patience, call);
        co_return fresh ? fresh : present;
    } catch (const Error &) {
        if (credentials->closed())
            throw;
        co_return present;
    }
}

Task<void> renew_now(std::shared_ptr<Credentials> credentials, Call &call) {
    co_await renew_on_thread(std::move(credentials), std::nullopt, call);
}

} // namespace pyremctl
