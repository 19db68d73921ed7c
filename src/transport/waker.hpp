// Ends a wait from another thread.
#pragma once

#include "transport/descriptor.hpp"

namespace pyremctl {

/// An eventfd that is readable from wake() until drain().
///
/// It outlives the wait it ends when it is shared (std::shared_ptr), so a
/// helper thread may wake a waiter that has left already.
class Waker {
  public:
    /// Throws Error when no descriptor is to be had.
    Waker();

    int descriptor() const noexcept { return event_.get(); }
    void wake() noexcept;
    void drain() noexcept;

  private:
    Descriptor event_;
};

} // namespace pyremctl
