// The reason for a delay, for the hint of a call that gives up.
#pragma once

#include <string>
#include <utility>

#include "transport/process.hpp"
#include "transport/task.hpp"

namespace pyremctl {

/// The step that a helper thread is working on. The thread sets it before the step
/// starts; a call that gives up meanwhile reports that this step was not done in time.
/// So the hint never names a step that was not started.
class Delay {
  public:
    /// A shorter wait proves nothing: this machine may be busy.
    static constexpr auto noticeable = std::chrono::milliseconds(100);

    /// Called by the helper thread. `hint` is for a call that gives up before the next
    /// step; it may be empty.
    void at(std::string hint) {
        const StateLock lock(this);
        hint_ = std::move(hint);
        since_ = Clock::now();
    }

    /// Called by any thread; empty if there is no hint.
    std::string hint() const {
        const StateLock lock(this);
        return Clock::now() - since_ < noticeable ? "" : hint_;
    }

  private:
    std::string hint_;
    Time since_ = Clock::now();
};

} // namespace pyremctl
