// Finds out what a stuck open is waiting for.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "credentials/delay.hpp"
#include "credentials/explain.hpp"
#include "transport/shared_only.hpp"
#include "transport/waker.hpp"

namespace pyremctl {

namespace kerberos {
class Context;
}

/// Repeats, on a helper thread, the steps of libkrb5's open, and stops before the KDC:
/// the cache, the server's name in DNS, the KDCs' names. Where the inspection hangs,
/// the open hangs too. Only a few run at a time; the others are queued.
class Inspection : public SharedOnly {
  public:
    /// Wakes the call when it is done. An inspection that nobody holds any more is not
    /// started. Throws Error if no thread can be started.
    static std::shared_ptr<Inspection> start(Attempt attempt, std::shared_ptr<Waker> waker);

    Inspection(Attempt attempt, std::shared_ptr<Waker> waker)
        : attempt_(std::move(attempt)), waker_(std::move(waker)) {}
    Inspection(const Inspection &) = delete;
    Inspection &operator=(const Inspection &) = delete;
    Inspection(Inspection &&) = delete;
    Inspection &operator=(Inspection &&) = delete;
    ~Inspection() = default;

    bool done() const noexcept { return done_.load(std::memory_order_acquire); }

    /// After done(): the realm whose KDC is asked; empty if unknown.
    const std::string &realm() const noexcept { return realm_; }

    /// After done(): true if the ticket is in the cache, so that no KDC is asked.
    bool has_ticket() const noexcept { return has_ticket_; }

    /// The hint for a call that gives up now.
    std::string hint() const { return delay_.hint(); }

  private:
    void run() noexcept;
    void look();
    void ask(const kerberos::Context &context, const std::string &realm);

    const Attempt attempt_;
    const std::shared_ptr<Waker> waker_;
    std::string realm_;
    bool has_ticket_ = false;
    Delay delay_;
    std::atomic<bool> done_{false};
};

} // namespace pyremctl
