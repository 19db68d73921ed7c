// The driver for any number of tasks, behind one descriptor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "transport/call.hpp"
#include "transport/descriptor.hpp"
#include "transport/task.hpp"
#include "transport/waker.hpp"

namespace pyremctl {

class Inbox;

/// Waits for many tasks at once: in an event loop, which watches descriptor()
/// and calls dispatch() when it is readable, or by itself with wait().
///
/// One epoll for the tasks' descriptors, one timer for their deadlines, one
/// inbox that helper threads and other callers write to; all of them behind the
/// epoll's own descriptor. A task's descriptors leave the epoll before the task
/// goes on or is destroyed, so that none is closed in it.
///
/// It is used by one thread at a time; only the wakers of its tasks are for any.
/// Do not use it in the child of a fork.
class Reactor {
  public:
    /// A task on its way. Its owner may let go of it: that cancels it.
    class Running;

    /// Makes a task for its Call.
    using MakeTask = std::function<Task<void>(Call &)>;

    /// Throws Error if no descriptors can be made.
    Reactor();
    Reactor(const Reactor &) = delete;
    Reactor &operator=(const Reactor &) = delete;
    Reactor(Reactor &&) = delete;
    Reactor &operator=(Reactor &&) = delete;
    ~Reactor();

    /// Readable when dispatch() has something to do.
    int descriptor() const noexcept { return epoll_.get(); }

    /// Starts a task and takes it to its first wait; it may have ended then.
    /// Where many are started between two dispatches the rest is dispatch()'s
    /// to take there, in their order.
    std::shared_ptr<Running> start(Limits limits, const MakeTask &make_task);

    /// Destroys a task wherever it is; nothing of it waits any more.
    void cancel(Running &running) noexcept;

    /// Advances what is ready, but for no longer than `budget` and what one
    /// task does until its next wait, and returns the tasks that have ended.
    ///
    /// Deadlines are judged when everything that has arrived was read: time in
    /// which nobody dispatched is not the tasks'.
    std::vector<std::shared_ptr<Running>> dispatch(Duration budget);

    /// Time in which the owner did something else: all deadlines are put off.
    void excuse(Duration time);

    /// Makes the descriptor readable until the next dispatch().
    void ring() noexcept;

    /// Tasks that have not ended.
    std::size_t size() const noexcept { return running_.size(); }

  private:
    using Id = std::uint64_t;

    void advance(const std::shared_ptr<Running> &running);
    void watch(Running &running, const Wait &wait);
    void unwatch(Running &running) noexcept;
    void arm();
    bool gather();
    void overdue();
    void end_late();
    void make_ready(Id id);

    Descriptor epoll_;
    Descriptor timer_;
    std::shared_ptr<Inbox> inbox_;
    unsigned generation_;
    Id last_id_ = 0;
    std::unordered_map<Id, std::shared_ptr<Running>> running_;
    std::deque<Id> ready_;
    std::set<std::pair<Time, Id>> deadlines_;
    std::optional<Time> armed_;
    std::vector<std::shared_ptr<Running>> ended_;
    Time moment_ = Clock::now(); // the tasks' now
    Duration lag_{};             // how long dispatch() has worked since
    Duration unjudged_{};        // and since it looked at the deadlines last
    Duration starting_{};        // how long start() has worked since the last dispatch
};

class Reactor::Running {
  public:
    Running(Limits limits, std::shared_ptr<Waker> waker, const Time *clock, Id id)
        : call_(limits, std::move(waker), clock), id_(id) {}
    Running(const Running &) = delete;
    Running &operator=(const Running &) = delete;
    Running(Running &&) = delete;
    Running &operator=(Running &&) = delete;
    ~Running() = default;

    bool ended() const noexcept { return ended_; }
    bool failed() const noexcept { return failure_ != nullptr; }

    /// After the end: throws what the task threw.
    void result() const {
        if (failure_)
            std::rethrow_exception(failure_);
    }

  private:
    friend class Reactor;

    Call call_;
    Id id_;
    std::unique_ptr<Operation<void>> operation_; // destroyed before the call
    std::vector<pollfd> watched_;
    std::optional<Time> deadline_;
    bool queued_ = false; // in ready_
    bool ended_ = false;
    std::exception_ptr failure_;
};

} // namespace pyremctl
