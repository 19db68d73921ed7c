// Python's side of a blocking call: without the interpreter lock, with its
// signals.
#pragma once

#include <pybind11/pybind11.h>

#include "drivers/blocking.hpp"

namespace pyremctl {

/// True once the interpreter is shutting down: Python's own things may be gone.
bool finalizing() noexcept;

/// Releases the interpreter lock for as long as it lives, or until relock(),
/// and lets a wait look at Python's signal handlers.
///
/// Convert all arguments before and touch no Python object meanwhile. A thread that
/// holds a mutex of ours never waits for the interpreter lock, so that one may
/// be taken with it or without.
class Unlocked final : public Interrupts {
  public:
    Unlocked();
    Unlocked(const Unlocked &) = delete;
    Unlocked &operator=(const Unlocked &) = delete;
    Unlocked(Unlocked &&) = delete;
    Unlocked &operator=(Unlocked &&) = delete;
    ~Unlocked() override;

    /// Takes the interpreter lock back. Once the interpreter is shutting down
    /// it never returns: this thread has nothing to return to.
    void relock() noexcept;

    /// Runs Python's signal handlers. Throws what they raised.
    void check() override;

    /// Hands out what there is for the log, so that it is told as it happens.
    void about_to_wait() override;

    std::optional<Duration> slice() const override;

  private:
    bool main_;
    PyThreadState *state_;
};

} // namespace pyremctl
