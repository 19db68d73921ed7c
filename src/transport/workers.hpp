// Helper threads, which are kept for a while after their work.
#pragma once

#include <functional>

namespace pyremctl::workers {

/// Runs `work`, which must not throw, on a helper thread: an idle one, or a new one.
/// Their number is not limited, because that number of silent peers would then block
/// everything. Idle threads end after half a second, and before a fork; the system
/// shows them as "remctl-idle".
///
/// A helper thread blocks all signals: handlers run in Python's threads, and a write to
/// a closed connection does not raise SIGPIPE. Throws Error if no thread can be
/// started.
void run(std::function<void()> work);

} // namespace pyremctl::workers
