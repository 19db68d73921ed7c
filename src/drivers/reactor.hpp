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

/// Waits for many tasks at once, in an event loop that watches descriptor() and calls
/// dispatch() when it is readable.
///
/// It has one epoll for the tasks' descriptors, one timer for their deadlines, and one
/// inbox that helper threads and other callers write to, all of them behind the epoll's
/// own descriptor. A task's descriptors are removed from the epoll before the task
/// continues or is destroyed, so that none is closed while it is in there.
///
/// Only one thread at a time may use it; the wakers of its tasks may be used by any
/// thread. Do not use it in the child of a fork.
class Reactor {
  public:
    /// A running task.
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

    /// Starts a task and runs it until its first wait; it may have ended then. If many
    /// tasks are started between two dispatches, the later ones are queued, and
    /// dispatch() starts them in order.
    std::shared_ptr<Running> start(Limits limits, const MakeTask &make_task);

    /// Destroys a task, wherever it waits.
    void cancel(Running &running) noexcept;

    /// Advances the tasks that are ready and returns those that have ended. It stops
    /// after `budget`, when the current task reaches its next wait.
    ///
    /// Deadlines are checked after everything that has arrived was read, so that time
    /// in which nobody dispatched is not counted against the tasks.
    std::vector<std::shared_ptr<Running>> dispatch(Duration budget);

    /// Moves all deadlines by `time`, in which the owner did something else.
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
    Time moment_ = Clock::now(); // the tasks' current time
    Duration lag_{};             // how long dispatch() has worked since that
    Duration unjudged_{};        // and since the last check of the deadlines
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

    /// After the end: throws the task's exception, if any.
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
