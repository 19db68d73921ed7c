// Where any thread tells a reactor which of its tasks to look at.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "transport/waker.hpp"

namespace pyremctl {

class InboxWaker;

/// The tasks to wake, and a descriptor that is readable while there are any.
/// Shared with the wakers, which may outlive the reactor.
class Inbox {
  public:
    int descriptor() const noexcept { return event_.descriptor(); }

    /// Makes the descriptor readable until the next take().
    void ring() noexcept { event_.wake(); }

    void put(std::shared_ptr<InboxWaker> waker) noexcept;

    /// For a reactor that goes: nothing is put in any more. What is in it would
    /// hold it for ever.
    void close() noexcept;

    /// The ids of all that is in it, which is empty then.
    std::vector<std::uint64_t> take();

  private:
    EventWaker event_;
    std::mutex mutex_; // guards what follows, and the wakers in the list
    std::shared_ptr<InboxWaker> first_;
    std::size_t count_ = 0;
    bool closed_ = false;
};

/// Wakes one task of a reactor. It is its own place in the list, so that waking
/// takes no memory.
class InboxWaker final : public Waker, public std::enable_shared_from_this<InboxWaker> {
  public:
    InboxWaker(std::shared_ptr<Inbox> inbox, std::uint64_t id) noexcept
        : inbox_(std::move(inbox)), id_(id) {}
    void wake() noexcept override { inbox_->put(shared_from_this()); }

  private:
    friend class Inbox;

    std::shared_ptr<Inbox> inbox_;
    std::uint64_t id_;
    bool listed_ = false;
    std::shared_ptr<InboxWaker> next_;
};

} // namespace pyremctl
