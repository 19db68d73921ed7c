// A request to the KDC, or a check of a cache, that several calls share.
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <vector>

#include "credentials/delay.hpp"
#include "credentials/lease.hpp"
#include "transport/shared_only.hpp"
#include "transport/task.hpp"
#include "transport/waker.hpp"

namespace pyremctl {

/// One helper thread runs it, however many calls wait. It continues when all of them
/// have given up, and later calls join it.
class Inquiry : public SharedOnly {
  public:
    Inquiry() = default;
    Inquiry(const Inquiry &) = delete;
    Inquiry &operator=(const Inquiry &) = delete;
    Inquiry(Inquiry &&) = delete;
    Inquiry &operator=(Inquiry &&) = delete;
    ~Inquiry() = default;

    /// While it lives, wakes a call when the inquiry is done.
    class Waiter {
      public:
        Waiter(std::shared_ptr<Inquiry> inquiry, std::shared_ptr<Waker> waker);
        Waiter(const Waiter &) = delete;
        Waiter &operator=(const Waiter &) = delete;
        Waiter(Waiter &&) = delete;
        Waiter &operator=(Waiter &&) = delete;
        ~Waiter();

      private:
        std::shared_ptr<Inquiry> inquiry_;
        std::shared_ptr<Waker> waker_;
    };

    Time started() const noexcept { return started_; }
    bool done() const noexcept { return done_.load(std::memory_order_acquire); }

    /// After done(): the lease. Throws the inquiry's error, if any.
    std::shared_ptr<Lease> lease() const;

    /// The step that it is waiting for.
    Delay &delay() noexcept { return delay_; }

    /// Called by the helper thread: runs `request`, then wakes all waiting calls.
    void carry_out(const std::function<std::shared_ptr<Lease>(Delay &)> &request) noexcept;
    static void announce(std::shared_ptr<Inquiry> inquiry) noexcept;

  private:
    const Time started_ = Clock::now();
    std::atomic<bool> done_{false};
    std::shared_ptr<Lease> lease_;
    std::exception_ptr failure_;
    Delay delay_;
    std::vector<std::shared_ptr<Waker>> waiting_; // guarded by StateLock(this)
};

} // namespace pyremctl
