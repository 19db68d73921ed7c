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

/// What may interrupt a blocking wait. The bindings look at Python's signals.
class Interrupts {
  public:
    Interrupts() = default;
    Interrupts(const Interrupts &) = delete;
    Interrupts &operator=(const Interrupts &) = delete;
    Interrupts(Interrupts &&) = delete;
    Interrupts &operator=(Interrupts &&) = delete;
    virtual ~Interrupts() = default;

    /// Called after a signal and once every slice. What it throws ends the call.
    virtual void check() = 0;

    /// Called just before a wait. What it throws ends the call.
    virtual void about_to_wait() {}

    /// The longest time between two checks, or nothing where signals can't
    /// concern this thread. A signal ends the wait at once; the slice is for
    /// one that came between the check and the wait, or to another thread.
    virtual std::optional<Duration> slice() const = 0;
};

/// How one thread waits for one task.
class BlockingDriver {
  public:
    BlockingDriver(EventWaker &waker, Interrupts &interrupts) noexcept
        : waker_(waker), interrupts_(interrupts) {}

    /// Waits until one of the descriptors is ready, the waker is woken, the
    /// moment has come, or the interrupts have been looked at. What they run
    /// may use the same waker, so that the task has to look again at what it
    /// waits for. Throws Error where poll fails, and what the interrupts throw.
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
    Time looked_ = Clock::now(); // at the interrupts
    Duration effort_{};          // that the last look took
};

/// Runs the task that `make_task` gives to its end on a helper thread, which no
/// signal concerns, and calls `ended` there with what it failed with, or null.
/// Neither may throw. Throws Error if no thread can be started.
void run_on_helper(std::function<Task<void>(Call &)> make_task,
                   std::function<void(const std::exception_ptr &)> ended);

/// This thread's waker: one descriptor for each thread that waits, not for
/// each connection. The child of a fork has a new one.
const std::shared_ptr<EventWaker> &thread_waker();

/// This thread, as a caller.
Caller this_thread() noexcept;

} // namespace pyremctl
