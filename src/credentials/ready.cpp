#include "credentials/ready.hpp"

#include "credentials/times.hpp"
#include "transport/error.hpp"
#include "transport/journal.hpp"

namespace pyremctl {

namespace {

// How long an open waits for a new ticket while the old one is valid.
constexpr auto patience = std::chrono::seconds(1);

constexpr auto topic = journal::Topic::credentials;

void note_renewed(const Credentials &credentials) noexcept {
    journal::note(topic, [&](journal::Facts & /*none*/) {
        const auto expires = credentials.look().expires;
        return credentials.source() + ": renewed" +
               (expires ? ", good until " + in_utc(*expires) : "");
    });
}

void note_not_renewed(const Credentials &credentials, const std::string &why) noexcept {
    journal::note(topic, [&](journal::Facts &facts) {
        facts.kind = name_of(ErrorKind::ticket);
        return credentials.source() + ": not renewed: " + why;
    });
}

/// Waits for a renewal, which continues on its helper thread if this call ends. Null if
/// it stops waiting early: if the current ticket is still valid and the KDC has had
/// some time.
Task<std::shared_ptr<Lease>> wait_for(std::shared_ptr<Inquiry> renewal,
                                      std::shared_ptr<Credentials> credentials, bool present_good,
                                      Call &call) {
    const auto until = present_good ? std::optional(renewal->started() + patience) : std::nullopt;
    const Inquiry::Waiter waiter(renewal, call.waker());
    call.touch();
    while (!renewal->done()) {
        if (until && Clock::now() >= *until) {
            note_not_renewed(*credentials, "the KDC is slow, and the present ticket still good");
            co_return nullptr;
        }
        if (call.expired()) {
            note_not_renewed(*credentials, credentials->late().what());
            throw credentials->late().with_hint(renewal->delay().hint());
        }
        co_await call.wait({}, until);
    }
    std::shared_ptr<Lease> lease;
    try {
        lease = renewal->lease();
    } catch (const Error &error) {
        note_not_renewed(*credentials, error.what());
        throw;
    }
    note_renewed(*credentials);
    co_return lease;
}

Task<std::shared_ptr<Lease>> renew(std::shared_ptr<Credentials> credentials,
                                   std::shared_ptr<Lease> old, bool present_good, Call &call) {
    if (call.expired()) // then the KDC is not to blame
        throw credentials->late().for_good();
    auto renewal = credentials->renewal(old);
    co_return co_await wait_for(std::move(renewal), std::move(credentials), present_good, call);
}

} // namespace

Task<std::shared_ptr<Lease>> ready(std::shared_ptr<Credentials> credentials, Call &call) {
    auto present = credentials->current();
    if (present && !credentials->needs_renewal())
        co_return present;
    if (!present)
        co_return co_await renew(credentials, present, false, call);
    try {
        auto fresh = co_await renew(credentials, present, true, call);
        co_return fresh ? fresh : present;
    } catch (const Error &) {
        if (credentials->closed())
            throw;
        co_return present;
    }
}

Task<void> renew_now(std::shared_ptr<Credentials> credentials, Call &call) {
    auto present = credentials->current();
    co_await renew(std::move(credentials), std::move(present), false, call);
}

Task<void> look_now(std::shared_ptr<Credentials> credentials, Call &call) {
    if (call.expired())
        throw credentials->unseen().for_good();
    if (credentials->of_thread()) {
        credentials->look_here();
        co_return;
    }
    const Time begin = Clock::now();
    call.touch();
    for (bool fresh = false; !fresh;) {
        const auto look = credentials->look_on_thread();
        const Inquiry::Waiter waiter(look, call.waker());
        while (!look->done()) {
            if (call.expired())
                throw credentials->unseen().with_hint(look->delay().hint());
            co_await call.wait();
        }
        look->lease(); // throws the error of the check
        fresh = look->started() >= begin;
    }
}

} // namespace pyremctl
