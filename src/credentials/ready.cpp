#include "credentials/ready.hpp"

#include <array>
#include <ctime>

#include "transport/job.hpp"
#include "transport/journal.hpp"

namespace pyremctl {

namespace {

// How long an open waits for a new ticket when the old one is still good.
constexpr auto patience = std::chrono::seconds(1);

constexpr auto topic = journal::Topic::credentials;

std::string in_utc(std::time_t moment) {
    std::tm parts{};
    std::array<char, 40> text{};
    if (::gmtime_r(&moment, &parts) == nullptr ||
        std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &parts) == 0)
        return "a moment that cannot be told";
    return text.data();
}

void note_renewed(const Credentials &credentials) noexcept {
    journal::note(topic, [&] {
        const auto expires = credentials.look().expires;
        return credentials.source() + ": renewed" +
               (expires ? ", good until " + in_utc(*expires) : "");
    });
}

void note_not_renewed(const Credentials &credentials, const std::string &why) noexcept {
    journal::note(topic, [&] { return credentials.source() + ": not renewed: " + why; });
}

/// Renews on a helper thread, which is left behind when the call ends early.
/// The one place that waits; null when `until` came first.
Task<std::shared_ptr<Lease>> renew_on_thread(std::shared_ptr<Credentials> credentials,
                                             std::shared_ptr<Lease> old, std::optional<Time> until,
                                             Call &call) {
    if (call.expired()) // and the KDC is not to blame
        throw Error(ErrorKind::timeout, credentials->late().what()).for_good();
    const auto lease = std::make_shared<std::shared_ptr<Lease>>();
    Job job(call.waker(), [credentials, old, lease] { *lease = credentials->renew(old); });
    call.touch();
    while (!job.done()) {
        if (until && Clock::now() >= *until) {
            note_not_renewed(*credentials, "the KDC is slow, and the present ticket still good");
            co_return nullptr;
        }
        if (call.expired()) {
            note_not_renewed(*credentials, credentials->late().what());
            throw credentials->late();
        }
        co_await call.wait({}, until);
    }
    try {
        job.finish();
    } catch (const Error &error) {
        note_not_renewed(*credentials, error.what());
        throw;
    }
    note_renewed(*credentials);
    co_return std::move(*lease);
}

} // namespace

Task<std::shared_ptr<Lease>> ready(std::shared_ptr<Credentials> credentials, Call &call) {
    auto present = credentials->current();
    if (present && !credentials->needs_renewal())
        co_return present;
    if (!present)
        co_return co_await renew_on_thread(credentials, present, std::nullopt, call);
    try {
        auto fresh = co_await renew_on_thread(credentials, present, Clock::now() + patience, call);
        co_return fresh ? fresh : present;
    } catch (const Error &) {
        if (credentials->closed())
            throw;
        co_return present;
    }
}

Task<void> renew_now(std::shared_ptr<Credentials> credentials, Call &call) {
    auto present = credentials->current();
    co_await renew_on_thread(std::move(credentials), std::move(present), std::nullopt, call);
}

} // namespace pyremctl
