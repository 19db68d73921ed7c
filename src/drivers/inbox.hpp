// A queue in which any thread tells a reactor which of its tasks to advance.
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

    /// Called when the reactor is destroyed: accepts no more wakers, and removes those
    /// that are queued, which would keep the inbox alive for ever.
    void close() noexcept;

    /// Empties the inbox and returns the ids of the tasks.
    std::vector<std::uint64_t> take();

  private:
    EventWaker event_;
    std::mutex mutex_; // guards the members below, and the wakers in the list
    std::shared_ptr<InboxWaker> first_;
    std::size_t count_ = 0;
    bool closed_ = false;
};

/// Wakes one task of a reactor. The waker is itself the list node, so waking allocates
/// nothing.
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
