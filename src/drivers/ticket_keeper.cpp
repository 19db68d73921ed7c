#include "drivers/ticket_keeper.hpp"

#include <algorithm>
#include <utility>

#include "credentials/ready.hpp"
#include "drivers/blocking.hpp"
#include "transport/error.hpp"
#include "transport/job.hpp"
#include "transport/workers.hpp"

namespace pyremctl {

namespace {

constexpr std::size_t most_overheard = 1000;
// How often the ticket is looked at: after an eighth of what is left of it.
constexpr auto shortest_pause = std::chrono::seconds(1);
constexpr auto longest_pause = std::chrono::seconds(60);

/// In a thread of ours no signals are handled.
class NoInterrupts final : public Interrupts {
  public:
    void check() override {}
    std::optional<Duration> slice() const override { return std::nullopt; }
};

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

void LentTickets::retell() noexcept {
    std::vector<journal::Entry> entries;
    {
        const std::scoped_lock lock(mutex_);
        entries.swap(overheard_);
    }
    for (auto &entry : entries)
        journal::note(entry.topic, [&](journal::Facts &facts) {
            facts = std::move(entry.facts);
            return std::move(entry.text);
        });
}

std::optional<Error> LentTickets::end() noexcept {
    if (file_)
        file_->remove();
    std::shared_ptr<Waker> waker;
    std::optional<Error> failure;
    {
        const std::scoped_lock lock(mutex_);
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
    const std::scoped_lock lock(mutex_);
    waker_ = waker;
    return !ended_;
}

void LentTickets::note_result(std::optional<Error> failure) noexcept {
    auto entries = journal::take();
    try {
        const std::scoped_lock lock(mutex_);
        failure_ = std::move(failure);
        for (auto &entry : entries)
            if (overheard_.size() < most_overheard)
                overheard_.push_back(std::move(entry));
    } catch (const std::bad_alloc &) { // NOLINT(bugprone-empty-catch)
    }
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
                continue; // after a failure it is not tried again at once
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
        workers::run([lent, lease = std::move(lease)] {
            NoInterrupts nothing;
            try {
                const auto waker = std::make_shared<EventWaker>();
                Call keeping({}, waker);
                BlockingDriver(*waker, nothing).run(LentTickets::keep(lent, lease, keeping));
            } catch (const Error &) { // NOLINT(bugprone-empty-catch)
                // No descriptor, or the child of a fork: the ticket lasts as long as it lasts.
            }
        });
    co_return lent;
}

} // namespace pyremctl
