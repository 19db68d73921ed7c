// Python's side of a blocking call: releases the interpreter lock and checks for
// signals.
#pragma once

#include <pybind11/pybind11.h>

#include "drivers/blocking.hpp"

namespace pyremctl {

/// True once the interpreter is shutting down: Python objects may be gone.
bool finalizing() noexcept;

/// Releases the interpreter lock for as long as the object lives, or until relock(),
/// and lets a wait run Python's signal handlers.
///
/// Convert all arguments before, and touch no Python object meanwhile. A thread that
/// holds one of our mutexes never waits for the interpreter lock, so a mutex may be
/// locked with or without it.
class Unlocked final : public Interrupts {
  public:
    Unlocked();
    Unlocked(const Unlocked &) = delete;
    Unlocked &operator=(const Unlocked &) = delete;
    Unlocked(Unlocked &&) = delete;
    Unlocked &operator=(Unlocked &&) = delete;
    ~Unlocked() override;

    /// Takes the interpreter lock back. If the interpreter is shutting down, this never
    /// returns in threads other than the main one.
    void relock() noexcept;

    /// Runs Python's signal handlers. Throws their exception, if any.
    void check() override;

    /// Logs the notes so far, so that the log is up to date while the call waits.
    void about_to_wait() override;

    std::optional<Duration> slice() const override;

  private:
    bool main_;
    PyThreadState *state_;
};

} // namespace pyremctl
