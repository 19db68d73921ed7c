// What an open waits for that gets nowhere.
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

/// Goes on a helper thread the way that libkrb5 goes in the open, and stops
/// before the KDC: the cache, the name of the server in DNS, the names of the
/// KDCs. Where it waits, the open waits too. A few are on their way at a time;
/// the others wait for their turn.
class Inspection : public SharedOnly {
  public:
    /// Wakes the call when it is done. One that nobody holds any more is not
    /// begun. Throws Error when no thread can be started.
    static std::shared_ptr<Inspection> start(Attempt attempt, std::shared_ptr<Waker> waker);

    Inspection(Attempt attempt, std::shared_ptr<Waker> waker)
        : attempt_(std::move(attempt)), waker_(std::move(waker)) {}
    Inspection(const Inspection &) = delete;
    Inspection &operator=(const Inspection &) = delete;
    Inspection(Inspection &&) = delete;
    Inspection &operator=(Inspection &&) = delete;
    ~Inspection() = default;

    bool done() const noexcept { return done_.load(std::memory_order_acquire); }

    /// After done(): the realm whose KDC is asked; empty where that is not known.
    const std::string &realm() const noexcept { return realm_; }

    /// After done(): the ticket is in the cache, so that no KDC is asked.
    bool has_ticket() const noexcept { return has_ticket_; }

    /// For a call that gives up now.
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
