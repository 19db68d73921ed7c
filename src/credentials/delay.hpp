// Why something takes long, for the hint of a call that gives up.
#pragma once

#include <string>
#include <utility>

#include "transport/process.hpp"
#include "transport/task.hpp"

namespace pyremctl {

/// What a helper thread is doing that may take long. It says so before it
/// begins; a call that gives up meanwhile says that this was not done in time.
/// So the hint never names what was not even begun.
class Delay {
  public:
    /// A shorter wait tells nothing: this machine may be busy.
    static constexpr auto noticeable = std::chrono::milliseconds(100);

    /// From the helper thread. `hint` is for a call that gives up before the
    /// next step; empty when there is nothing to say.
    void at(std::string hint) {
        const StateLock lock(this);
        hint_ = std::move(hint);
        since_ = Clock::now();
    }

    /// From any thread; empty where nothing can be told.
    std::string hint() const {
        const StateLock lock(this);
        return Clock::now() - since_ < noticeable ? "" : hint_;
    }

  private:
    std::string hint_;
    Time since_ = Clock::now();
};

} // namespace pyremctl
