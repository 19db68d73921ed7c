// A call that may block, on a thread of its own.
#pragma once

#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "transport/waker.hpp"

namespace pyremctl {

/// Runs a call on a helper thread and wakes the waiter when it is done.
///
/// The thread blocks all signals: handlers run where Python wants them, and a
/// write to a peer that is gone raises no SIGPIPE. The call must own what it
/// uses: a job that is destroyed before it is done goes on by itself.
class Job {
  public:
    /// Throws Error when no thread is to be had.
    Job(std::shared_ptr<Waker> waker, std::function<void()> call);
    Job(const Job &) = delete;
    Job &operator=(const Job &) = delete;
    Job(Job &&) = delete;
    Job &operator=(Job &&) = delete;
    ~Job();

    bool done() const;

    /// Waits for the end; no longer than `patience`. True when it has ended
    /// and nothing of it is left.
    bool join_within(std::chrono::milliseconds patience) noexcept;

    /// Waits for the end of a call that is about to end.
    void join() noexcept;

    /// The same, and throws what the call threw.
    void finish();

  private:
    struct Shared {
        std::mutex mutex;
        std::condition_variable ended;
        bool done = false;
        std::exception_ptr failure;
    };

    std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
    unsigned generation_;
    std::thread thread_;
};

} // namespace pyremctl
