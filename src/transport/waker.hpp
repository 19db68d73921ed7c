// Ends a wait from another thread.
#pragma once

#include "transport/descriptor.hpp"

namespace pyremctl {

/// Tells a driver, from any thread, that one of its calls should check its condition.
/// It is shared (std::shared_ptr), so that a helper thread may wake a call that has
/// already ended.
class Waker {
  public:
    Waker() = default;
    Waker(const Waker &) = delete;
    Waker &operator=(const Waker &) = delete;
    Waker(Waker &&) = delete;
    Waker &operator=(Waker &&) = delete;
    virtual ~Waker() = default;

    virtual void wake() noexcept = 0;
};

/// An eventfd that is readable from wake() until drain(), for a thread that waits for
/// one call.
class EventWaker final : public Waker {
  public:
    /// Throws Error if no descriptor can be created.
    EventWaker();

    int descriptor() const noexcept { return event_.get(); }
    void wake() noexcept override;
    void drain() noexcept;

  private:
    Descriptor event_;
    unsigned generation_;
};

} // namespace pyremctl
