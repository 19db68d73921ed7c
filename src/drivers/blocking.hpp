// The blocking driver: one task, waited for with poll(2), and signals.
#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>

#include "drivers/turns.hpp"
#include "transport/call.hpp"
#include "transport/task.hpp"
#include "transport/waker.hpp"

namespace pyremctl {

/// Checks for interrupts during a blocking wait. The bindings' implementation runs
/// Python's signal handlers.
class Interrupts {
  public:
    Interrupts() = default;
    Interrupts(const Interrupts &) = delete;
    Interrupts &operator=(const Interrupts &) = delete;
    Interrupts(Interrupts &&) = delete;
    Interrupts &operator=(Interrupts &&) = delete;
    virtual ~Interrupts() = default;

    /// Called after a signal and once every slice. An exception ends the call.
    virtual void check() = 0;

    /// Called just before a wait. An exception ends the call.
    virtual void about_to_wait() {}

    /// The longest time between two checks, or nothing if this thread never handles
    /// signals. A signal ends the wait immediately; the slice is for a signal that
    /// arrived between the check and the wait, or was delivered to another thread.
    virtual std::optional<Duration> slice() const = 0;
};

/// Runs one task in one thread.
class BlockingDriver {
  public:
    BlockingDriver(EventWaker &waker, Interrupts &interrupts) noexcept
        : waker_(waker), interrupts_(interrupts) {}

    /// Waits until a descriptor is ready, the waker is woken, the time is reached, or
    /// the interrupts have been checked. A signal handler may use the same waker, so
    /// the task must check again whether its condition holds. Throws Error if poll
    /// fails; passes on exceptions of the interrupts.
    void wait_for(const Wait &wait);

    /// Runs a task to its end and returns its result.
    template <class T> T run(Task<T> task) {
        Operation<T> operation(std::move(task));
        while (const Wait *wait = operation.advance())
            wait_for(*wait);
        return operation.result();
    }

  private:
    void breathe();
    void look();

    EventWaker &waker_;
    Interrupts &interrupts_;
    Time looked_ = Clock::now(); // when the interrupts were last checked
    Duration effort_{};          // duration of the last check
};

/// Runs the task from `make_task` to completion on a helper thread, which handles no
/// signals, then calls `ended` on that thread with the task's exception, or null.
/// Neither function may throw. Throws Error if no thread can be started.
void run_on_helper(std::function<Task<void>(Call &)> make_task,
                   std::function<void(const std::exception_ptr &)> ended);

/// This thread's waker: one descriptor per waiting thread, not per connection. The
/// child of a fork gets a new one.
const std::shared_ptr<EventWaker> &thread_waker();

/// The number of this thread as a caller.
Caller this_thread() noexcept;

} // namespace pyremctl
