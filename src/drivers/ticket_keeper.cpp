#include "drivers/ticket_keeper.hpp"

#include <algorithm>
#include <utility>

#include "credentials/ready.hpp"
#include "drivers/blocking.hpp"
#include "transport/error.hpp"
#include "transport/job.hpp"
#include "transport/process.hpp"

namespace pyremctl {

namespace {

// The ticket is checked after an eighth of its remaining lifetime, within these limits.
constexpr auto shortest_pause = std::chrono::seconds(1);
constexpr auto longest_pause = std::chrono::seconds(60);

/// True for caches that only this process, or this thread, can open.
bool private_to_process(const std::string &name) {
    const auto begins = [&](const char *prefix) { return name.starts_with(prefix); };
    return begins("MEMORY:") || begins("KEYRING:process:") || begins("KEYRING:thread:");
}

Time next_look(const Credentials &credentials) {
    Duration pause = longest_pause;
    if (const auto expires = credentials.look().expires) {
        const Duration left = std::chrono::seconds(*expires - std::time(nullptr));
        pause = std::clamp<Duration>(left / 8, shortest_pause, longest_pause);
    }
    return Clock::now() + pause;
}

Task<void> write(TicketFile &file, std::shared_ptr<LentTickets> lent, std::shared_ptr<Lease> lease,
                 Call &call) {
    Job job(call.waker(), [&file, lent, lease] { file.write(*lease); });
    while (!job.done()) {
        if (call.expired())
            throw Error(ErrorKind::timeout, "cannot write tickets to a file: timed out");
        co_await call.wait();
    }
    job.finish();
}

} // namespace

std::optional<Error> LentTickets::end() noexcept {
    if (file_)
        file_->remove();
    std::shared_ptr<Waker> waker;
    std::optional<Error> failure;
    {
        const StateLock lock(this);
        ended_ = true;
        waker = std::move(waker_);
        failure = std::exchange(failure_, std::nullopt);
    }
    if (waker)
        waker->wake();
    return failure;
}

/// False once it has ended.
bool LentTickets::start_waiting(const std::shared_ptr<Waker> &waker) {
    const StateLock lock(this);
    waker_ = waker;
    return !ended_;
}

void LentTickets::note_result(std::optional<Error> failure) noexcept {
    overheard_.overhear();
    const StateLock lock(this);
    failure_ = std::move(failure);
}

Task<void> LentTickets::keep(std::shared_ptr<LentTickets> lent, std::shared_ptr<Lease> present,
                             Call &call) {
    while (lent->start_waiting(call.waker())) {
        const auto until = next_look(*lent->credentials_);
        co_await call.wait({}, until);
        if (Clock::now() < until)
            continue;
        try {
            if (lent->credentials_->needs_renewal())
                co_await renew_now(lent->credentials_, call);
            const auto lease = lent->credentials_->current();
            if (!lease || lease == present)
                continue; // after a failure: wait for the next check
            lent->file_->write(*lease);
            present = lease;
            lent->note_result(std::nullopt);
        } catch (const Error &error) {
            lent->note_result(error);
        }
    }
}

Task<std::shared_ptr<LentTickets>> lend_tickets(std::shared_ptr<Credentials> credentials,
                                                Call &call) {
    if (call.expired())
        throw credentials->late().for_good();
    auto lease = co_await ready(credentials, call);
    if (!lease->ours() && !private_to_process(lease->name()))
        co_return std::make_shared<LentTickets>(credentials, lease->name(), nullptr);
    auto made = std::make_unique<TicketFile>();
    TicketFile &file = *made;
    auto lent = std::make_shared<LentTickets>(credentials, file.name(), std::move(made));
    co_await write(file, lent, lease, call);
    if (lease->ours())
        run_on_helper(
            [lent, lease](Call &keeping) { return LentTickets::keep(lent, lease, keeping); },
            [](const std::exception_ptr &) {
                // Out of descriptors: the ticket is not renewed.
            });
    co_return lent;
}

} // namespace pyremctl
