// The blocking driver: waits with poll(2), and looks at signals.
#pragma once

#include <chrono>
#include <optional>

#include "transport/task.hpp"
#include "transport/waker.hpp"

namespace pyremctl {

/// What may interrupt a blocking wait. The bindings look at Python's signals.
class Interrupts {
  public:
    Interrupts() = default;
    Interrupts(const Interrupts &) = delete;
    Interrupts &operator=(const Interrupts &) = delete;
    virtual ~Interrupts() = default;

    /// Called after a signal and once every slice. What it throws ends the call.
    virtual void check() = 0;

    /// The longest time between two checks, or nothing where signals can't
    /// concern this thread. A signal ends the wait at once; the slice is for
    /// one that came between the check and the wait, or to another thread.
    virtual std::optional<Duration> slice() const = 0;
};

/// Waits until one of the descriptors is ready, the waker is woken, the moment
/// has come, or the interrupts have been looked at; `checked` is when they were
/// last. What they run may use the same waker, so that the task has to look
/// again at what it waits for. Throws Error where poll fails, and what the
/// interrupts throw.
void poll_for(const Wait &wait, Waker &waker, Interrupts &interrupts, Time &checked);

/// Runs a task to its end and returns its result.
template <class T> T run_blocking(Task<T> task, Waker &waker, Interrupts &interrupts) {
    Operation<T> operation(std::move(task));
    Time checked = Clock::now();
    while (const Wait *wait = operation.advance())
        poll_for(*wait, waker, interrupts, checked);
    return operation.result();
}

} // namespace pyremctl
