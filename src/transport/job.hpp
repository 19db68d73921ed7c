// A blocking call on a helper thread.
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <memory>

#include "transport/waker.hpp"

namespace pyremctl {

/// Runs a call on a helper thread and wakes the waiter when it is done.
///
/// The call must own everything that it uses: if the job is destroyed before it is
/// done, the call continues on its own and nobody waits for it.
class Job {
  public:
    /// Throws Error if no thread can be started.
    Job(std::shared_ptr<Waker> waker, std::function<void()> call);

    bool done() const noexcept { return shared_->done.load(std::memory_order_acquire); }

    /// After done(): throws the call's exception, if any.
    void finish();

  private:
    struct Shared {
        std::atomic<bool> done{false};
        std::exception_ptr failure;
    };

    std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

} // namespace pyremctl
